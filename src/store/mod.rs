//! The database: all SQL lives here, and every query of a tenant's rows names its workspace.
//!
//! Two databases, one store: SQLite (embedded, the default) and PostgreSQL, each by its native pool. Statements are
//! one text for both; what must differ stands in `dialect`. The hot path goes through `Store::commit`, which turns
//! many callers' changes into one transaction of few statements.

mod agenda;
pub mod agents;
pub mod analytics;
pub mod api_keys;
pub mod audit;
mod awaited_mails;
pub mod calendars;
pub mod channels;
mod commit;
pub mod contacts;
pub mod conversations;
mod db;
pub mod deliveries;
mod dialect;
pub mod documents;
mod elsewhere;
pub mod embeddings;
mod encode;
pub mod erasures;
pub mod events;
pub mod exchanges;
pub mod exports;
pub mod files;
pub mod follow_ups;
mod forgetting;
pub mod idempotency;
pub mod invitations;
pub mod jobs;
pub mod leads;
pub mod mailboxes;
pub mod members;
pub mod memories;
pub mod merges;
pub mod messages;
pub mod nodes;
pub mod one_time_codes;
pub mod profiles;
pub mod providers;
pub mod remembered;
mod reminders;
pub mod retention;
mod rows;
pub mod schema;
pub mod seal;
pub mod sealed;
pub mod sessions;
pub mod signing_in;
pub mod suppressions;
pub mod tables;
pub mod tasks;
pub mod templates;
pub mod traces;
mod transactions;
pub mod usage;
mod used_tokens;
pub mod users;
mod validate;
pub mod webhooks;
pub mod whispers;
pub mod workspaces;
mod writer;

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::domain::changes::{Change, Refusal};
use crate::domain::jobs::Job;
use crate::telemetry::clock::Clock;

pub use db::{Db, Options};

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is gone.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Migrations could not be applied.
    #[error("migrations: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored row cannot be read: its table, column and id, and why.
    #[error("{table}.{column} of {id} cannot be read: {reason}")]
    Unreadable {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Row.
        id: String,
        /// Why.
        reason: String,
    },
    /// The row is another workspace's.
    #[error("{table}: {id} belongs to another workspace")]
    Foreign {
        /// Table.
        table: &'static str,
        /// Row.
        id: String,
    },
    /// The settings of the database make no sense.
    #[error("{0}")]
    Options(String),
}

impl StoreError {
    /// Whether another row has what must be unique.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Database(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()))
    }

    /// Whether another row still needs this one.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        matches!(self, Self::Database(error) if error.as_database_error().is_some_and(|error| error.is_foreign_key_violation()))
    }

    /// Says no to a statement that touched no row because the row is another workspace's.
    fn unless_touched(touched: u64, table: &'static str, id: &str) -> Result<(), Self> {
        if touched == 0 { Err(Self::Foreign { table, id: id.to_owned() }) } else { Ok(()) }
    }
}

/// What was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Something in it was new: a message, a revision, or a status that moved forward.
    pub news: bool,
}

/// A committed event on its way to whoever listens in this process.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Its workspace.
    pub workspace_id: Arc<str>,
    /// Its number in the workspace.
    pub seq: i64,
    /// Its kind, for example `message.received`.
    pub kind: &'static str,
    /// Its conversation.
    pub conversation_id: Option<Arc<str>>,
    /// Unix milliseconds.
    pub at: i64,
    /// Its snapshot as JSON text.
    pub data: Arc<str>,
}

/// The store. Clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    node_id: String,
    clock: Clock,
    writer: mpsc::Sender<writer::Envelope>,
    live: broadcast::Sender<Arc<[LiveEvent]>>,
    feed: mpsc::UnboundedSender<Job>,
    elsewhere: broadcast::Sender<Arc<[LiveEvent]>>,
    whispers: broadcast::Sender<whispers::Whisper>,
    sealer: seal::Sealer,
    lease: nodes::Lease,
}

/// Jobs that this node wrote and now holds, in the order of their commits.
pub type JobFeed = mpsc::UnboundedReceiver<Job>;

impl Store {
    /// Opens the database, brings its schema up to date and starts the writer on the current runtime.
    ///
    /// # Errors
    /// The database cannot be reached or migrated.
    pub async fn open(options: &Options, sealer: seal::Sealer, clock: Clock) -> Result<(Self, JobFeed), StoreError> {
        let db = Db::open(options).await?;
        db.migrate().await?;
        let node_id = clock.id();
        let (writer, queue) = mpsc::channel(options.queue);
        let (feed, jobs) = mpsc::unbounded_channel();
        let (live, _) = broadcast::channel(4_096);
        let (elsewhere, _) = broadcast::channel(4_096);
        let (whispers, _) = broadcast::channel(4_096);
        writer::start(db.clone(), node_id.clone(), queue, feed.clone(), live.clone());
        let lease = nodes::Lease::new();
        let inner = Inner { db, node_id, clock, writer, live, feed, elsewhere, whispers, sealer, lease };
        let store = Self { inner: Arc::new(inner) };
        store.register_node(options.lease_ms).await?;
        Ok((store, jobs))
    }

    /// Commits a change together with whatever else is waiting, all or nothing for this change.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing of the change was written, except that after `Unavailable` it is not known.
    pub async fn commit(&self, change: Change) -> Result<Committed, Refusal> {
        let (reply, outcome) = oneshot::channel();
        let envelope = writer::Envelope { change, reply, at: self.inner.clock.now() };
        if self.inner.writer.send(envelope).await.is_err() {
            return Err(Refusal::Unavailable("the writer has stopped".to_owned()));
        }
        outcome.await.unwrap_or_else(|_| Err(Refusal::Unavailable("the writer has stopped".to_owned())))
    }

    /// This process's id in the table of nodes.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.inner.node_id
    }

    /// The clock that stamps rows.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Committed events from now on. A slow listener is told how many it missed and reads them from the table.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<[LiveEvent]>> {
        self.inner.live.subscribe()
    }

    fn lease(&self) -> &nodes::Lease {
        &self.inner.lease
    }

    fn sealer(&self) -> &seal::Sealer {
        &self.inner.sealer
    }

    fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        db::fetch_one!(self.db(), (i64,), "SELECT CAST(1 AS BIGINT)").map(|_| ())
    }

    /// Whether the store is the shared kind, which other nodes may use at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.db, Db::Postgres(_))
    }
}
