//! Proofs that may be used once only.

use super::db::execute;
use super::{Store, StoreError};

/// How long a token is remembered, in milliseconds: longer than any proof stays fresh.
const REMEMBERED_MS: i64 = 60 * 60 * 1_000;

impl Store {
    /// Uses a token up. Gives `false` when it was used before.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn use_token(&self, channel_id: &str, token: &str) -> Result<bool, StoreError> {
        let now = self.clock().now();
        execute!(self.db(), "DELETE FROM used_tokens WHERE used_at < $1", now - REMEMBERED_MS)?;
        execute!(
            self.db(),
            "INSERT INTO used_tokens (channel_id, token, used_at) VALUES ($1, $2, $3) ON CONFLICT (channel_id, token) DO NOTHING",
            channel_id,
            token,
            now
        )
        .map(|touched| touched > 0)
    }

    /// Gives a token back: what it was used for did not come about.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn give_back_token(&self, channel_id: &str, token: &str) -> Result<(), StoreError> {
        execute!(self.db(), "DELETE FROM used_tokens WHERE channel_id = $1 AND token = $2", channel_id, token)
            .map(|_| ())
    }
}
