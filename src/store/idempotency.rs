//! Idempotency keys outside the hot path: a key is written in the transaction of what it makes, so that both are there
//! or neither.

use super::transactions::{Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;

/// Why something was not written. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// There is nothing of that id in the workspace.
    #[error("there is no such thing")]
    Unknown,
    /// What is said does not have the documented shape.
    #[error("not as documented: {0:?}")]
    Fields(Vec<FieldProblem>),
    /// The idempotency key was used before.
    #[error("the idempotency key was used before")]
    Repeated(Idempotency),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Remembers within a transaction what a key makes; gives what it made before, if it did. A transaction that uses the
/// same key at the same time waits here, or fails by the key's index and, tried again, finds what the first one made.
pub(super) async fn remember(
    tx: &mut Transaction,
    workspace_id: &str,
    key: Option<&Idempotency>,
    now: i64,
) -> Result<Option<Idempotency>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let earlier = rows!(
        tx,
        (String, String),
        "SELECT request_hash, result_id FROM idempotency_keys WHERE workspace_id = $1 AND key = $2",
        workspace_id,
        key.key.as_str()
    )?;
    if let Some((request_hash, result_id)) = earlier.into_iter().next() {
        return Ok(Some(Idempotency { key: key.key.clone(), request_hash, result_id }));
    }
    run!(
        tx,
        "INSERT INTO idempotency_keys (workspace_id, key, request_hash, result_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        workspace_id,
        key.key.as_str(),
        key.request_hash.as_str(),
        key.result_id.as_str(),
        now
    )?;
    Ok(None)
}

impl Store {
    /// Remembers a key before what it stands for is done, for what cannot be done within a transaction. Gives what it
    /// stood for before, if it did.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn reserve(&self, workspace_id: &str, key: &Idempotency) -> Result<Option<Idempotency>, StoreError> {
        match self.try_reserve(workspace_id, key).await {
            Err(error) if lost_a_race(&error) => self.try_reserve(workspace_id, key).await,
            done => done,
        }
    }

    async fn try_reserve(&self, workspace_id: &str, key: &Idempotency) -> Result<Option<Idempotency>, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let earlier = remember(&mut tx, workspace_id, Some(key), self.clock().now()).await?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(earlier)
    }
}
