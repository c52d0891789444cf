//! What nodes tell each other in passing, over PostgreSQL's own channel: it is kept nowhere, and who does not listen at that
//! moment never hears it. On SQLite there is one node, and nobody to tell.

use tokio::sync::broadcast;

use super::{Db, Store, StoreError};

/// The channel's name.
pub(super) const CHANNEL: &str = "switchboard_whispers";
/// Longest text of one whisper, in bytes: PostgreSQL takes 8,000 with the node's name.
pub const LONGEST: usize = 7_500;

/// What another node said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whisper {
    /// Which node.
    pub node_id: String,
    /// What.
    pub text: String,
}

impl Store {
    /// What other nodes whisper, from now on; heard while [`Store::follow_other_nodes`] runs.
    #[must_use]
    pub fn listen_whispers(&self) -> broadcast::Receiver<Whisper> {
        self.inner.whispers.subscribe()
    }

    /// Tells the other nodes a text of at most [`LONGEST`] bytes.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn whisper(&self, text: &str) -> Result<(), StoreError> {
        let Db::Postgres(pool) = self.db() else { return Ok(()) };
        let payload = format!("{} {text}", self.node_id());
        sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(pool).await?;
        Ok(())
    }

    /// Passes on what came over the channel, unless this node said it.
    pub(super) fn hear_whisper(&self, payload: &str) {
        if let Some((node_id, text)) = payload.split_once(' ')
            && node_id != self.node_id()
        {
            let _ = self.inner.whispers.send(Whisper { node_id: node_id.to_owned(), text: text.to_owned() });
        }
    }
}
