//! A workspace's own accounts with model providers. The key is sealed at rest.

use sqlx::FromRow;
use switchboard_channels::contract::credentials::Secret;

use super::db::{execute, fetch_all, fetch_optional};
use super::seal::place;
use super::{Store, StoreError};

#[derive(FromRow)]
struct ProviderRow {
    id: String,
    base_url: Option<String>,
    credentials: String,
    updated_at: i64,
}

/// An account with a provider, its key in the clear; lives in memory only.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProvider {
    /// The key.
    pub api_key: Secret,
    /// Where its models are served; none: where the provider usually does.
    pub base_url: Option<String>,
    /// Unix milliseconds.
    pub updated_at: i64,
}

impl Store {
    /// The workspace's account with a provider.
    ///
    /// # Errors
    /// The database is not available, or the key cannot be opened.
    pub async fn provider(&self, workspace_id: &str, provider: &str) -> Result<Option<StoredProvider>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            ProviderRow,
            "SELECT id, base_url, credentials, updated_at FROM providers WHERE workspace_id = $1 AND provider = $2",
            workspace_id,
            provider
        )?;
        let Some(ProviderRow { id, base_url, credentials, updated_at }) = row else { return Ok(None) };
        let api_key = Secret::new(self.sealer().open("providers", "credentials", &id, &credentials)?);
        Ok(Some(StoredProvider { api_key, base_url, updated_at }))
    }

    /// The workspace's accounts by the names of their providers, without their keys: name, where its models are served,
    /// and when it was set.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn providers(&self, workspace_id: &str) -> Result<Vec<(String, Option<String>, i64)>, StoreError> {
        fetch_all!(
            self.db(),
            (String, Option<String>, i64),
            "SELECT provider, base_url, updated_at FROM providers WHERE workspace_id = $1 ORDER BY provider",
            workspace_id
        )
    }

    /// Adds the workspace's account with a provider, or replaces it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_provider(
        &self,
        workspace_id: &str,
        provider: &str,
        api_key: &Secret,
        base_url: Option<&str>,
    ) -> Result<(), StoreError> {
        let (id, now) = (self.clock().id(), self.clock().now());
        // The seal names its row, so a key that is replaced gets a row of its own.
        let sealed = self.sealer().seal(&place("providers", "credentials", &id), api_key.reveal())?;
        execute!(
            self.db(),
            "INSERT INTO providers (id, workspace_id, provider, base_url, credentials, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (workspace_id, provider) DO UPDATE SET id = excluded.id, base_url = excluded.base_url, credentials = excluded.credentials, updated_at = excluded.updated_at",
            id.as_str(),
            workspace_id,
            provider,
            base_url,
            sealed.as_str(),
            now
        )
        .map(|_| ())
    }

    /// Forgets the workspace's account with a provider. Gives whether there was one.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_provider(&self, workspace_id: &str, provider: &str) -> Result<bool, StoreError> {
        let removed = execute!(
            self.db(),
            "DELETE FROM providers WHERE workspace_id = $1 AND provider = $2",
            workspace_id,
            provider
        )?;
        Ok(removed > 0)
    }
}
