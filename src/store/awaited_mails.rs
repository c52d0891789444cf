//! Mails that another one has named before they came, with the conversations that wait for them.

use sqlx::FromRow;

use super::db::{execute, fetch_all};
use super::{Store, StoreError};

/// How long a mail is waited for, in milliseconds: longer than mail servers try.
const WAITED_MS: i64 = 14 * 24 * 60 * 60 * 1_000;

#[derive(FromRow)]
struct Waiting {
    conversation_id: String,
}

impl Store {
    /// Remembers that a conversation of the workspace waits for a mail by its `Message-ID`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn await_mail(
        &self,
        workspace_id: &str,
        channel_id: &str,
        provider_id: &str,
        conversation_id: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock().now();
        execute!(self.db(), "DELETE FROM awaited_mails WHERE named_at < $1", now - WAITED_MS)?;
        execute!(
            self.db(),
            "INSERT INTO awaited_mails (channel_id, provider_id, conversation_id, workspace_id, named_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (channel_id, provider_id, conversation_id) DO NOTHING",
            channel_id,
            provider_id,
            conversation_id,
            workspace_id,
            now
        )
        .map(|_| ())
    }

    /// The conversations of the workspace that wait for a mail of the channel, the first that did so first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn waiting_for_mail(
        &self,
        workspace_id: &str,
        channel_id: &str,
        provider_id: &str,
    ) -> Result<Vec<String>, StoreError> {
        let found = fetch_all!(
            self.db(),
            Waiting,
            "SELECT conversation_id FROM awaited_mails WHERE workspace_id = $1 AND channel_id = $2 AND provider_id = $3 AND named_at >= $4 ORDER BY named_at, conversation_id LIMIT 20",
            workspace_id,
            channel_id,
            provider_id,
            self.clock().now() - WAITED_MS
        )?;
        Ok(found.into_iter().map(|waiting| waiting.conversation_id).collect())
    }
}
