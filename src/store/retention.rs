//! What is older than its time goes, some rows in a transaction, and never what is still needed.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use super::db::{execute, fetch_all, fetch_optional};
use super::forgetting::forget_messages_in;
use super::transactions::{Transaction, rows};
use super::{Store, StoreError};
use crate::domain::jobs::Work;
use crate::domain::retention::{Class, Retention};

/// Rows that are deleted in one transaction.
pub const SOME: i64 = 500;

/// Whose, and how old.
#[derive(Debug, Clone, Copy)]
pub struct Old<'a> {
    /// The workspace.
    pub workspace_id: &'a str,
    /// Of one channel only.
    pub channel_id: Option<&'a str>,
    /// Of all but these channels, which have times of their own.
    pub but: &'a [String],
    /// What is older than this, Unix milliseconds.
    pub before: i64,
}

impl Old<'_> {
    /// The channels as the statements look into them: ids have no commas.
    fn but(&self) -> String {
        format!(",{},", self.but.join(","))
    }
}

/// Messages that are old: `$1` to `$4`. What waits to leave, or to be answered, or may still leave, is needed.
const MESSAGES: &str = "SELECT m.id FROM messages AS m CROSS JOIN conversations AS c WHERE c.id = m.conversation_id AND m.workspace_id = $1 AND m.created_at < $2 AND (CAST($3 AS TEXT) IS NULL OR m.channel_id = $3) AND $4 NOT LIKE '%,' || m.channel_id || ',%' AND m.status NOT IN ('queued', 'uncertain') AND m.held = 0 AND (m.seq <= c.answered_seq OR c.turn_job IS NULL) ORDER BY m.created_at LIMIT $5";
/// Files of messages, and files that were handed in, that are old.
const FILES: &str = "SELECT f.id FROM files AS f LEFT JOIN messages AS m ON m.id = f.message_id WHERE f.workspace_id = $1 AND f.created_at < $2 AND (CAST($3 AS TEXT) IS NULL OR m.channel_id = $3) AND (m.channel_id IS NULL OR $4 NOT LIKE '%,' || m.channel_id || ',%') AND f.id > $6 AND NOT EXISTS (SELECT 1 FROM documents AS d WHERE d.workspace_id = $1 AND d.file_id = f.id) ORDER BY f.id LIMIT $5";
const DELIVERIES: &str = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE workspace_id = $1 AND received_at < $2 AND outcome <> 'pending' AND (CAST($3 AS TEXT) IS NULL OR channel_id = $3) AND (channel_id IS NULL OR $4 NOT LIKE '%,' || channel_id || ',%') ORDER BY received_at LIMIT $5)";
/// From the oldest on, as far as everybody who reads the sequence has come.
const EVENTS: &str = "WITH oldest AS (SELECT seq, at FROM events WHERE workspace_id = $1 ORDER BY seq LIMIT $3) DELETE FROM events WHERE workspace_id = $1 AND seq IN (SELECT o.seq FROM oldest AS o WHERE o.at < $2 AND o.seq <= COALESCE((SELECT MIN(e.event_seq) FROM webhook_endpoints AS e WHERE e.workspace_id = $1 AND e.state = 'active'), o.seq) AND o.seq <= COALESCE((SELECT u.seq FROM remembered_up_to AS u WHERE u.workspace_id = $1), 0) AND o.seq < COALESCE((SELECT MIN(n.seq) FROM oldest AS n WHERE n.at >= $2), o.seq + 1))";
const TRACES: &str = "DELETE FROM turn_traces WHERE job_id IN (SELECT job_id FROM turn_traces WHERE workspace_id = $1 AND at < $2 AND journal IS NULL ORDER BY at LIMIT $3)";
const EXCHANGES: &str = "DELETE FROM exchanges WHERE id IN (SELECT x.id FROM exchanges AS x LEFT JOIN messages AS m ON m.id = x.message_id WHERE x.workspace_id = $1 AND x.at < $2 AND COALESCE(m.status, '') NOT IN ('queued', 'uncertain') ORDER BY x.at LIMIT $3)";
const WEBHOOK_DELIVERIES: &str = "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE workspace_id = $1 AND created_at < $2 AND state <> 'waiting' ORDER BY created_at LIMIT $3)";
const AUDIT: &str =
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE workspace_id = $1 AND at < $2 ORDER BY at LIMIT $3)";

impl Store {
    /// What a workspace says about how long what is kept.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn retention(&self, workspace_id: &str) -> Result<Retention, StoreError> {
        let row: Option<(String,)> =
            fetch_optional!(self.db(), (String,), "SELECT retention FROM workspaces WHERE id = $1", workspace_id)?;
        let Some((text,)) = row else { return Ok(Retention::default()) };
        read(workspace_id, &text)
    }

    /// Sets it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_retention(&self, workspace_id: &str, retention: &Retention) -> Result<(), StoreError> {
        let text = serde_json::json!(retention).to_string();
        execute!(self.db(), "UPDATE workspaces SET retention = $2 WHERE id = $1", workspace_id, text.as_str())
            .map(|_| ())
    }

    /// What all workspaces say.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn retentions(&self) -> Result<Vec<(String, Retention)>, StoreError> {
        let found: Vec<(String, String)> =
            fetch_all!(self.db(), (String, String), "SELECT id, retention FROM workspaces ORDER BY id")?;
        found
            .into_iter()
            .map(|(id, text)| {
                let retention = read(&id, &text)?;
                Ok((id, retention))
            })
            .collect()
    }

    /// Makes what one node does at a time this node's, or finds that it is, for as long as the node's lease lives.
    /// Gives `false` while another living node has it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn claim_chore(&self, name: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "INSERT INTO chores (name, node_id) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET node_id = $2 WHERE chores.node_id = $2 OR NOT EXISTS (SELECT 1 FROM nodes AS n WHERE n.id = chores.node_id AND n.lease_until >= $3)",
            name,
            self.node_id(),
            self.clock().now()
        )
        .map(|touched| touched > 0)
    }

    /// Forgets some of what is old of a class; fewer than [`SOME`]: all of it is gone.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn forget_some(&self, class: Class, old: Old<'_>) -> Result<u64, StoreError> {
        let (workspace_id, before) = (old.workspace_id, old.before);
        match class {
            Class::Messages => self.forget_old_messages(old).await,
            Class::Files => self.forget_old_files(old).await,
            Class::Deliveries => {
                let but = old.but();
                execute!(self.db(), DELIVERIES, workspace_id, before, old.channel_id, but.as_str(), SOME)
            }
            Class::Events => execute!(self.db(), EVENTS, workspace_id, before, SOME),
            Class::Traces => {
                let traces = execute!(self.db(), TRACES, workspace_id, before, SOME)?;
                Ok(traces.max(execute!(self.db(), EXCHANGES, workspace_id, before, SOME)?))
            }
            Class::WebhookDeliveries => execute!(self.db(), WEBHOOK_DELIVERIES, workspace_id, before, SOME),
            Class::Audit => execute!(self.db(), AUDIT, workspace_id, before, SOME),
        }
    }

    async fn forget_old_messages(&self, old: Old<'_>) -> Result<u64, StoreError> {
        let (but, mut tx) = (old.but(), Transaction::begin(self.db()).await?);
        let found: Vec<(String,)> =
            rows!(&mut tx, (String,), MESSAGES, old.workspace_id, old.before, old.channel_id, but.as_str(), SOME)?;
        let ids: Vec<String> = found.into_iter().map(|row| row.0).collect();
        let files = "SELECT id FROM files WHERE workspace_id = $2 AND message_id IN (SELECT value->>0 FROM {rows})";
        let files = AssertSqlSafe(super::tables::dialect(self.db()).statement(files));
        let listed = super::forgetting::listed(&ids);
        let files: Vec<(String,)> = rows!(&mut tx, (String,), files, listed.as_str(), old.workspace_id)?;
        let files: Vec<String> = files.into_iter().map(|row| row.0).collect();
        self.forget_files_in(&mut tx, old.workspace_id, &files).await?;
        let gone = forget_messages_in(&mut tx, old.workspace_id, &ids).await?;
        self.tell_and_commit(tx, old.workspace_id, Vec::new()).await?;
        Ok(gone)
    }

    /// Files that a message names which has still to leave are needed.
    async fn forget_old_files(&self, old: Old<'_>) -> Result<u64, StoreError> {
        let needed = self.files_to_send(old.workspace_id).await?;
        let (but, mut after) = (old.but(), String::new());
        loop {
            let mut tx = Transaction::begin(self.db()).await?;
            let found: Vec<(String,)> = rows!(
                &mut tx,
                (String,),
                FILES,
                old.workspace_id,
                old.before,
                old.channel_id,
                but.as_str(),
                SOME,
                after.as_str()
            )?;
            let Some((last,)) = found.last().cloned() else { return Ok(0) };
            let ids: Vec<String> = found.into_iter().map(|row| row.0).filter(|id| !needed.contains(id)).collect();
            let gone = self.forget_files_in(&mut tx, old.workspace_id, &ids).await?;
            self.tell_and_commit(tx, old.workspace_id, Vec::new()).await?;
            if gone > 0 {
                return Ok(SOME.unsigned_abs());
            }
            after = last;
        }
    }

    /// Files of messages that have still to leave.
    async fn files_to_send(&self, workspace_id: &str) -> Result<HashSet<String>, StoreError> {
        let jobs: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT work FROM jobs WHERE workspace_id = $1 AND kind IN ('send', 'fallback')",
            workspace_id
        )?;
        let held: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT held FROM conversations WHERE workspace_id = $1 AND held IS NOT NULL",
            workspace_id
        )?;
        let mut messages: Vec<String> =
            held.iter().flat_map(|(ids,)| serde_json::from_str::<Vec<String>>(ids).unwrap_or_default()).collect();
        for (work,) in &jobs {
            if let Ok(Work::Send { message_id, .. } | Work::Fallback { message_id }) = serde_json::from_str(work) {
                messages.push(message_id);
            }
        }
        let mut files = HashSet::new();
        for id in &messages {
            let content: Option<(String,)> = fetch_optional!(
                self.db(),
                (String,),
                "SELECT content FROM messages WHERE workspace_id = $1 AND id = $2",
                workspace_id,
                id.as_str()
            )?;
            let content = content.and_then(|(text,)| serde_json::from_str(&text).ok()).unwrap_or_default();
            let mut named = Vec::new();
            super::forgetting::collect_ids(&content, "file_id", &mut named);
            files.extend(named);
        }
        Ok(files)
    }
}

fn read(workspace_id: &str, text: &str) -> Result<Retention, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable {
        table: "workspaces",
        column: "retention",
        id: workspace_id.to_owned(),
        reason: error.to_string(),
    })
}
