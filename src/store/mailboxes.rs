//! Mailboxes: which node looks into which, and how far it has read.

use sqlx::FromRow;

use super::db::{execute, fetch_optional};
use super::{Store, StoreError};

/// How far a mailbox has been read.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReadUpTo {
    /// SHA-256 of server, user and folder; empty: nothing was read yet.
    pub folder: String,
    /// The server's word for its numbering.
    pub uid_validity: i64,
    /// The number of the last mail that was taken.
    pub last_uid: i64,
    /// Everything that the server got before this is read, Unix milliseconds.
    pub read_until: i64,
}

impl Store {
    /// Makes a mailbox this node's, or finds that it is, for as long as the node's lease lives. Gives `false` while
    /// another living node has it. A mailbox that is seen for the first time is read from the making of its channel on.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn claim_mailbox(&self, channel_id: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "INSERT INTO mailboxes (channel_id, node_id, folder, uid_validity, last_uid, read_until) SELECT c.id, $2, '', 0, 0, c.created_at FROM channels AS c WHERE c.id = $1 ON CONFLICT (channel_id) DO UPDATE SET node_id = $2 WHERE mailboxes.node_id = $2 OR NOT EXISTS (SELECT 1 FROM nodes AS n WHERE n.id = mailboxes.node_id AND n.lease_until >= $3)",
            channel_id,
            self.node_id(),
            self.clock().now()
        )
        .map(|touched| touched > 0)
    }

    /// How far a mailbox has been read; `None` when this node has it no longer.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn mailbox(&self, channel_id: &str) -> Result<Option<ReadUpTo>, StoreError> {
        fetch_optional!(
            self.db(),
            ReadUpTo,
            "SELECT folder, uid_validity, last_uid, read_until FROM mailboxes WHERE channel_id = $1 AND node_id = $2",
            channel_id,
            self.node_id()
        )
    }

    /// Remembers how far a mailbox has been read. Gives `false` when this node has it no longer.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn advance_mailbox(&self, channel_id: &str, to: &ReadUpTo) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE mailboxes SET uid_validity = $3, last_uid = $4, read_until = $5, folder = $6 WHERE channel_id = $1 AND node_id = $2",
            channel_id,
            self.node_id(),
            to.uid_validity,
            to.last_uid,
            to.read_until,
            to.folder.as_str()
        )
        .map(|touched| touched > 0)
    }
}
