//! API keys: looked up by their hash.

use sqlx::FromRow;

use super::db::{execute, fetch_optional};
use super::{Store, StoreError};
use crate::domain::principals::{Actor, Permission, Permissions, Principal};

#[derive(FromRow)]
struct KeyRow {
    id: String,
    workspace_id: String,
    agent_id: Option<String>,
    name: String,
    last_used_at: Option<i64>,
}

/// A key to store.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// UUID.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// One agent only.
    pub agent_id: Option<String>,
    /// Unique name in the workspace.
    pub name: String,
    /// First characters, for display.
    pub prefix: String,
    /// SHA-256, lower-case hex.
    pub hash: String,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredApiKey {
    /// UUID.
    pub id: String,
    /// One agent only.
    pub agent_id: Option<String>,
    /// First characters, for display.
    pub prefix: String,
    /// SHA-256, lower-case hex.
    pub hash: String,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
}

/// How stale the shown time of last use may be, in milliseconds.
const USE_RESOLUTION_MS: i64 = 60_000;

impl Store {
    /// Who presents the key with this hash; none when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn principal_by_key(&self, hash: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.clock().now();
        let row = fetch_optional!(
            self.db(),
            KeyRow,
            "SELECT id, workspace_id, agent_id, name, last_used_at FROM api_keys WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
            hash,
            now
        )?;
        let Some(row) = row else { return Ok(None) };
        if row.last_used_at.is_none_or(|last| now - last > USE_RESOLUTION_MS) {
            execute!(self.db(), "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", row.id.as_str(), now)?;
        }
        Ok(Some(Principal {
            workspace_id: row.workspace_id,
            permissions: match row.agent_id {
                Some(_) => Permissions::of(&[Permission::Chat]),
                None => Permissions::of(&[Permission::Chat, Permission::Read, Permission::Write, Permission::Manage]),
            },
            actor: Actor::Key { id: row.id, agent_id: row.agent_id },
            name: row.name,
        }))
    }

    /// Id and hash of the workspace's key of this name.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn api_key_named(&self, workspace_id: &str, name: &str) -> Result<Option<(String, String)>, StoreError> {
        fetch_optional!(
            self.db(),
            (String, String),
            "SELECT id, hash FROM api_keys WHERE workspace_id = $1 AND name = $2",
            workspace_id,
            name
        )
    }

    /// The workspace's key of this name, revoked and expired ones included.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn stored_api_key(&self, workspace_id: &str, name: &str) -> Result<Option<StoredApiKey>, StoreError> {
        fetch_optional!(
            self.db(),
            StoredApiKey,
            "SELECT id, agent_id, prefix, hash, expires_at, revoked_at FROM api_keys WHERE workspace_id = $1 AND name = $2",
            workspace_id,
            name
        )
    }

    /// Id of the key with this hash in whichever workspace, for the operator.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn api_key_holder(&self, hash: &str) -> Result<Option<String>, StoreError> {
        fetch_optional!(self.db(), (String,), "SELECT id FROM api_keys WHERE hash = $1", hash)
            .map(|row| row.map(|(id,)| id))
    }

    /// Adds a key, or replaces the secret of the one with the same id.
    ///
    /// # Errors
    /// The database is not available, another key has the name or the secret, or the id is another workspace's.
    pub async fn put_api_key(&self, key: &NewApiKey) -> Result<(), StoreError> {
        let touched = execute!(
            self.db(),
            "INSERT INTO api_keys (id, workspace_id, agent_id, name, prefix, hash, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET agent_id = excluded.agent_id, prefix = excluded.prefix, hash = excluded.hash, expires_at = excluded.expires_at, revoked_at = NULL WHERE api_keys.workspace_id = excluded.workspace_id",
            key.id.as_str(),
            key.workspace_id.as_str(),
            key.agent_id.as_deref(),
            key.name.as_str(),
            key.prefix.as_str(),
            key.hash.as_str(),
            key.expires_at,
            self.clock().now()
        )?;
        StoreError::unless_touched(touched, "api_keys", &key.id)
    }
}
