//! The one event sequence of a workspace.

use sqlx::FromRow;

use super::db::{fetch_all, fetch_optional};
use super::{Store, StoreError};

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Their words; none: all.
    pub kinds: Vec<String>,
    /// Those of this conversation only.
    pub conversation_id: Option<String>,
}

/// How far a workspace's sequence reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct EventBounds {
    /// The oldest number that is kept; one more than the newest where none is.
    pub oldest: i64,
    /// The newest number.
    pub newest: i64,
}

impl EventBounds {
    /// Whether everything after `since` can be had.
    #[must_use]
    pub const fn covers(&self, since: i64) -> bool {
        since <= self.newest && since + 1 >= self.oldest
    }
}

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

    /// The wanted events of a workspace after `since`, in order, at most `limit`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn wanted_events(
        &self,
        workspace_id: &str,
        since: i64,
        limit: i64,
        filter: &EventFilter,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        // Words have no commas, so that a list of them can be looked into as one text.
        let kinds = if filter.kinds.is_empty() { None } else { Some(format!(",{},", filter.kinds.join(","))) };
        fetch_all!(
            self.db(),
            StoredEvent,
            "SELECT seq, kind, conversation_id, at, data FROM events WHERE workspace_id = $1 AND seq > $2 AND (CAST($4 AS TEXT) IS NULL OR $4 LIKE '%,' || kind || ',%') AND (CAST($5 AS TEXT) IS NULL OR conversation_id = $5) ORDER BY seq LIMIT $3",
            workspace_id,
            since,
            limit,
            kinds.as_deref(),
            filter.conversation_id.as_deref()
        )
    }

    /// How far a workspace's sequence reaches; none: there is no such workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn event_bounds(&self, workspace_id: &str) -> Result<Option<EventBounds>, StoreError> {
        fetch_optional!(
            self.db(),
            EventBounds,
            "SELECT COALESCE((SELECT MIN(e.seq) FROM events AS e WHERE e.workspace_id = w.id), w.event_seq + 1) AS oldest, w.event_seq AS newest FROM workspaces AS w WHERE w.id = $1",
            workspace_id
        )
    }
}
