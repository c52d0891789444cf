//! Conversations: activation of one, finding one by identity, and the lists of the API.

use sqlx::FromRow;
use switchboard_channels::Kind;
use switchboard_channels::contract::peer::{Identity, IdentityKind};

use super::db::{fetch_all, fetch_one, fetch_optional};
use super::{Store, StoreError};
use crate::domain::conversations::{Conversation, ConversationStatus, Owner, Standing};

/// Which conversations to list; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Those of this channel.
    pub channel_id: Option<String>,
    /// Those that are open, or closed.
    pub status: Option<ConversationStatus>,
    /// Those of this owner: of this person, or of any where none is named.
    pub owner: Option<Owner>,
}

impl Which {
    /// What the stored text of such an owner is like. Its fields stand in the order of their declaration.
    pub(super) fn owner_pattern(&self) -> Option<String> {
        let text = serde_json::to_string(self.owner.as_ref()?).unwrap_or_default();
        Some(format!("{}%", text.strip_suffix('}').unwrap_or(&text)))
    }
}

/// A stored conversation with what its actor and the API need beside its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConversation {
    /// The state.
    pub state: Conversation,
    /// The contact's display name.
    pub contact_name: Option<String>,
    /// The contact's identities in the conversation's channel.
    pub identities: Vec<Identity>,
}

#[derive(FromRow)]
struct ConversationRow {
    id: String,
    workspace_id: String,
    channel_id: String,
    kind: String,
    contact_id: String,
    agent_id: Option<String>,
    owner: String,
    version: i64,
    last_seq: i64,
    answered_seq: i64,
    window_expires_at: Option<i64>,
    turn_job: Option<String>,
    created_at: i64,
    last_message_at: i64,
    thread: String,
    subject: Option<String>,
    held: Option<String>,
    opened_at: i64,
    closed_at: Option<i64>,
    told_window: Option<i64>,
    contact_name: Option<String>,
}

#[derive(FromRow)]
struct IdentityRow {
    contact_id: String,
    channel_id: String,
    kind: String,
    value: String,
}

impl ConversationRow {
    fn into_state(self) -> Result<(Conversation, Option<String>), StoreError> {
        let unreadable = |column: &'static str, reason: String| StoreError::Unreadable {
            table: "conversations",
            column,
            id: self.id.clone(),
            reason,
        };
        let kind = Kind::from_word(&self.kind).ok_or_else(|| unreadable("kind", self.kind.clone()))?;
        let owner = serde_json::from_str(&self.owner).map_err(|error| unreadable("owner", error.to_string()))?;
        let held = match &self.held {
            Some(text) => serde_json::from_str(text).map_err(|error| unreadable("held", error.to_string()))?,
            None => Vec::new(),
        };
        Ok((
            Conversation {
                id: self.id,
                workspace_id: self.workspace_id,
                channel_id: self.channel_id,
                kind,
                contact_id: self.contact_id,
                agent_id: self.agent_id,
                owner,
                version: self.version,
                last_seq: self.last_seq,
                answered_seq: self.answered_seq,
                window_expires_at: self.window_expires_at,
                turn_job: self.turn_job,
                created_at: self.created_at,
                last_message_at: self.last_message_at,
                thread: self.thread,
                subject: self.subject,
                held,
                standing: Standing {
                    opened_at: self.opened_at,
                    closed_at: self.closed_at,
                    told_window: self.told_window,
                },
            },
            self.contact_name,
        ))
    }
}

impl Store {
    /// One conversation, for its actor. It names no workspace: the actor's caller has checked it.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn activate(&self, conversation_id: &str) -> Result<Option<StoredConversation>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            ConversationRow,
            "SELECT c.id, c.workspace_id, c.channel_id, c.kind, c.contact_id, c.agent_id, c.owner, c.version, c.last_seq, c.answered_seq, c.window_expires_at, c.turn_job, c.created_at, c.last_message_at, c.thread, c.subject, c.held, c.opened_at, c.closed_at, c.told_window, p.name AS contact_name FROM conversations AS c JOIN contacts AS p ON p.id = c.contact_id WHERE c.id = $1",
            conversation_id
        )?;
        Ok(self.with_identities(row.into_iter().collect()).await?.into_iter().next())
    }

    /// One conversation of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn conversation(&self, workspace_id: &str, id: &str) -> Result<Option<StoredConversation>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            ConversationRow,
            "SELECT c.id, c.workspace_id, c.channel_id, c.kind, c.contact_id, c.agent_id, c.owner, c.version, c.last_seq, c.answered_seq, c.window_expires_at, c.turn_job, c.created_at, c.last_message_at, c.thread, c.subject, c.held, c.opened_at, c.closed_at, c.told_window, p.name AS contact_name FROM conversations AS c JOIN contacts AS p ON p.id = c.contact_id WHERE c.workspace_id = $1 AND c.id = $2",
            workspace_id,
            id
        )?;
        Ok(self.with_identities(row.into_iter().collect()).await?.into_iter().next())
    }

    /// Conversations of a workspace, those with the newest message first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn conversations(
        &self,
        workspace_id: &str,
        which: &Which,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<StoredConversation>, i64), StoreError> {
        let rows = fetch_all!(
            self.db(),
            ConversationRow,
            "SELECT c.id, c.workspace_id, c.channel_id, c.kind, c.contact_id, c.agent_id, c.owner, c.version, c.last_seq, c.answered_seq, c.window_expires_at, c.turn_job, c.created_at, c.last_message_at, c.thread, c.subject, c.held, c.opened_at, c.closed_at, c.told_window, p.name AS contact_name FROM conversations AS c JOIN contacts AS p ON p.id = c.contact_id WHERE c.workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR c.channel_id = $2) AND (CAST($3 AS TEXT) IS NULL OR ($3 = 'closed') = (c.closed_at IS NOT NULL)) AND (CAST($4 AS TEXT) IS NULL OR c.owner LIKE $4) ORDER BY c.last_message_at DESC, c.id DESC LIMIT $5 OFFSET $6",
            workspace_id,
            which.channel_id.as_deref(),
            which.status.map(ConversationStatus::as_str),
            which.owner_pattern().as_deref(),
            limit,
            offset
        )?;
        let total: (i64,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM conversations WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR channel_id = $2) AND (CAST($3 AS TEXT) IS NULL OR ($3 = 'closed') = (closed_at IS NOT NULL)) AND (CAST($4 AS TEXT) IS NULL OR owner LIKE $4)",
            workspace_id,
            which.channel_id.as_deref(),
            which.status.map(ConversationStatus::as_str),
            which.owner_pattern().as_deref()
        )?;
        Ok((self.with_identities(rows).await?, total.0))
    }

    /// Conversations, of all workspaces, whose window ended before then and of which that was not told; the one that
    /// has waited longest first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn windows_to_tell(&self, before: i64, limit: i64) -> Result<Vec<String>, StoreError> {
        let found: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT id FROM conversations WHERE window_expires_at <= $1 AND (told_window IS NULL OR told_window < window_expires_at) ORDER BY window_expires_at LIMIT $2",
            before,
            limit
        )?;
        Ok(found.into_iter().map(|row| row.0).collect())
    }

    /// The conversation of the contact that has any of these identities in the channel; the first identity known wins.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn find_conversation(
        &self,
        channel_id: &str,
        identities: &[Identity],
    ) -> Result<Option<String>, StoreError> {
        for identity in identities {
            let row: Option<(String,)> = fetch_optional!(
                self.db(),
                (String,),
                "SELECT c.id FROM identities AS i JOIN conversations AS c ON c.channel_id = i.channel_id AND c.contact_id = i.contact_id WHERE i.channel_id = $1 AND i.kind = $2 AND i.value = $3",
                channel_id,
                identity.kind.as_str(),
                identity.value.as_str()
            )?;
            if let Some(row) = row {
                return Ok(Some(row.0));
            }
        }
        Ok(None)
    }

    /// The contact that has any of these identities in the channel; the first identity known wins.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn find_contact(&self, channel_id: &str, identities: &[Identity]) -> Result<Option<String>, StoreError> {
        for identity in identities {
            let row: Option<(String,)> = fetch_optional!(
                self.db(),
                (String,),
                "SELECT contact_id FROM identities WHERE channel_id = $1 AND kind = $2 AND value = $3",
                channel_id,
                identity.kind.as_str(),
                identity.value.as_str()
            )?;
            if let Some(row) = row {
                return Ok(Some(row.0));
            }
        }
        Ok(None)
    }

    /// The contact's thread of this subject with the newest message since then.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn find_thread(
        &self,
        channel_id: &str,
        contact_id: &str,
        subject: &str,
        since: i64,
    ) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = fetch_optional!(
            self.db(),
            (String,),
            "SELECT id FROM conversations WHERE channel_id = $1 AND contact_id = $2 AND subject = $3 AND last_message_at >= $4 ORDER BY last_message_at DESC LIMIT 1",
            channel_id,
            contact_id,
            subject,
            since
        )?;
        Ok(row.map(|row| row.0))
    }

    async fn with_identities(&self, rows: Vec<ConversationRow>) -> Result<Vec<StoredConversation>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let contacts: Vec<&str> = rows.iter().map(|row| row.contact_id.as_str()).collect();
        let contacts = serde_json::to_string(&contacts).unwrap_or_default();
        let identities: Vec<IdentityRow> = match self.db() {
            super::Db::Sqlite { read, .. } => sqlx::query_as(
                "SELECT contact_id, channel_id, kind, value FROM identities WHERE contact_id IN (SELECT value FROM json_each($1)) ORDER BY created_at, kind DESC",
            )
            .bind(contacts)
            .fetch_all(read)
            .await?,
            super::Db::Postgres(pool) => sqlx::query_as(
                "SELECT contact_id, channel_id, kind, value FROM identities WHERE contact_id IN (SELECT value FROM json_array_elements_text($1::json)) ORDER BY created_at, kind DESC",
            )
            .bind(contacts)
            .fetch_all(pool)
            .await?,
        };
        rows.into_iter()
            .map(|row| {
                let (state, contact_name) = row.into_state()?;
                let identities = identities
                    .iter()
                    .filter(|identity| {
                        identity.contact_id == state.contact_id && identity.channel_id == state.channel_id
                    })
                    .filter_map(|identity| {
                        Some(Identity::new(IdentityKind::from_word(&identity.kind)?, identity.value.clone()))
                    })
                    .collect();
                Ok(StoredConversation { state, contact_name, identities })
            })
            .collect()
    }
}
