//! The catalogue of tables: which of them hold anything of the persons who write to a workspace, and how their rows are
//! found. Erasure and export read it, and a test holds it against the schema, so that no table can be forgotten.

use super::dialect::Dialect;
use super::rows::Rows;
use crate::domain::erasures::Subject;

/// What a table holds of persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// Whole rows that are theirs.
    Rows {
        /// Which: a condition over `{contacts}`, `{conversations}`, `{words}`, `{messages}`.
        whose: &'static str,
        /// The columns by which a row is found, and in whose order rows are shown.
        key: &'static str,
    },
    /// Texts that may name them, in rows that stay.
    Texts,
    /// What is derived from other tables and goes with them.
    Index,
}

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it holds of persons.
    pub holds: Holds,
}

const fn nothing(name: &'static str) -> Table {
    Table { name, holds: Holds::Nothing }
}

const fn rows(name: &'static str, key: &'static str, whose: &'static str) -> Table {
    Table { name, holds: Holds::Rows { whose, key } }
}

const fn texts(name: &'static str) -> Table {
    Table { name, holds: Holds::Texts }
}

const fn index(name: &'static str) -> Table {
    Table { name, holds: Holds::Index }
}

const BY_EITHER: &str = "(contact_id IN {contacts} OR conversation_id IN {conversations})";

/// All tables. Rows are deleted in this order: what is found by its message goes before the message.
pub const TABLES: &[Table] = &[
    rows("exchanges", "id", "message_id IN {messages}"),
    rows(
        "revisions",
        "channel_id, id",
        "(channel_id, target) IN (SELECT m.channel_id, m.provider_id FROM messages AS m WHERE m.conversation_id IN {conversations})",
    ),
    rows("files", "id", "message_id IN {messages}"),
    rows("messages", "id", "conversation_id IN {conversations}"),
    rows("memories", "id", BY_EITHER),
    rows("tasks", "id", BY_EITHER),
    rows("follow_ups", "id", BY_EITHER),
    rows(
        "leads",
        "id",
        "(contact_id IN {contacts} OR conversation_id IN {conversations} OR LOWER(contact_email) IN {words} OR contact_phone IN {words})",
    ),
    rows("turn_traces", "job_id", "conversation_id IN {conversations}"),
    rows("awaited_mails", "channel_id, provider_id, conversation_id", "conversation_id IN {conversations}"),
    rows("suppressions", "channel_id, kind, value", "value IN {words}"),
    rows("identities", "channel_id, kind, value", "contact_id IN {contacts}"),
    rows("conversations", "id", "contact_id IN {contacts}"),
    rows("merges", "id", "(kept_id IN {contacts} OR merged_id IN {contacts})"),
    rows("contacts", "id", "id IN {contacts}"),
    texts("deliveries"),
    texts("events"),
    texts("idempotency_keys"),
    texts("jobs"),
    texts("webhook_attempts"),
    texts("webhook_deliveries"),
    index("remembered"),
    index("remembered_index"),
    nothing("agents"),
    nothing("api_keys"),
    nothing("audit"),
    nothing("calendars"),
    nothing("channels"),
    nothing("chores"),
    nothing("documents"),
    nothing("dropped_files"),
    nothing("erased"),
    nothing("erasures"),
    nothing("invitations"),
    nothing("mailboxes"),
    nothing("members"),
    nothing("message_templates"),
    nothing("nodes"),
    nothing("one_time_codes"),
    nothing("passages"),
    nothing("passages_index"),
    nothing("providers"),
    nothing("remembered_up_to"),
    nothing("sessions"),
    nothing("usage_days"),
    nothing("used_tokens"),
    nothing("users"),
    nothing("webhook_endpoints"),
    nothing("workspaces"),
];

impl Table {
    /// Which of its rows are somebody's: a condition in which `$1` is who, as [`whom`] writes it, and `$2` the workspace.
    /// None for a table without such rows.
    pub(super) fn whose(&self) -> Option<(String, &'static str)> {
        let Holds::Rows { whose, key } = self.holds else { return None };
        Some((format!("workspace_id = $2 AND {}", filled(whose)), key))
    }
}

/// Fills a condition's places.
pub(super) fn filled(condition: &str) -> String {
    let messages = "(SELECT m.id FROM messages AS m WHERE m.conversation_id IN {conversations})";
    let of = |kind: &str| format!("(SELECT s.value->>1 FROM {{rows}} AS s WHERE s.value->>0 = '{kind}')");
    condition
        .replace("{messages}", messages)
        .replace("{contacts}", &of("contact"))
        .replace("{conversations}", &of("conversation"))
        .replace("{words}", &of("word"))
}

/// A subject as the parameter `$1` of these conditions.
pub(super) fn whom(subject: &Subject) -> String {
    let mut rows = Rows::new();
    for (kind, values) in
        [("contact", &subject.contacts), ("conversation", &subject.conversations), ("word", &subject.words)]
    {
        for value in values {
            rows.row().text(kind).text(value);
        }
    }
    rows.into_json()
}

/// Which database a store has, for statements with places.
pub(super) const fn dialect(db: &super::Db) -> Dialect {
    match db {
        super::Db::Sqlite { .. } => Dialect::Sqlite,
        super::Db::Postgres(_) => Dialect::Postgres,
    }
}
