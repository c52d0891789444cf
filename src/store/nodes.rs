//! Nodes: the processes that hold leases on jobs. A job is its node's while the node's lease lives.

use std::sync::atomic::{AtomicI64, Ordering};

use super::db::{execute, fetch_all, fetch_one};
use super::{Store, StoreError};

/// What this process knows of its own lease without asking the database.
#[derive(Debug)]
pub(super) struct Lease {
    /// It certainly lives until then, Unix milliseconds.
    until: AtomicI64,
    /// When this process last found that it had run out; what it held before may be another node's now.
    lapsed_at: AtomicI64,
}

impl Lease {
    pub(super) const fn new() -> Self {
        Self { until: AtomicI64::new(0), lapsed_at: AtomicI64::new(i64::MIN) }
    }

    /// Whether a job that this node wrote at `born` is certainly still its own.
    fn covers(&self, born: i64, now: i64) -> bool {
        now < self.until.load(Ordering::SeqCst) && born > self.lapsed_at.load(Ordering::SeqCst)
    }
}

impl Store {
    /// Enters this process in the table of nodes. On SQLite it is the only one, so every other lease is over.
    pub(super) async fn register_node(&self, lease_ms: i64) -> Result<(), StoreError> {
        if !self.is_shared() {
            execute!(self.db(), "UPDATE nodes SET lease_until = 0")?;
        }
        self.enter_node(lease_ms).await
    }

    /// Renews this node's lease. Gives `false` when it had run out or another node has ended it: then its jobs may be
    /// another's.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn renew_lease(&self, lease_ms: i64) -> Result<bool, StoreError> {
        let now = self.clock().now();
        let renewed = execute!(
            self.db(),
            "UPDATE nodes SET lease_until = $2 WHERE id = $1 AND lease_until >= $3",
            self.node_id(),
            now + lease_ms,
            now
        )? > 0;
        if renewed {
            self.lease().until.store(now + lease_ms, Ordering::SeqCst);
        }
        Ok(renewed)
    }

    /// Gives this node's lease back, so that others need not wait for it to run out.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn release_lease(&self) -> Result<(), StoreError> {
        self.lease().until.store(0, Ordering::SeqCst);
        execute!(self.db(), "UPDATE nodes SET lease_until = 0 WHERE id = $1", self.node_id()).map(|_| ())
    }

    /// Enters this node again after its lease has run out or another has ended it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn rejoin(&self, lease_ms: i64) -> Result<(), StoreError> {
        self.lease().lapsed_at.store(self.clock().now(), Ordering::SeqCst);
        self.enter_node(lease_ms).await
    }

    async fn enter_node(&self, lease_ms: i64) -> Result<(), StoreError> {
        let now = self.clock().now();
        execute!(
            self.db(),
            "INSERT INTO nodes (id, lease_until, started_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until",
            self.node_id(),
            now + lease_ms,
            now
        )?;
        self.lease().until.store(now + lease_ms, Ordering::SeqCst);
        Ok(())
    }

    /// Whether this node still holds a job. The database is asked only when the lease may have run out since the job
    /// was written: a process that was paused wakes up with jobs that another node has done meanwhile.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn holds_job(&self, id: &str) -> Result<bool, StoreError> {
        if !self.is_shared() || self.lease().covers(born(id), self.clock().now()) {
            return Ok(true);
        }
        fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM jobs WHERE id = $1 AND node_id = $2 AND state = 'ready'",
            id,
            self.node_id()
        )
        .map(|row| row.0 > 0)
    }

    /// Ids of the nodes whose lease has run out, other than this one.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn lapsed_nodes(&self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT id FROM nodes WHERE lease_until < $1 AND id <> $2",
            self.clock().now(),
            self.node_id()
        )?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}

/// When a job was written, Unix milliseconds: its id begins with the time.
fn born(id: &str) -> i64 {
    let stamp = uuid::Uuid::parse_str(id).ok().and_then(|id| id.get_timestamp());
    let (seconds, nanos) = stamp.map_or((0, 0), |stamp| stamp.to_unix());
    i64::try_from(seconds).unwrap_or_default().saturating_mul(1_000) + i64::from(nanos / 1_000_000)
}
