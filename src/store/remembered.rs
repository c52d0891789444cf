//! The index over what is remembered: memories, which come in with their own transaction, and messages, which come in
//! behind the event sequence. It holds no text.

use sqlx::{AssertSqlSafe, FromRow};

use super::db::{fetch_all, fetch_one};
use super::dialect::Dialect;
use super::documents::words;
use super::rows::Rows;
use super::transactions::{Transaction, run};
use super::{Db, Store, StoreError};
use crate::domain::memories::{Recalled, RecalledFrom, RecalledKind};
use crate::telemetry::crash;

/// Events that are looked at in one transaction: few, because whoever writes a message waits for it.
const STEP: i64 = 200;
/// Most that a search gives.
pub const MOST_FOUND: i64 = 200;

const FIND_SQLITE: &str = "SELECT r.kind, -bm25(remembered_index, 0.0, 1.0) AS score, COALESCE(f.text, m.body) AS text, f.id AS memory_id, COALESCE(f.conversation_id, m.conversation_id) AS conversation_id, COALESCE(f.message_id, m.id) AS message_id, COALESCE(f.contact_id, c.contact_id) AS contact_id, COALESCE(f.created_at, m.created_at) AS at FROM remembered_index JOIN remembered AS r ON r.id = remembered_index.rowid LEFT JOIN memories AS f ON r.kind = 'memory' AND f.id = r.subject_id LEFT JOIN messages AS m ON r.kind = 'message' AND m.id = r.subject_id AND m.deleted_at IS NULL LEFT JOIN conversations AS c ON c.id = m.conversation_id WHERE remembered_index MATCH $1 AND r.workspace_id = $2 AND (f.id IS NOT NULL OR m.id IS NOT NULL) AND (CAST($3 AS TEXT) IS NULL OR COALESCE(f.contact_id, c.contact_id) IN (WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $2 AND id = $3 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree)) ORDER BY score DESC, at DESC, r.id DESC LIMIT $4";
const FIND_POSTGRES: &str = "SELECT r.kind, CAST(ts_rank_cd(r.terms, q) AS DOUBLE PRECISION) AS score, COALESCE(f.text, m.body) AS text, f.id AS memory_id, COALESCE(f.conversation_id, m.conversation_id) AS conversation_id, COALESCE(f.message_id, m.id) AS message_id, COALESCE(f.contact_id, c.contact_id) AS contact_id, COALESCE(f.created_at, m.created_at) AS at FROM to_tsquery('english', $1) AS q, remembered AS r LEFT JOIN memories AS f ON r.kind = 'memory' AND f.id = r.subject_id LEFT JOIN messages AS m ON r.kind = 'message' AND m.id = r.subject_id AND m.deleted_at IS NULL LEFT JOIN conversations AS c ON c.id = m.conversation_id WHERE r.terms @@ q AND r.workspace_id = $2 AND (f.id IS NOT NULL OR m.id IS NOT NULL) AND (CAST($3 AS TEXT) IS NULL OR COALESCE(f.contact_id, c.contact_id) IN (WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $2 AND id = $3 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree)) ORDER BY score DESC, at DESC, r.id DESC LIMIT $4";

/// Messages into the index, `$2`: their workspace. What was taken back leaves it.
const TAKE_SQLITE: [&str; 4] = [
    "INSERT INTO remembered (workspace_id, kind, subject_id) SELECT m.workspace_id, 'message', m.id FROM {rows} AS r CROSS JOIN messages AS m WHERE m.id = r.value->>0 AND m.workspace_id = $2 AND m.deleted_at IS NULL AND m.body <> '' ON CONFLICT (kind, subject_id) DO NOTHING",
    "INSERT OR REPLACE INTO remembered_index (rowid, tenant, text) SELECT i.id, REPLACE(i.workspace_id, '-', ''), m.body FROM {rows} AS r CROSS JOIN remembered AS i CROSS JOIN messages AS m WHERE i.kind = 'message' AND i.subject_id = r.value->>0 AND m.id = i.subject_id AND i.workspace_id = $2 AND m.deleted_at IS NULL",
    "DELETE FROM remembered_index WHERE rowid IN (SELECT i.id FROM {rows} AS r CROSS JOIN remembered AS i CROSS JOIN messages AS m WHERE i.kind = 'message' AND i.subject_id = r.value->>0 AND m.id = i.subject_id AND i.workspace_id = $2 AND m.deleted_at IS NOT NULL)",
    "DELETE FROM remembered WHERE workspace_id = $2 AND kind = 'message' AND subject_id IN (SELECT m.id FROM {rows} AS r CROSS JOIN messages AS m WHERE m.id = r.value->>0 AND m.deleted_at IS NOT NULL)",
];
const TAKE_POSTGRES: [&str; 2] = [
    "INSERT INTO remembered (workspace_id, kind, subject_id, terms) SELECT m.workspace_id, 'message', m.id, to_tsvector('english', m.body) FROM {rows} AS r CROSS JOIN messages AS m WHERE m.id = r.value->>0 AND m.workspace_id = $2 AND m.deleted_at IS NULL AND m.body <> '' ON CONFLICT (kind, subject_id) DO UPDATE SET terms = excluded.terms",
    "DELETE FROM remembered WHERE workspace_id = $2 AND kind = 'message' AND subject_id IN (SELECT m.id FROM {rows} AS r CROSS JOIN messages AS m WHERE m.id = r.value->>0 AND m.deleted_at IS NOT NULL)",
];

#[derive(FromRow)]
struct FoundRow {
    kind: String,
    score: f64,
    text: String,
    memory_id: Option<String>,
    conversation_id: Option<String>,
    message_id: Option<String>,
    contact_id: Option<String>,
    at: i64,
}

/// How far the messages of a workspace are in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// All of them.
    All,
    /// More are to be taken in.
    Some,
    /// Another took these at the same time.
    Elsewhere,
}

impl Store {
    /// Takes the next messages of a workspace into the index.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remember_messages(&self, workspace_id: &str) -> Result<Taken, StoreError> {
        let (last, from): (i64, i64) = fetch_one!(
            self.db(),
            (i64, i64),
            "SELECT w.event_seq, COALESCE(u.seq, 0) FROM workspaces AS w LEFT JOIN remembered_up_to AS u ON u.workspace_id = w.id WHERE w.id = $1",
            workspace_id
        )?;
        if from >= last {
            return Ok(Taken::All);
        }
        let to = last.min(from + STEP);
        let events: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT data FROM events WHERE workspace_id = $1 AND seq > $2 AND seq <= $3 AND kind IN ('message.received', 'message.queued', 'message.updated')",
            workspace_id,
            from,
            to
        )?;
        let (mut given, mut ids) = (Rows::new(), std::collections::BTreeSet::new());
        for (data,) in &events {
            let data: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
            let id = data.pointer("/message/id").or_else(|| data.get("message_id")).and_then(serde_json::Value::as_str);
            ids.extend(id.map(str::to_owned));
        }
        for id in &ids {
            given.row().text(id);
        }
        let mut tx = Transaction::begin(self.db()).await?;
        let moved = run!(
            &mut tx,
            "INSERT INTO remembered_up_to (workspace_id, seq) VALUES ($1, $3) ON CONFLICT (workspace_id) DO UPDATE SET seq = excluded.seq WHERE remembered_up_to.seq = $2",
            workspace_id,
            from,
            to
        )?;
        if moved == 0 {
            return Ok(Taken::Elsewhere);
        }
        if !given.is_empty() {
            take(&mut tx, workspace_id, &given.into_json()).await?;
        }
        crash::point("remembering.take");
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(if to < last { Taken::Some } else { Taken::All })
    }

    /// The workspaces of which messages are not in the index yet, for the job that takes them in.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn workspaces_to_remember(&self) -> Result<Vec<String>, StoreError> {
        let found: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT w.id FROM workspaces AS w LEFT JOIN remembered_up_to AS u ON u.workspace_id = w.id WHERE w.event_seq > COALESCE(u.seq, 0) ORDER BY w.id"
        )?;
        Ok(found.into_iter().map(|row| row.0).collect())
    }

    /// What has any word of the question, the best first, at most [`MOST_FOUND`]; of one person only, if given.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn recall(
        &self,
        workspace_id: &str,
        question: &str,
        contact_id: Option<&str>,
    ) -> Result<Vec<Recalled>, StoreError> {
        let words = words(question);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<FoundRow> = match self.db() {
            Db::Sqlite { read, .. } => {
                let any = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
                let query = format!("tenant : \"{}\" AND text : ({any})", tenant(workspace_id));
                sqlx::query_as(FIND_SQLITE)
                    .bind(query)
                    .bind(workspace_id)
                    .bind(contact_id)
                    .bind(MOST_FOUND)
                    .fetch_all(read)
                    .await?
            }
            Db::Postgres(pool) => {
                sqlx::query_as(FIND_POSTGRES)
                    .bind(words.join(" | "))
                    .bind(workspace_id)
                    .bind(contact_id)
                    .bind(MOST_FOUND)
                    .fetch_all(pool)
                    .await?
            }
        };
        let best = found.first().map_or(1.0, |row| row.score).max(f64::MIN_POSITIVE);
        Ok(found.into_iter().map(|row| recalled(row, best)).collect())
    }

    /// Forgets all about a person: their memories, and their messages in the index. The messages themselves stay.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn forget_contact(&self, workspace_id: &str, contact_id: &str) -> Result<(), StoreError> {
        let members = self.contact_tree(workspace_id, contact_id).await?;
        let mut tx = Transaction::begin(self.db()).await?;
        for member in &members {
            forget_contact_in(&mut tx, workspace_id, member).await?;
        }
        self.tell_and_commit(tx, workspace_id, Vec::new()).await
    }
}

fn recalled(row: FoundRow, best: f64) -> Recalled {
    let FoundRow { kind, score, text, memory_id, conversation_id, message_id, contact_id, at } = row;
    let kind = if kind == "memory" { RecalledKind::Fact } else { RecalledKind::Message };
    let score = (score / best).clamp(f64::MIN_POSITIVE, 1.0);
    Recalled { text, score, source: RecalledFrom { kind, memory_id, conversation_id, message_id, contact_id, at } }
}

async fn take(tx: &mut Transaction, workspace_id: &str, given: &str) -> Result<(), StoreError> {
    let (dialect, statements): (Dialect, &[&str]) = match tx {
        Transaction::Sqlite(_) => (Dialect::Sqlite, &TAKE_SQLITE),
        Transaction::Postgres(_) => (Dialect::Postgres, &TAKE_POSTGRES),
    };
    for statement in statements {
        run!(&mut *tx, AssertSqlSafe(dialect.statement(statement)), given, workspace_id)?;
    }
    Ok(())
}

/// Puts a memory into the index within its transaction, in the place of what it was before.
pub(super) async fn index_memory(
    tx: &mut Transaction,
    workspace_id: &str,
    id: &str,
    text: &str,
) -> Result<(), StoreError> {
    if matches!(tx, Transaction::Postgres(_)) {
        const ADD: &str = "INSERT INTO remembered (workspace_id, kind, subject_id, terms) VALUES ($1, 'memory', $2, to_tsvector('english', $3)) ON CONFLICT (kind, subject_id) DO UPDATE SET terms = excluded.terms";
        return run!(tx, ADD, workspace_id, id, text).map(|_| ());
    }
    const ADD: &str = "INSERT INTO remembered (workspace_id, kind, subject_id) VALUES ($1, 'memory', $2) ON CONFLICT (kind, subject_id) DO NOTHING";
    run!(&mut *tx, ADD, workspace_id, id)?;
    const INDEX: &str = "INSERT OR REPLACE INTO remembered_index (rowid, tenant, text) SELECT id, $3, $4 FROM remembered WHERE workspace_id = $1 AND kind = 'memory' AND subject_id = $2";
    run!(tx, INDEX, workspace_id, id, tenant(workspace_id).as_str(), text).map(|_| ())
}

/// Takes a memory out of the index within its transaction.
pub(super) async fn forget_memory_in(tx: &mut Transaction, workspace_id: &str, id: &str) -> Result<(), StoreError> {
    if matches!(tx, Transaction::Sqlite(_)) {
        const OUT: &str = "DELETE FROM remembered_index WHERE rowid IN (SELECT id FROM remembered WHERE workspace_id = $1 AND kind = 'memory' AND subject_id = $2)";
        run!(&mut *tx, OUT, workspace_id, id)?;
    }
    const FORGET: &str = "DELETE FROM remembered WHERE workspace_id = $1 AND kind = 'memory' AND subject_id = $2";
    run!(tx, FORGET, workspace_id, id).map(|_| ())
}

/// Forgets all about one contact within a transaction; those that were merged into it are contacts of their own here.
pub(super) async fn forget_contact_in(
    tx: &mut Transaction,
    workspace_id: &str,
    contact_id: &str,
) -> Result<(), StoreError> {
    if matches!(tx, Transaction::Sqlite(_)) {
        const OUT: &str = "DELETE FROM remembered_index WHERE rowid IN (SELECT id FROM remembered WHERE workspace_id = $1 AND (kind = 'memory' AND subject_id IN (SELECT id FROM memories WHERE workspace_id = $1 AND contact_id = $2) OR kind = 'message' AND subject_id IN (SELECT m.id FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id WHERE c.workspace_id = $1 AND c.contact_id = $2)))";
        run!(&mut *tx, OUT, workspace_id, contact_id)?;
    }
    const FORGET: &str = "DELETE FROM remembered WHERE workspace_id = $1 AND (kind = 'memory' AND subject_id IN (SELECT id FROM memories WHERE workspace_id = $1 AND contact_id = $2) OR kind = 'message' AND subject_id IN (SELECT m.id FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id WHERE c.workspace_id = $1 AND c.contact_id = $2))";
    run!(&mut *tx, FORGET, workspace_id, contact_id)?;
    run!(tx, "DELETE FROM memories WHERE workspace_id = $1 AND contact_id = $2", workspace_id, contact_id).map(|_| ())
}

/// A workspace's id as one word of the index.
fn tenant(workspace_id: &str) -> String {
    workspace_id.replace('-', "")
}
