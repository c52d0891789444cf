//! The one event sequence of a workspace.

use sqlx::FromRow;

use super::db::fetch_all;
use super::{Store, StoreError};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredEvent {
    /// Its number in the workspace.
    pub seq: i64,
    /// Its kind.
    pub kind: String,
    /// Its conversation.
    pub conversation_id: Option<String>,
    /// Unix milliseconds.
    pub at: i64,
    /// Its snapshot as JSON text.
    pub data: String,
}

impl Store {
    /// Events of a workspace after `since`, in order, at most `limit`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn events(&self, workspace_id: &str, since: i64, limit: i64) -> Result<Vec<StoredEvent>, StoreError> {
        fetch_all!(
            self.db(),
            StoredEvent,
            "SELECT seq, kind, conversation_id, at, data FROM events WHERE workspace_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            workspace_id,
            since,
            limit
        )
    }
}
