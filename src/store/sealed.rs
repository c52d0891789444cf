//! Everything that is sealed, sealed anew under the key in force. The only place that goes over all workspaces' secrets;
//! it shows none of them.

use super::seal::place;
use super::{Db, Store, StoreError};

/// The sealed columns.
const COLUMNS: &[Column] = &[
    Column {
        table: "channels",
        column: "settings",
        read: "SELECT id, settings FROM channels ORDER BY id",
        hold: "SELECT id, settings FROM channels ORDER BY id FOR UPDATE",
        write: "UPDATE channels SET settings = $2 WHERE id = $1",
    },
    Column {
        table: "agents",
        column: "credentials",
        read: "SELECT id, credentials FROM agents WHERE credentials IS NOT NULL ORDER BY id",
        hold: "SELECT id, credentials FROM agents WHERE credentials IS NOT NULL ORDER BY id FOR UPDATE",
        write: "UPDATE agents SET credentials = $2 WHERE id = $1",
    },
    Column {
        table: "invitations",
        column: "token",
        read: "SELECT id, token FROM invitations WHERE token IS NOT NULL ORDER BY id",
        hold: "SELECT id, token FROM invitations WHERE token IS NOT NULL ORDER BY id FOR UPDATE",
        write: "UPDATE invitations SET token = $2 WHERE id = $1",
    },
    Column {
        table: "one_time_codes",
        column: "code",
        read: "SELECT id, code FROM one_time_codes WHERE code IS NOT NULL ORDER BY id",
        hold: "SELECT id, code FROM one_time_codes WHERE code IS NOT NULL ORDER BY id FOR UPDATE",
        write: "UPDATE one_time_codes SET code = $2 WHERE id = $1",
    },
    Column {
        table: "webhook_endpoints",
        column: "secrets",
        read: "SELECT id, secrets FROM webhook_endpoints ORDER BY id",
        hold: "SELECT id, secrets FROM webhook_endpoints ORDER BY id FOR UPDATE",
        write: "UPDATE webhook_endpoints SET secrets = $2 WHERE id = $1",
    },
    Column {
        table: "calendars",
        column: "address",
        read: "SELECT id, address FROM calendars ORDER BY id",
        hold: "SELECT id, address FROM calendars ORDER BY id FOR UPDATE",
        write: "UPDATE calendars SET address = $2 WHERE id = $1",
    },
    Column {
        table: "providers",
        column: "credentials",
        read: "SELECT id, credentials FROM providers ORDER BY id",
        hold: "SELECT id, credentials FROM providers ORDER BY id FOR UPDATE",
        write: "UPDATE providers SET credentials = $2 WHERE id = $1",
    },
];

struct Column {
    table: &'static str,
    column: &'static str,
    read: &'static str,
    /// The same, with the rows held against other writers until the commit; `SQLite` has one writer and needs none.
    hold: &'static str,
    write: &'static str,
}

/// What became of one sealed column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub column: &'static str,
    /// Values that were sealed under an earlier key, or in an earlier form.
    pub renewed: usize,
    /// Values that were sealed under the key in force already.
    pub current: usize,
}

/// What was found out about everything that is sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seals {
    /// Values that are sealed under an earlier key, or in an earlier form.
    pub outdated: usize,
    /// Values that open with no key: table and row.
    pub unreadable: Vec<(&'static str, String)>,
}

impl Store {
    /// Seals every secret under the key in force, in one transaction: all or nothing. A second time changes nothing.
    ///
    /// # Errors
    /// The database is not available, or a value opens with neither key; nothing was written.
    pub async fn reseal(&self) -> Result<Vec<Resealed>, StoreError> {
        let mut done = Vec::new();
        match self.db() {
            Db::Sqlite { write, .. } => {
                let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
                for column in COLUMNS {
                    let rows: Vec<(String, String)> = sqlx::query_as(column.read).fetch_all(&mut *tx).await?;
                    let (renewed, result) = self.renewed(column, rows)?;
                    for (id, sealed) in renewed {
                        sqlx::query(column.write).bind(id).bind(sealed).execute(&mut *tx).await?;
                    }
                    done.push(result);
                }
                tx.commit().await?;
            }
            Db::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                for column in COLUMNS {
                    let rows: Vec<(String, String)> = sqlx::query_as(column.hold).fetch_all(&mut *tx).await?;
                    let (renewed, result) = self.renewed(column, rows)?;
                    for (id, sealed) in renewed {
                        sqlx::query(column.write).bind(id).bind(sealed).execute(&mut *tx).await?;
                    }
                    done.push(result);
                }
                tx.commit().await?;
            }
        }
        Ok(done)
    }

    /// Looks at what is sealed, and opens it: how much of it needs the key before, and what opens with no key at all.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn examine_seals(&self) -> Result<Seals, StoreError> {
        let mut seals = Seals::default();
        for column in COLUMNS {
            let rows: Vec<(String, String)> = match self.db() {
                Db::Sqlite { write, .. } => sqlx::query_as(column.read).fetch_all(write).await?,
                Db::Postgres(pool) => sqlx::query_as(column.read).fetch_all(pool).await?,
            };
            for (id, sealed) in rows {
                if self.sealer().open(column.table, column.column, &id, &sealed).is_err() {
                    seals.unreadable.push((column.table, id));
                } else if !self.sealer().is_current(&sealed) {
                    seals.outdated += 1;
                }
            }
        }
        Ok(seals)
    }

    /// The rows that must be written, sealed anew, and the count of both sorts.
    fn renewed(
        &self,
        column: &Column,
        rows: Vec<(String, String)>,
    ) -> Result<(Vec<(String, String)>, Resealed), StoreError> {
        let total = rows.len();
        let mut renewed = Vec::new();
        for (id, sealed) in rows {
            if self.sealer().is_current(&sealed) {
                continue;
            }
            let text = self.sealer().open(column.table, column.column, &id, &sealed)?;
            let sealed = self.sealer().seal(&place(column.table, column.column, &id), &text)?;
            renewed.push((id, sealed));
        }
        let current = total - renewed.len();
        let counts = Resealed { table: column.table, column: column.column, renewed: renewed.len(), current };
        Ok((renewed, counts))
    }
}
