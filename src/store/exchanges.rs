//! What was said to a vendor for a message and what it answered, without secrets.

use sqlx::FromRow;

use super::db::fetch_all;
use super::{Store, StoreError};

/// A stored exchange.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredExchange {
    /// UUID.
    pub id: String,
    /// Unix milliseconds.
    pub at: i64,
    /// Method, address and body.
    pub request: String,
    /// HTTP status; none: no answer.
    pub status: Option<i64>,
    /// The answer's body, or the network's error.
    pub response: String,
    /// Milliseconds.
    pub duration_ms: i64,
}

impl Store {
    /// The exchanges of a message, oldest first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn exchanges(&self, workspace_id: &str, message_id: &str) -> Result<Vec<StoredExchange>, StoreError> {
        fetch_all!(
            self.db(),
            StoredExchange,
            "SELECT id, at, request, status, response, duration_ms FROM exchanges WHERE message_id = $1 AND workspace_id = $2 ORDER BY at, id LIMIT 100",
            message_id,
            workspace_id
        )
    }
}
