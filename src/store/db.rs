//! The two pools behind one name, and the macros that run one statement text on either.

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::StoreError;
use super::rows::clean;

/// Where the database is and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Connections for reading (`SQLite`), or in all (`PostgreSQL`).
    pub connections: u32,
    /// Changes that may wait for the writer; more make their callers wait.
    pub queue: usize,
    /// How long a node's lease lasts without renewal, in milliseconds.
    pub lease_ms: i64,
    /// How long to wait for a connection.
    pub acquire_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "sqlite:switchboard.db".to_owned(),
            connections: 8,
            queue: 10_000,
            lease_ms: 15_000,
            acquire_timeout: Duration::from_secs(5),
        }
    }
}

/// One of the two databases.
#[derive(Clone)]
pub enum Db {
    /// Embedded: many readers, one writer.
    Sqlite {
        /// Readers.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// A server, perhaps shared with other nodes.
    Postgres(PgPool),
}

impl Db {
    pub(super) async fn open(options: &Options) -> Result<Self, StoreError> {
        if let Some(path) = options.url.strip_prefix("sqlite:") {
            let path = PathBuf::from(path.trim_start_matches("//"));
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                tokio::fs::create_dir_all(folder)
                    .await
                    .map_err(|error| StoreError::Options(format!("{}: {error}", folder.display())))?;
            }
            let connect = sqlite_options(&path);
            let write = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(options.acquire_timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_with(connect.clone())
                .await?;
            let read = SqlitePoolOptions::new()
                .min_connections(1)
                .max_connections(options.connections)
                .acquire_timeout(options.acquire_timeout)
                .max_lifetime(None)
                .connect_with(connect.pragma("query_only", "ON"))
                .await?;
            return Ok(Self::Sqlite { read, write });
        }
        let connect = PgConnectOptions::from_str(&options.url)
            .map_err(|error| StoreError::Options(format!("database must be sqlite:PATH or postgres://…: {error}")))?
            .application_name("switchboard");
        let pool = PgPoolOptions::new()
            .max_connections(options.connections.max(3))
            .acquire_timeout(options.acquire_timeout)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // A node that falls asleep within a transaction would hold its rows, and every other node with them.
                    sqlx::query("SET idle_in_transaction_session_timeout = '10s'").execute(connection).await?;
                    Ok(())
                })
            })
            .connect_with(connect)
            .await?;
        Ok(Self::Postgres(pool))
    }

    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await?,
            Self::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await?,
        }
        Ok(())
    }
}

fn sqlite_options(path: &std::path::Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // A new database only: most rows fit into a quarter of such a page, which is what an index may hold of a row.
        .page_size(8192)
        .journal_mode(SqliteJournalMode::Wal)
        // Every commit reaches the disk before it is answered; batching makes that cheap.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        // Checkpoints copy the log into the database; larger steps copy a page that changes often only once.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("cache_size", "-16000")
        .pragma("temp_store", "MEMORY")
}

/// A value on its way into a statement, fit for both databases.
pub(super) trait Parameter {
    /// What is bound.
    type Bound;

    fn parameter(self) -> Self::Bound;
}

impl Parameter for i64 {
    type Bound = Self;

    fn parameter(self) -> Self {
        self
    }
}

impl Parameter for Option<i64> {
    type Bound = Self;

    fn parameter(self) -> Self {
        self
    }
}

impl<'a> Parameter for &'a str {
    type Bound = Cow<'a, str>;

    fn parameter(self) -> Cow<'a, str> {
        clean(self)
    }
}

impl Parameter for &[u8] {
    type Bound = Self;

    fn parameter(self) -> Self {
        self
    }
}

impl<'a> Parameter for Option<&'a str> {
    type Bound = Option<Cow<'a, str>>;

    fn parameter(self) -> Self::Bound {
        self.map(clean)
    }
}

/// Runs a query on either database and gives all rows as `$row`.
macro_rules! fetch_all {
    ($db:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $db {
            $crate::store::Db::Sqlite { read, .. } => {
                sqlx::query_as::<_, $row>($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*.fetch_all(read).await.map_err($crate::store::StoreError::from)
            }
            $crate::store::Db::Postgres(pool) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*.fetch_all(pool).await.map_err($crate::store::StoreError::from)
            }
        }
    };
}

/// Runs a query on either database and gives its first row, if any, as `$row`.
macro_rules! fetch_optional {
    ($db:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $db {
            $crate::store::Db::Sqlite { read, .. } => {
                sqlx::query_as::<_, $row>($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*.fetch_optional(read).await.map_err($crate::store::StoreError::from)
            }
            $crate::store::Db::Postgres(pool) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*.fetch_optional(pool).await.map_err($crate::store::StoreError::from)
            }
        }
    };
}

/// Runs a query on either database and gives its only row as `$row`.
macro_rules! fetch_one {
    ($db:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $db {
            $crate::store::Db::Sqlite { read, .. } => {
                sqlx::query_as::<_, $row>($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*.fetch_one(read).await.map_err($crate::store::StoreError::from)
            }
            $crate::store::Db::Postgres(pool) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*.fetch_one(pool).await.map_err($crate::store::StoreError::from)
            }
        }
    };
}

/// Runs a statement that writes, outside the hot path, and gives the number of rows it touched.
macro_rules! execute {
    ($db:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $db {
            $crate::store::Db::Sqlite { write, .. } => sqlx::query($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*
                .execute(write).await.map(|done| done.rows_affected()).map_err($crate::store::StoreError::from),
            $crate::store::Db::Postgres(pool) => sqlx::query($sql)$(.bind($crate::store::db::Parameter::parameter($bind)))*
                .execute(pool).await.map(|done| done.rows_affected()).map_err($crate::store::StoreError::from),
        }
    };
}

pub(super) use {execute, fetch_all, fetch_one, fetch_optional};
