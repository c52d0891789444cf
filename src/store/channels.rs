//! Channels: the accounts through which people reach us. Their settings are sealed: they hold the vendor's secrets.

use sqlx::FromRow;
use switchboard_channels::Kind;

use super::db::{execute, fetch_all, fetch_optional};
use super::rows::clean;
use super::seal::place;
use super::{Db, Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::channels::{Channel, ChannelState, Origin};

/// How often a change is decided anew because somebody else was first.
const MOST_DECISIONS: usize = 8;

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
    origin: String,
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
            origin: Origin::from_word(&row.origin).ok_or_else(|| unreadable("origin", row.origin.clone()))?,
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
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin FROM channels WHERE id = $1",
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
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin FROM channels WHERE kind = $1 AND account = $2",
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
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin FROM channels WHERE kind = $1 AND business = $2 ORDER BY id LIMIT 100",
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
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin FROM channels WHERE kind = $1 ORDER BY id",
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
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin FROM channels WHERE workspace_id = $1 ORDER BY name",
            workspace_id
        )?
        .into_iter()
        .map(|row| self.channel_from(row))
        .collect()
    }

    /// One channel of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn channel(&self, workspace_id: &str, id: &str) -> Result<Option<Channel>, StoreError> {
        Ok(self.channel_as_sealed(workspace_id, id).await?.map(|(channel, _)| channel))
    }

    /// One channel of a workspace, and its settings as they are stored.
    async fn channel_as_sealed(&self, workspace_id: &str, id: &str) -> Result<Option<(Channel, String)>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            ChannelRow,
            "SELECT id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin FROM channels WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?;
        let Some(row) = row else { return Ok(None) };
        let sealed = row.settings.clone();
        Ok(Some((self.channel_from(row)?, sealed)))
    }

    fn sealed_settings(&self, channel: &Channel) -> Result<String, StoreError> {
        self.sealer().seal(&place("channels", "settings", &channel.id), &channel.settings.to_string())
    }

    /// Adds a channel or replaces it.
    ///
    /// # Errors
    /// The database is not available, another channel has the name or the account, or the id is another workspace's.
    pub async fn put_channel(&self, channel: &Channel) -> Result<(), StoreError> {
        let sealed = self.sealed_settings(channel)?;
        let touched = execute!(
            self.db(),
            "INSERT INTO channels (id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT (id) DO UPDATE SET name = excluded.name, agent_id = excluded.agent_id, account = excluded.account, business = excluded.business, settings = excluded.settings, state = excluded.state, state_reason = excluded.state_reason, origin = excluded.origin, updated_at = excluded.updated_at WHERE channels.workspace_id = excluded.workspace_id",
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
            channel.origin.as_str(),
            self.clock().now()
        )?;
        StoreError::unless_touched(touched, "channels", &channel.id)
    }

    /// Adds a channel, and with it the idempotency key that it was asked for under: both or neither.
    ///
    /// # Errors
    /// The database is not available, or another row has the name, the account or the key.
    pub async fn add_channel(&self, channel: &Channel, under: Option<&Idempotency>) -> Result<(), StoreError> {
        const REMEMBER: &str = "INSERT INTO idempotency_keys (workspace_id, key, request_hash, result_id, created_at) VALUES ($1, $2, $3, $4, $5)";
        const ADD: &str = "INSERT INTO channels (id, workspace_id, kind, name, agent_id, account, business, settings, state, state_reason, origin, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)";
        let (sealed, now) = (self.sealed_settings(channel)?, self.clock().now());
        /// Both statements in a transaction that has begun.
        macro_rules! add_both {
            ($tx:expr) => {{
                if let Some(key) = under {
                    sqlx::query(REMEMBER)
                        .bind(&channel.workspace_id)
                        .bind(&key.key)
                        .bind(&key.request_hash)
                        .bind(&channel.id)
                        .bind(now)
                        .execute(&mut *$tx)
                        .await?;
                }
                sqlx::query(ADD)
                    .bind(&channel.id)
                    .bind(&channel.workspace_id)
                    .bind(channel.kind.as_str())
                    .bind(clean(&channel.name))
                    .bind(&channel.agent_id)
                    .bind(&channel.account)
                    .bind(&channel.business)
                    .bind(&sealed)
                    .bind(channel.state.as_str())
                    .bind(&channel.state_reason)
                    .bind(channel.origin.as_str())
                    .bind(now)
                    .execute(&mut *$tx)
                    .await?;
                $tx.commit().await?;
            }};
        }
        match self.db() {
            Db::Sqlite { write, .. } => {
                let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
                add_both!(tx);
            }
            Db::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                add_both!(tx);
            }
        }
        Ok(())
    }

    /// Reads a channel of the workspace, lets `decide` say what it becomes, and writes that if nobody has changed it
    /// meanwhile; else decides again. Kind and workspace stay. None: there is no such channel.
    ///
    /// # Errors
    /// The database is not available, the row cannot be read, another channel has the name or the account, or others
    /// keep changing it. Inside: what `decide` said no with; nothing was written.
    pub async fn change_channel<E>(
        &self,
        workspace_id: &str,
        id: &str,
        mut decide: impl FnMut(Channel) -> Result<Channel, E>,
    ) -> Result<Option<Result<Channel, E>>, StoreError> {
        for _ in 0..MOST_DECISIONS {
            let Some((stored, before)) = self.channel_as_sealed(workspace_id, id).await? else { return Ok(None) };
            let state_before = stored.state;
            let wanted = match decide(stored) {
                Ok(wanted) => wanted,
                Err(no) => return Ok(Some(Err(no))),
            };
            let sealed = self.sealed_settings(&wanted)?;
            let touched = execute!(
                self.db(),
                "UPDATE channels SET name = $5, agent_id = $6, account = $7, business = $8, settings = $9, state = $10, state_reason = $11, origin = $12, updated_at = $13 WHERE workspace_id = $1 AND id = $2 AND settings = $3 AND state = $4",
                workspace_id,
                id,
                before.as_str(),
                state_before.as_str(),
                wanted.name.as_str(),
                wanted.agent_id.as_deref(),
                wanted.account.as_deref(),
                wanted.business.as_deref(),
                sealed.as_str(),
                wanted.state.as_str(),
                wanted.state_reason.as_deref(),
                wanted.origin.as_str(),
                self.clock().now()
            )?;
            if touched > 0 {
                return Ok(Some(Ok(wanted)));
            }
        }
        Err(StoreError::Options("the channel keeps being changed by others".to_owned()))
    }

    /// Removes a channel of the workspace that has no conversation. Gives whether it was there and had none. What it
    /// delivered stays in the ledger.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_channel(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        let removed = execute!(
            self.db(),
            "DELETE FROM channels WHERE workspace_id = $1 AND id = $2 AND NOT EXISTS (SELECT 1 FROM conversations WHERE conversations.channel_id = channels.id)",
            workspace_id,
            id
        );
        match removed {
            Ok(removed) => Ok(removed > 0),
            // A conversation began at the same moment.
            Err(error) if error.is_needed() => Ok(false),
            Err(error) => Err(error),
        }
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
