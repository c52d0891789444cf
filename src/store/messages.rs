//! Messages: reading them back.

use sqlx::FromRow;

use super::db::{fetch_all, fetch_one, fetch_optional};
use super::{Store, StoreError};
use crate::domain::messages::{Direction, Message, Status};

#[derive(FromRow)]
struct MessageRow {
    id: String,
    conversation_id: String,
    channel_id: String,
    seq: i64,
    direction: String,
    author: String,
    content: String,
    rendering: Option<String>,
    body: String,
    attachments: Option<String>,
    reply_to: Option<String>,
    status: String,
    provider_id: Option<String>,
    provider_at: Option<i64>,
    error: Option<String>,
    created_at: i64,
    edited_at: Option<i64>,
    deleted_at: Option<i64>,
    held: i64,
    fallback_after: Option<i64>,
    fallback_of: Option<String>,
    replaced_by: Option<String>,
}

/// A message with the place it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// Its conversation.
    pub conversation_id: String,
    /// Its channel.
    pub channel_id: String,
}

/// Which messages of a person; the default is all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span<'a> {
    /// Only those before this message.
    pub before: Option<&'a str>,
    /// Only those stored from this time on, in Unix milliseconds.
    pub since: Option<i64>,
    /// None of this conversation.
    pub except: Option<&'a str>,
}

impl MessageRow {
    fn into_message(self) -> Result<StoredMessage, StoreError> {
        let id = self.id.clone();
        let unreadable = |column: &'static str, reason: String| StoreError::Unreadable {
            table: "messages",
            column,
            id: id.clone(),
            reason,
        };
        let status = Status::from_word(&self.status).ok_or_else(|| unreadable("status", self.status.clone()))?;
        let message = Message {
            seq: self.seq,
            direction: if self.direction == "inbound" { Direction::Inbound } else { Direction::Outbound },
            author: serde_json::from_str(&self.author).map_err(|error| unreadable("author", error.to_string()))?,
            content: serde_json::from_str(&self.content).map_err(|error| unreadable("content", error.to_string()))?,
            rendering: match &self.rendering {
                Some(text) => {
                    Some(serde_json::from_str(text).map_err(|error| unreadable("rendering", error.to_string()))?)
                }
                None => None,
            },
            body: self.body,
            attachments: match &self.attachments {
                Some(text) => {
                    serde_json::from_str(text).map_err(|error| unreadable("attachments", error.to_string()))?
                }
                None => Vec::new(),
            },
            reply_to: self.reply_to,
            status,
            provider_id: self.provider_id,
            provider_timestamp: self.provider_at,
            created_at: self.created_at,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            error: match &self.error {
                Some(text) => Some(serde_json::from_str(text).map_err(|error| unreadable("error", error.to_string()))?),
                None => None,
            },
            // One that was replaced while it waited waits no longer.
            held: self.held != 0 && status == Status::Queued,
            fallback_after: self.fallback_after,
            fallback_of: self.fallback_of,
            replaced_by: self.replaced_by,
            id: self.id,
        };
        Ok(StoredMessage { message, conversation_id: self.conversation_id, channel_id: self.channel_id })
    }
}

impl Store {
    /// Messages of a conversation in order, at most `limit`: those after `since` when given, else the newest.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn messages(
        &self,
        workspace_id: &str,
        conversation_id: &str,
        since: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Message>, StoreError> {
        let rows = if let Some(since) = since {
            fetch_all!(
                self.db(),
                MessageRow,
                "SELECT m.id, m.conversation_id, m.channel_id, m.seq, m.direction, m.author, m.content, m.rendering, m.body, m.attachments, COALESCE((SELECT r.id FROM messages AS r WHERE r.channel_id = m.channel_id AND r.provider_id = m.reply_to), m.reply_to) AS reply_to, m.status, m.provider_id, m.provider_at, m.error, m.created_at, m.edited_at, m.deleted_at, m.held, m.fallback_after, m.fallback_of, (SELECT f.id FROM messages AS f WHERE f.fallback_of = m.id) AS replaced_by FROM messages AS m WHERE m.conversation_id = $1 AND m.workspace_id = $2 AND m.seq > $3 ORDER BY m.seq LIMIT $4",
                conversation_id,
                workspace_id,
                since,
                limit
            )?
        } else {
            let mut rows = fetch_all!(
                self.db(),
                MessageRow,
                "SELECT m.id, m.conversation_id, m.channel_id, m.seq, m.direction, m.author, m.content, m.rendering, m.body, m.attachments, COALESCE((SELECT r.id FROM messages AS r WHERE r.channel_id = m.channel_id AND r.provider_id = m.reply_to), m.reply_to) AS reply_to, m.status, m.provider_id, m.provider_at, m.error, m.created_at, m.edited_at, m.deleted_at, m.held, m.fallback_after, m.fallback_of, (SELECT f.id FROM messages AS f WHERE f.fallback_of = m.id) AS replaced_by FROM messages AS m WHERE m.conversation_id = $1 AND m.workspace_id = $2 ORDER BY m.seq DESC LIMIT $3",
                conversation_id,
                workspace_id,
                limit
            )?;
            rows.reverse();
            rows
        };
        rows.into_iter().map(|row| row.into_message().map(|stored| stored.message)).collect()
    }

    /// How many messages of a contact came through a channel since then.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn count_received(&self, channel_id: &str, contact_id: &str, since: i64) -> Result<i64, StoreError> {
        fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM conversations AS c JOIN messages AS m ON m.conversation_id = c.id WHERE c.channel_id = $1 AND c.contact_id = $2 AND m.direction = 'inbound' AND m.created_at > $3",
            channel_id,
            contact_id,
            since
        )
        .map(|row| row.0)
    }

    /// One message of a workspace by our id.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn message(&self, workspace_id: &str, id: &str) -> Result<Option<StoredMessage>, StoreError> {
        fetch_optional!(
            self.db(),
            MessageRow,
            "SELECT m.id, m.conversation_id, m.channel_id, m.seq, m.direction, m.author, m.content, m.rendering, m.body, m.attachments, COALESCE((SELECT r.id FROM messages AS r WHERE r.channel_id = m.channel_id AND r.provider_id = m.reply_to), m.reply_to) AS reply_to, m.status, m.provider_id, m.provider_at, m.error, m.created_at, m.edited_at, m.deleted_at, m.held, m.fallback_after, m.fallback_of, (SELECT f.id FROM messages AS f WHERE f.fallback_of = m.id) AS replaced_by FROM messages AS m WHERE m.workspace_id = $1 AND m.id = $2",
            workspace_id,
            id
        )?
        .map(MessageRow::into_message)
        .transpose()
    }

    /// One message of a channel by the vendor's id.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn message_by_provider(
        &self,
        channel_id: &str,
        provider_id: &str,
    ) -> Result<Option<StoredMessage>, StoreError> {
        fetch_optional!(
            self.db(),
            MessageRow,
            "SELECT m.id, m.conversation_id, m.channel_id, m.seq, m.direction, m.author, m.content, m.rendering, m.body, m.attachments, m.reply_to, m.status, m.provider_id, m.provider_at, m.error, m.created_at, m.edited_at, m.deleted_at, m.held, m.fallback_after, m.fallback_of, (SELECT f.id FROM messages AS f WHERE f.fallback_of = m.id) AS replaced_by FROM messages AS m WHERE m.channel_id = $1 AND m.provider_id = $2",
            channel_id,
            provider_id
        )?
        .map(MessageRow::into_message)
        .transpose()
    }
}

impl Store {
    /// What was made under an idempotency key of the workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn idempotency(
        &self,
        workspace_id: &str,
        key: &str,
    ) -> Result<Option<crate::domain::changes::Idempotency>, StoreError> {
        let row: Option<(String, String)> = fetch_optional!(
            self.db(),
            (String, String),
            "SELECT request_hash, result_id FROM idempotency_keys WHERE workspace_id = $1 AND key = $2",
            workspace_id,
            key
        )?;
        Ok(row.map(|(request_hash, result_id)| crate::domain::changes::Idempotency {
            key: key.to_owned(),
            request_hash,
            result_id,
        }))
    }
}

impl Store {
    /// The messages of all conversations of a contact and of those merged into it, in one order by time, the oldest
    /// first: the newest `limit` of those within the span.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn timeline(
        &self,
        workspace_id: &str,
        contact_id: &str,
        span: Span<'_>,
        limit: i64,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let mut rows = fetch_all!(
            self.db(),
            MessageRow,
            "WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT m.id, m.conversation_id, m.channel_id, m.seq, m.direction, m.author, m.content, m.rendering, m.body, m.attachments, COALESCE((SELECT r.id FROM messages AS r WHERE r.channel_id = m.channel_id AND r.provider_id = m.reply_to), m.reply_to) AS reply_to, m.status, m.provider_id, m.provider_at, m.error, m.created_at, m.edited_at, m.deleted_at, m.held, m.fallback_after, m.fallback_of, (SELECT f.id FROM messages AS f WHERE f.fallback_of = m.id) AS replaced_by FROM tree CROSS JOIN conversations AS c CROSS JOIN messages AS m WHERE c.contact_id = tree.id AND m.conversation_id = c.id AND c.workspace_id = $1 AND (CAST($3 AS TEXT) IS NULL OR (m.created_at, m.conversation_id, m.seq) < (SELECT b.created_at, b.conversation_id, b.seq FROM messages AS b WHERE b.workspace_id = $1 AND b.id = $3)) AND (CAST($4 AS BIGINT) IS NULL OR m.created_at >= $4) AND (CAST($5 AS TEXT) IS NULL OR c.id <> $5) ORDER BY m.created_at DESC, m.conversation_id DESC, m.seq DESC LIMIT $6",
            workspace_id,
            contact_id,
            span.before,
            span.since,
            span.except,
            limit
        )?;
        rows.reverse();
        rows.into_iter().map(MessageRow::into_message).collect()
    }
}
