//! Channels: the accounts through which people reach us. Their settings are sealed: they hold the vendor's secrets.

use sqlx::FromRow;
use switchboard_channels::Kind;

use super::db::{execute, fetch_all, fetch_optional};
use super::seal::place;
use super::{Store, StoreError};
use crate::domain::channels::{Channel, ChannelState};

#[derive(FromRow)]
struct ChannelRow {
    id: String,
    workspace_id: String,
    kind: String,
    name: String,
    agent_id: Option<String>,
    account: Option<String>,
    business: Option<String>,
    settings: String,
    state: String,
    state_reason: Option<String>,
}

impl Store {
    fn channel_from(&self, row: ChannelRow) -> Result<Channel, StoreError> {
        let id = row.id.clone();
        let unreadable = |column: &'static str, reason: String| StoreError::Unreadable {
            table: "channels",
            column,
            id: id.clone(),
            reason,
        };
        let settings = self.sealer().open("channels", "settings", &row.id, &row.settings)?;
        Ok(Channel {
            kind: Kind::from_word(&row.kind).ok_or_else(|| unreadable("kind", row.kind.clone()))?,
            state: ChannelState::from_word(&row.state).ok_or_else(|| unreadable("state", row.state.clone()))?,
            settings: serde_json::from_str(&settings).map_err(|error| unreadable("settings", error.to_string()))?,
            id: row.id,
            workspace_id: row.workspace_id,
            name: row.name,
            agent_id: row.agent_id,
            account: row.account,
            business: row.business,
            state_reason: row.state_reason,
        })
    }

    /// One channel, for those who have its id from a stored row or a checked credential.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn channel_by_id(&self, id: &str) -> Result<Option<Channel>, StoreError> {
        fetch_optional!(
            self.db(),
            ChannelRow,
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason FROM channels WHERE id = $1",
            id
        )?
        .map(|row| self.channel_from(row))
        .transpose()
    }

    /// The channel of this kind that has the vendor's account id. The caller proves by signature that it may use it.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn channel_by_account(&self, kind: Kind, account: &str) -> Result<Option<Channel>, StoreError> {
        fetch_optional!(
            self.db(),
            ChannelRow,
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason FROM channels WHERE kind = $1 AND account = $2",
            kind.as_str(),
            account
        )?
        .map(|row| self.channel_from(row))
        .transpose()
    }

    /// The channels of this kind under the vendor's business account.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn channels_by_business(&self, kind: Kind, business: &str) -> Result<Vec<Channel>, StoreError> {
        fetch_all!(
            self.db(),
            ChannelRow,
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason FROM channels WHERE kind = $1 AND business = $2 ORDER BY id LIMIT 100",
            kind.as_str(),
            business
        )?
        .into_iter()
        .map(|row| self.channel_from(row))
        .collect()
    }

    /// All channels of a kind, for a vendor's handshake, which names no account.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn channels_of_kind(&self, kind: Kind) -> Result<Vec<Channel>, StoreError> {
        fetch_all!(
            self.db(),
            ChannelRow,
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason FROM channels WHERE kind = $1 ORDER BY id",
            kind.as_str()
        )?
        .into_iter()
        .map(|row| self.channel_from(row))
        .collect()
    }

    /// The channels of a workspace by name.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn channels(&self, workspace_id: &str) -> Result<Vec<Channel>, StoreError> {
        fetch_all!(
            self.db(),
            ChannelRow,
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason FROM channels WHERE workspace_id = $1 ORDER BY name",
            workspace_id
        )?
        .into_iter()
        .map(|row| self.channel_from(row))
        .collect()
    }

    /// Adds a channel or replaces it.
    ///
    /// # Errors
    /// The database is not available, or another channel has the name or the account.
    pub async fn put_channel(&self, channel: &Channel) -> Result<(), StoreError> {
        let sealed =
            self.sealer().seal(&place("channels", "settings", &channel.id), &channel.settings.to_string())?;
        execute!(
            self.db(),
            "INSERT INTO channels (id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) ON CONFLICT (id) DO UPDATE SET name = excluded.name, agent_id = excluded.agent_id, account = excluded.account, business = excluded.business, settings = excluded.settings, state = excluded.state, state_reason = excluded.state_reason, updated_at = excluded.updated_at",
            channel.id.as_str(),
            channel.workspace_id.as_str(),
            channel.kind.as_str(),
            channel.name.as_str(),
            channel.agent_id.as_deref(),
            channel.account.as_deref(),
            channel.business.as_deref(),
            sealed.as_str(),
            channel.state.as_str(),
            channel.state_reason.as_deref(),
            self.clock().now()
        )
        .map(|_| ())
    }

    /// Sets whether a channel sends, and why not.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn set_channel_state(
        &self,
        id: &str,
        state: ChannelState,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "UPDATE channels SET state = $2, state_reason = $3, updated_at = $4 WHERE id = $1",
            id,
            state.as_str(),
            reason,
            self.clock().now()
        )
        .map(|_| ())
    }
}
