//! Nodes: the processes that hold leases on jobs. A job is its node's while the node's lease lives.

use super::db::{execute, fetch_all};
use super::{Store, StoreError};

impl Store {
    /// Enters this process in the table of nodes. On SQLite it is the only one, so every other lease is over.
    pub(super) async fn register_node(&self, lease_ms: i64) -> Result<(), StoreError> {
        let now = self.clock().now();
        if !self.is_shared() {
            execute!(self.db(), "UPDATE nodes SET lease_until = 0")?;
        }
        execute!(
            self.db(),
            "INSERT INTO nodes (id, lease_until, started_at) VALUES ($1, $2, $3)",
            self.node_id(),
            now + lease_ms,
            now
        )?;
        Ok(())
    }

    /// Renews this node's lease. Gives `false` when another node has ended it: then none of its jobs are ours.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn renew_lease(&self, lease_ms: i64) -> Result<bool, StoreError> {
        let until = self.clock().now() + lease_ms;
        execute!(self.db(), "UPDATE nodes SET lease_until = $2 WHERE id = $1", self.node_id(), until)
            .map(|renewed| renewed > 0)
    }

    /// Gives this node's lease back, so that others need not wait for it to run out.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn release_lease(&self) -> Result<(), StoreError> {
        execute!(self.db(), "UPDATE nodes SET lease_until = 0 WHERE id = $1", self.node_id()).map(|_| ())
    }

    /// Enters this node again after another has ended its lease.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn rejoin(&self, lease_ms: i64) -> Result<(), StoreError> {
        let now = self.clock().now();
        execute!(
            self.db(),
            "INSERT INTO nodes (id, lease_until, started_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until",
            self.node_id(),
            now + lease_ms,
            now
        )
        .map(|_| ())
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
