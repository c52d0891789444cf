//! API keys: looked up by their hash.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::idempotency::remember;
use super::transactions::{Transaction, lost_a_race, run};
use super::{Store, StoreError};
use crate::domain::api_keys::ApiKey;
use crate::domain::changes::Idempotency;
use crate::domain::principals::{Actor, Permission, Permissions, Principal};

#[derive(FromRow)]
struct PrincipalRow {
    id: String,
    workspace_id: String,
    plan: String,
    agent_id: Option<String>,
    name: String,
    scopes: String,
    last_used_at: Option<i64>,
    requests_per_minute: Option<i64>,
}

#[derive(FromRow)]
struct KeyRow {
    id: String,
    agent_id: Option<String>,
    name: String,
    prefix: String,
    scopes: String,
    requests_per_minute: Option<i64>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
    old_until: Option<i64>,
    created_at: i64,
    created_by: Option<String>,
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
    /// What it may do; a key of one agent only chats, whatever stands here.
    pub scopes: Permissions,
    /// Requests that it may make in a minute; none: as many as its plan allows.
    pub requests_per_minute: Option<u32>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// `user:<id>` or `key:<id>`; none: the operator.
    pub created_by: Option<String>,
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
    /// The words of its permissions, separated by commas.
    pub scopes: String,
    /// Requests that it may make in a minute; none: as many as its plan allows.
    pub requests_per_minute: Option<i64>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
}

/// How stale the shown time of last use may be, in milliseconds.
const USE_RESOLUTION_MS: i64 = 60_000;

/// A limit as it is stored, read.
fn limit(stored: Option<i64>) -> Option<u32> {
    stored.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX))
}

/// What a key may do. One of an agent only chats.
fn permissions(agent_id: Option<&str>, scopes: &str) -> Permissions {
    match agent_id {
        Some(_) => Permissions::of(&[Permission::Chat]),
        None => Permissions::of_words(scopes),
    }
}

impl KeyRow {
    fn read(self, now: i64) -> ApiKey {
        ApiKey {
            scopes: permissions(self.agent_id.as_deref(), &self.scopes).iter().collect(),
            id: self.id,
            agent_id: self.agent_id,
            name: self.name,
            prefix: self.prefix,
            requests_per_minute: limit(self.requests_per_minute),
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
            old_secret_until: self.old_until.filter(|until| *until > now),
            created_at: self.created_at,
            created_by: self.created_by,
        }
    }
}

impl Store {
    /// Who presents the key with this hash; none when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn principal_by_key(&self, hash: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.clock().now();
        let row = fetch_optional!(
            self.db(),
            PrincipalRow,
            "SELECT k.id, k.workspace_id, w.plan, k.agent_id, k.name, k.scopes, k.last_used_at, k.requests_per_minute FROM api_keys AS k JOIN workspaces AS w ON w.id = k.workspace_id WHERE (k.hash = $1 OR (k.old_hash = $1 AND k.old_until > $2)) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)",
            hash,
            now
        )?;
        let Some(row) = row else { return Ok(None) };
        if row.last_used_at.is_none_or(|last| now - last > USE_RESOLUTION_MS) {
            execute!(self.db(), "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", row.id.as_str(), now)?;
        }
        Ok(Some(Principal {
            workspace_id: row.workspace_id,
            plan: row.plan,
            permissions: permissions(row.agent_id.as_deref(), &row.scopes),
            actor: Actor::Key {
                id: row.id,
                agent_id: row.agent_id,
                requests_per_minute: limit(row.requests_per_minute),
            },
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
            "SELECT id, agent_id, prefix, hash, scopes, requests_per_minute, expires_at, revoked_at FROM api_keys WHERE workspace_id = $1 AND name = $2",
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

    /// A page of the workspace's keys, the newest first, and how many there are in all. Revoked ones are among them.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn api_keys(
        &self,
        workspace_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<ApiKey>, i64), StoreError> {
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT CAST(COUNT(*) AS BIGINT) FROM api_keys WHERE workspace_id = $1",
            workspace_id
        )?;
        let found = fetch_all!(
            self.db(),
            KeyRow,
            "SELECT id, agent_id, name, prefix, scopes, requests_per_minute, expires_at, revoked_at, last_used_at, old_until, created_at, created_by FROM api_keys WHERE workspace_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        let now = self.clock().now();
        Ok((found.into_iter().map(|row| row.read(now)).collect(), total))
    }

    /// One key of the workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn api_key(&self, workspace_id: &str, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let found = fetch_optional!(
            self.db(),
            KeyRow,
            "SELECT id, agent_id, name, prefix, scopes, requests_per_minute, expires_at, revoked_at, last_used_at, old_until, created_at, created_by FROM api_keys WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?;
        Ok(found.map(|row| row.read(self.clock().now())))
    }

    /// Adds a key, or replaces the secret of the one with the same id.
    ///
    /// # Errors
    /// The database is not available, another key has the name or the secret, or the id is another workspace's.
    pub async fn put_api_key(&self, key: &NewApiKey) -> Result<(), StoreError> {
        self.try_put_api_key(key, None).await.map(|_| ())
    }

    /// The same, once for each idempotency key. Gives what was made under it before, if it was.
    ///
    /// # Errors
    /// Those of [`Self::put_api_key`].
    pub async fn put_api_key_once(
        &self,
        key: &NewApiKey,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        match self.try_put_api_key(key, under).await {
            Err(error) if lost_a_race(&error) => self.try_put_api_key(key, under).await,
            done => done,
        }
    }

    async fn try_put_api_key(
        &self,
        key: &NewApiKey,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, &key.workspace_id, under, self.clock().now()).await? {
            return Ok(Some(earlier));
        }
        let touched = run!(
            &mut tx,
            "INSERT INTO api_keys (id, workspace_id, agent_id, name, prefix, hash, expires_at, created_at, scopes, created_by, requests_per_minute) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET agent_id = excluded.agent_id, prefix = excluded.prefix, hash = excluded.hash, expires_at = excluded.expires_at, scopes = excluded.scopes, requests_per_minute = excluded.requests_per_minute, revoked_at = NULL, old_hash = NULL, old_until = NULL WHERE api_keys.workspace_id = excluded.workspace_id",
            key.id.as_str(),
            key.workspace_id.as_str(),
            key.agent_id.as_deref(),
            key.name.as_str(),
            key.prefix.as_str(),
            key.hash.as_str(),
            key.expires_at,
            self.clock().now(),
            key.scopes.to_words().as_str(),
            key.created_by.as_deref(),
            key.requests_per_minute.map(i64::from)
        )?;
        StoreError::unless_touched(touched, "api_keys", &key.id)?;
        self.tell_and_commit(tx, &key.workspace_id, Vec::new()).await?;
        Ok(None)
    }

    /// Changes what is said of a key of the workspace that is not revoked. Gives whether there was one.
    ///
    /// # Errors
    /// The database is not available, or another key has the name.
    pub async fn change_api_key(
        &self,
        workspace_id: &str,
        id: &str,
        name: &str,
        scopes: Permissions,
        expires_at: Option<i64>,
        requests_per_minute: Option<u32>,
    ) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE api_keys SET name = $3, scopes = $4, expires_at = $5, requests_per_minute = $6 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL",
            workspace_id,
            id,
            name,
            scopes.to_words().as_str(),
            expires_at,
            requests_per_minute.map(i64::from)
        )
        .map(|touched| touched > 0)
    }

    /// Gives a key of the workspace another secret; the one before counts until `old_until`. Gives whether there was one
    /// that is not revoked.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn rotate_api_key(
        &self,
        workspace_id: &str,
        id: &str,
        prefix: &str,
        hash: &str,
        old_until: i64,
    ) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE api_keys SET old_hash = hash, old_until = $5, prefix = $3, hash = $4 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL",
            workspace_id,
            id,
            prefix,
            hash,
            old_until
        )
        .map(|touched| touched > 0)
    }

    /// Revokes a key of the workspace, its secret before included. Gives whether there is such a key.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn revoke_api_key(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3), old_hash = NULL, old_until = NULL WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id,
            self.clock().now()
        )
        .map(|touched| touched > 0)
    }
}
