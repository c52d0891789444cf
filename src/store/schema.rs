//! The database itself, for those who run it: its schema brought up to date, and how it is doing.

use super::db::{execute, fetch_all, fetch_one};
use super::{Db, Options, StoreError};

/// How a database is doing.
#[derive(Debug)]
pub struct Health {
    /// Names of the migrations that it lacks.
    pub pending: Vec<String>,
    /// Why it cannot be written, where it cannot. Not known while migrations are pending.
    pub unwritable: Option<StoreError>,
    /// Its clock minus ours in milliseconds, where it has a clock of its own.
    pub clock_ahead_ms: Option<i64>,
}

/// Brings the schema up to date. Gives the names of the migrations that were applied.
///
/// # Errors
/// The database cannot be reached or migrated.
pub async fn migrate(options: &Options) -> Result<Vec<String>, StoreError> {
    let db = Db::open(options).await?;
    let pending = pending(&db).await;
    db.migrate().await?;
    Ok(pending)
}

/// Looks at a database without changing what is in it. `now` is our time in Unix milliseconds.
///
/// # Errors
/// The database cannot be reached.
pub async fn examine(options: &Options, now: i64) -> Result<Health, StoreError> {
    let db = Db::open(options).await?;
    let pending = pending(&db).await;
    let unwritable = if pending.is_empty() {
        // It touches no row, but a database that cannot be written refuses it all the same.
        execute!(&db, "UPDATE nodes SET lease_until = lease_until WHERE id = ''").err()
    } else {
        None
    };
    let clock_ahead_ms = match &db {
        Db::Sqlite { .. } => None,
        Db::Postgres(_) => {
            const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
            let (theirs,) = fetch_one!(&db, (i64,), NOW)?;
            Some(theirs - now)
        }
    };
    Ok(Health { pending, unwritable, clock_ahead_ms })
}

/// Names of the migrations that are not in the database's own list; a database without the list has none of them.
async fn pending(db: &Db) -> Vec<String> {
    let migrator = match db {
        Db::Sqlite { .. } => sqlx::migrate!("migrations/sqlite"),
        Db::Postgres(_) => sqlx::migrate!("migrations/postgres"),
    };
    let applied: Vec<(i64,)> =
        fetch_all!(db, (i64,), "SELECT version FROM _sqlx_migrations WHERE success = TRUE").unwrap_or_default();
    let lacking = migrator.iter().filter(|migration| !applied.contains(&(migration.version,)));
    lacking.map(|migration| format!("{:04}_{}", migration.version, migration.description.replace(' ', "_"))).collect()
}
