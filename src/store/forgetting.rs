//! What is forgotten goes with everything that hangs on it: a message with its place in the search, its edits, its files
//! and what was said to vendors for it; a file with its bytes. Vendors' ids stay known by their hashes.

use sqlx::AssertSqlSafe;

use super::db::{execute, fetch_all, fetch_one};
use super::dialect::Dialect;
use super::rows::Rows;
use super::tables::{dialect, filled, whom};
use super::transactions::{Transaction, rows, run};
use super::{Store, StoreError};
use crate::domain::erasures::{Subject, tombstone};

const ERASED: &str = "INSERT INTO erased (channel_id, hash, workspace_id) SELECT value->>0, value->>1, value->>2 FROM {rows} WHERE true ON CONFLICT (channel_id, hash) DO NOTHING";
const KEYS: &str =
    "DELETE FROM idempotency_keys WHERE workspace_id = $2 AND result_id IN (SELECT value->>0 FROM {rows})";
/// What is derived from messages and what hangs on them, in the order of its going.
const OF_MESSAGES: [&str; 4] = [
    "DELETE FROM revisions WHERE workspace_id = $2 AND (channel_id, target) IN (SELECT m.channel_id, m.provider_id FROM messages AS m WHERE m.id IN (SELECT value->>0 FROM {rows}))",
    "DELETE FROM exchanges WHERE workspace_id = $2 AND message_id IN (SELECT value->>0 FROM {rows})",
    KEYS,
    "DELETE FROM messages WHERE workspace_id = $2 AND id IN (SELECT value->>0 FROM {rows})",
];
const INDEXED: &str = "DELETE FROM remembered_index WHERE rowid IN (SELECT i.id FROM {rows} AS r JOIN remembered AS i ON i.kind = $3 AND i.subject_id = r.value->>0 WHERE i.workspace_id = $2)";
const REMEMBERED: &str =
    "DELETE FROM remembered WHERE workspace_id = $2 AND kind = $3 AND subject_id IN (SELECT value->>0 FROM {rows})";
const DROPPED: &str = "INSERT INTO dropped_files (sha256, dropped_at) SELECT DISTINCT f.sha256, CAST($3 AS BIGINT) FROM files AS f WHERE f.workspace_id = $2 AND f.id IN (SELECT value->>0 FROM {rows}) ON CONFLICT (sha256) DO UPDATE SET dropped_at = excluded.dropped_at";
const FILES: &str = "DELETE FROM files WHERE workspace_id = $2 AND id IN (SELECT value->>0 FROM {rows})";

impl Transaction {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

/// Runs a statement over these ids, `$1`, of a workspace, `$2`.
macro_rules! over {
    ($tx:expr, $sql:expr, $ids:expr, $workspace:expr $(, $bind:expr)*) => {{
        let sql = AssertSqlSafe($tx.dialect().statement($sql));
        run!(&mut *$tx, sql, $ids, $workspace $(, $bind)*)
    }};
}

pub(super) fn listed(ids: &[String]) -> String {
    let mut rows = Rows::new();
    for id in ids {
        rows.row().text(id);
    }
    rows.into_json()
}

/// Forgets messages, but not their files. Gives how many there were.
pub(super) async fn forget_messages_in(
    tx: &mut Transaction,
    workspace_id: &str,
    ids: &[String],
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let given = listed(ids);
    let named = "SELECT m.channel_id, m.provider_id FROM {rows} AS r JOIN messages AS m ON m.id = r.value->>0 WHERE m.workspace_id = $2 AND m.provider_id IS NOT NULL";
    let named = AssertSqlSafe(tx.dialect().statement(named));
    let named: Vec<(String, String)> = rows!(&mut *tx, (String, String), named, given.as_str(), workspace_id)?;
    let mut hashes = Rows::new();
    for (channel_id, id) in &named {
        hashes.row().text(channel_id).text(&tombstone(channel_id, id)).text(workspace_id);
    }
    if !hashes.is_empty() {
        let erased = AssertSqlSafe(tx.dialect().statement(ERASED));
        run!(&mut *tx, erased, hashes.into_json().as_str())?;
    }
    unindex(tx, workspace_id, "message", &given).await?;
    let mut gone = 0;
    for sql in OF_MESSAGES {
        gone = over!(tx, sql, given.as_str(), workspace_id)?;
    }
    Ok(gone)
}

/// Forgets memories. Gives how many there were.
pub(super) async fn forget_memories_in(
    tx: &mut Transaction,
    workspace_id: &str,
    ids: &[String],
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let given = listed(ids);
    unindex(tx, workspace_id, "memory", &given).await?;
    over!(tx, KEYS, given.as_str(), workspace_id)?;
    const MEMORIES: &str = "DELETE FROM memories WHERE workspace_id = $2 AND id IN (SELECT value->>0 FROM {rows})";
    over!(tx, MEMORIES, given.as_str(), workspace_id)
}

async fn unindex(tx: &mut Transaction, workspace_id: &str, kind: &str, given: &str) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Sqlite {
        over!(tx, INDEXED, given, workspace_id, kind)?;
    }
    over!(tx, REMEMBERED, given, workspace_id, kind).map(|_| ())
}

impl Store {
    /// Forgets rows of a table that has nothing else hanging on it. Gives how many there were.
    pub(super) async fn forget_rows_in(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        table: &str,
        ids: &[String],
    ) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let given = listed(ids);
        over!(tx, KEYS, given.as_str(), workspace_id)?;
        let sql = format!("DELETE FROM {table} WHERE workspace_id = $2 AND id IN (SELECT value->>0 FROM {{rows}})");
        over!(tx, &sql, given.as_str(), workspace_id)
    }

    /// Forgets files: their rows now, their bytes once it is sure that nobody else names them. Gives how many.
    pub(super) async fn forget_files_in(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        ids: &[String],
    ) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let given = listed(ids);
        over!(tx, DROPPED, given.as_str(), workspace_id, self.clock().now())?;
        over!(tx, FILES, given.as_str(), workspace_id)
    }

    /// Forgets one file of a workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn drop_file(&self, workspace_id: &str, id: &str) -> Result<(), StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        self.forget_files_in(&mut tx, workspace_id, &[id.to_owned()]).await?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await
    }

    /// Whether a vendor's id of a channel was erased.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn is_erased(&self, channel_id: &str, id: &str) -> Result<bool, StoreError> {
        fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM erased WHERE channel_id = $1 AND hash = $2",
            channel_id,
            tombstone(channel_id, id).as_str()
        )
        .map(|row| row.0 > 0)
    }

    /// Forgets the body of a raw delivery, which keeps its outcome. It names no workspace: the delivery came just now.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn forget_delivery_body(&self, id: &str) -> Result<(), StoreError> {
        execute!(self.db(), "UPDATE deliveries SET body = '', envelope = NULL WHERE id = $1", id).map(|_| ())
    }

    /// Notes that bytes may be named by no row.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn drop_bytes(&self, sha256: String) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "INSERT INTO dropped_files (sha256, dropped_at) VALUES ($1, $2) ON CONFLICT (sha256) DO UPDATE SET dropped_at = excluded.dropped_at",
            sha256.as_str(),
            self.clock().now()
        )
        .map(|_| ())
    }

    /// Bytes that may be named by no row, the first dropped first, each with whether a row names them.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn dropped_files(&self, limit: i64) -> Result<Vec<(String, bool)>, StoreError> {
        let found: Vec<(String, i64)> = fetch_all!(
            self.db(),
            (String, i64),
            "SELECT d.sha256, CAST(CASE WHEN EXISTS (SELECT 1 FROM files AS f WHERE f.sha256 = d.sha256) THEN 1 ELSE 0 END AS BIGINT) FROM dropped_files AS d ORDER BY d.dropped_at, d.sha256 LIMIT $1",
            limit
        )?;
        Ok(found.into_iter().map(|(sha256, named)| (sha256, named == 1)).collect())
    }

    /// Whether a row names these bytes.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn names_bytes(&self, sha256: &str) -> Result<bool, StoreError> {
        fetch_one!(self.db(), (i64,), "SELECT COUNT(*) FROM files WHERE sha256 = $1", sha256).map(|row| row.0 > 0)
    }

    /// The matter of these bytes is settled.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn settle_dropped_file(&self, sha256: &str) -> Result<(), StoreError> {
        execute!(self.db(), "DELETE FROM dropped_files WHERE sha256 = $1", sha256).map(|_| ())
    }

    /// The files that a person's messages name.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn named_files(&self, workspace_id: &str, subject: &Subject) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT content, attachments FROM messages WHERE workspace_id = $2 AND conversation_id IN {conversations} AND (content LIKE '%\"file_id\"%' OR attachments IS NOT NULL)";
        let sql = AssertSqlSafe(dialect(self.db()).statement(&filled(sql)));
        let found: Vec<(String, Option<String>)> =
            fetch_all!(self.db(), (String, Option<String>), sql, whom(subject).as_str(), workspace_id)?;
        let mut ids = Vec::new();
        for (content, attachments) in found {
            collect_ids(&serde_json::from_str(&content).unwrap_or_default(), "file_id", &mut ids);
            let attachments = attachments.unwrap_or_default();
            collect_ids(&serde_json::from_str(&attachments).unwrap_or_default(), "id", &mut ids);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Whether a document, or a message of somebody else, names a file.
    pub(super) async fn is_file_of_others(
        &self,
        workspace_id: &str,
        subject: &Subject,
        id: &str,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT (SELECT COUNT(*) FROM documents WHERE workspace_id = $2 AND file_id = $3) + (SELECT COUNT(*) FROM messages WHERE workspace_id = $2 AND conversation_id NOT IN {conversations} AND (content LIKE '%' || $3 || '%' OR attachments LIKE '%' || $3 || '%'))";
        let sql = AssertSqlSafe(dialect(self.db()).statement(&filled(sql)));
        fetch_one!(self.db(), (i64,), sql, whom(subject).as_str(), workspace_id, id).map(|row| row.0 > 0)
    }
}

/// The texts of members of this name, wherever they stand.
pub(super) fn collect_ids(value: &serde_json::Value, name: &str, ids: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (member, value) in members {
                if let (true, Some(id)) = (member == name, value.as_str()) {
                    ids.push(id.to_owned());
                }
                collect_ids(value, name, ids);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_ids(item, name, ids)),
        _ => {}
    }
}
