//! Addresses to which nothing is sent: their owner said stop, or they do not exist.

use switchboard_channels::contract::peer::{Identity, IdentityKind};

use super::db::{execute, fetch_all, fetch_optional};
use super::{Store, StoreError};

/// Why nothing is sent to an address.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Suppression {
    /// A stable word: `OPTED_OUT`, `RECIPIENT_UNREACHABLE`, `RECIPIENT_COMPLAINED`.
    pub code: String,
    /// A sentence.
    pub reason: String,
}

impl Store {
    /// Sends nothing to this address from now on. What was known of it before stays.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn suppress(
        &self,
        workspace_id: &str,
        channel_id: &str,
        identity: &Identity,
        why: &Suppression,
    ) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "INSERT INTO suppressions (channel_id, kind, value, workspace_id, code, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel_id, kind, value) DO NOTHING",
            channel_id,
            identity.kind.as_str(),
            identity.value.as_str(),
            workspace_id,
            why.code.as_str(),
            why.reason.as_str(),
            self.clock().now()
        )
        .map(|_| ())
    }

    /// Sends to this address again, if this was the reason why not.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn unsuppress(
        &self,
        workspace_id: &str,
        channel_id: &str,
        identity: &Identity,
        code: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "DELETE FROM suppressions WHERE workspace_id = $1 AND channel_id = $2 AND kind = $3 AND value = $4 AND code = $5",
            workspace_id,
            channel_id,
            identity.kind.as_str(),
            identity.value.as_str(),
            code
        )
        .map(|_| ())
    }

    /// Why nothing is sent to any of these addresses of a channel; `None`: nothing speaks against it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn suppression(
        &self,
        workspace_id: &str,
        channel_id: &str,
        identities: &[Identity],
    ) -> Result<Option<Suppression>, StoreError> {
        for identity in identities {
            let found = fetch_optional!(
                self.db(),
                Suppression,
                "SELECT code, reason FROM suppressions WHERE workspace_id = $1 AND channel_id = $2 AND kind = $3 AND value = $4",
                workspace_id,
                channel_id,
                identity.kind.as_str(),
                identity.value.as_str()
            )?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The addresses of a channel to which nothing is sent, newest first, at most `limit`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn suppressions(
        &self,
        workspace_id: &str,
        channel_id: &str,
        limit: i64,
    ) -> Result<Vec<(Identity, Suppression)>, StoreError> {
        let rows: Vec<(String, String, String, String)> = fetch_all!(
            self.db(),
            (String, String, String, String),
            "SELECT kind, value, code, reason FROM suppressions WHERE workspace_id = $1 AND channel_id = $2 ORDER BY created_at DESC, value LIMIT $3",
            workspace_id,
            channel_id,
            limit
        )?;
        let read = |(kind, value, code, reason): (String, String, String, String)| {
            Some((Identity::new(IdentityKind::from_word(&kind)?, value), Suppression { code, reason }))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}
