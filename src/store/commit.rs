//! One batch, one transaction: validates, then writes table by table, each with one statement.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::{AssertSqlSafe, FromRow, Postgres, Sqlite, Transaction};

use super::dialect::Dialect;
use super::encode::Sheets;
use super::rows::Rows;
use super::validate::Known;
use super::{Committed, Db, LiveEvent};
use crate::domain::changes::{Change, Refusal};
use crate::domain::jobs::Job;

macro_rules! statements {
    ($($name:ident $text:literal;)+) => {
        /// The statements of the hot path, one text for both databases.
        pub(super) struct Statements { $(pub(super) $name: Arc<str>),+ }
        impl Statements {
            fn new(dialect: Dialect) -> Self {
                Self { $($name: dialect.statement($text)),+ }
            }
        }
    };
}

statements! {
    versions "SELECT held.id, held.version FROM conversations AS held WHERE held.id IN (SELECT value->>0 FROM {rows}) ORDER BY held.id {lock}";
    provider_ids "SELECT m.channel_id, m.provider_id, CAST(0 AS BIGINT) FROM {rows} AS r CROSS JOIN messages AS m WHERE m.channel_id = r.value->>0 AND m.provider_id = r.value->>1 UNION ALL SELECT e.channel_id, r.value->>1, CAST(1 AS BIGINT) FROM {rows} AS r CROSS JOIN erased AS e WHERE e.channel_id = r.value->>0 AND e.hash = r.value->>2";
    identities "SELECT i.channel_id, i.kind, i.value, i.contact_id, c.id FROM {rows} AS r JOIN identities AS i ON i.channel_id = r.value->>0 AND i.kind = r.value->>1 AND i.value = r.value->>2 LEFT JOIN conversations AS c ON c.channel_id = i.channel_id AND c.contact_id = i.contact_id AND c.thread = ''";
    keys "SELECT k.workspace_id, k.key, k.request_hash, k.result_id FROM {rows} AS r JOIN idempotency_keys AS k ON k.workspace_id = r.value->>0 AND k.key = r.value->>1";
    month_messages "SELECT u.workspace_id, CAST(SUM(u.messages_in + u.messages_out) AS BIGINT) FROM {rows} AS r JOIN usage_days AS u ON u.workspace_id = r.value->>0 AND u.day >= CAST(r.value->>1 AS BIGINT) AND u.day < CAST(r.value->>2 AS BIGINT) GROUP BY u.workspace_id";
    held_jobs "SELECT held.id FROM jobs AS held WHERE held.id IN (SELECT value->>0 FROM {rows}) AND held.node_id = $2 ORDER BY held.id {lock}";
    lanes_elsewhere "SELECT DISTINCT held.lane FROM jobs AS held WHERE held.lane IN (SELECT value->>0 FROM {rows}) AND held.lane <> '' AND held.node_id <> $2 AND held.state = 'ready'";
    end_jobs "DELETE FROM jobs WHERE id IN (SELECT value->>0 FROM {rows})";
    contacts "INSERT INTO contacts (id, workspace_id, name, created_at, updated_at) SELECT value->>0, value->>1, value->>2, CAST(value->>3 AS BIGINT), CAST(value->>3 AS BIGINT) FROM {rows} WHERE true ON CONFLICT (id) DO UPDATE SET name = COALESCE(excluded.name, contacts.name), updated_at = excluded.updated_at";
    drop_identities "DELETE FROM identities WHERE (channel_id, kind, value, contact_id) IN (SELECT value->>0, value->>1, value->>2, value->>3 FROM {rows})";
    bind_identities "INSERT INTO identities (channel_id, kind, value, workspace_id, contact_id, created_at) SELECT value->>0, value->>1, value->>2, value->>3, value->>4, CAST(value->>5 AS BIGINT) FROM {rows}";
    begin_conversations "INSERT INTO conversations (id, workspace_id, channel_id, kind, contact_id, agent_id, owner, version, last_seq, answered_seq, window_expires_at, turn_job, created_at, last_message_at, thread, subject, opened_at) SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, CAST(value->>7 AS BIGINT), CAST(value->>8 AS BIGINT), CAST(value->>9 AS BIGINT), CAST(value->>10 AS BIGINT), value->>11, CAST(value->>12 AS BIGINT), CAST(value->>13 AS BIGINT), value->>14, value->>15, CAST(value->>12 AS BIGINT) FROM {rows}";
    move_conversations "UPDATE conversations SET agent_id = r.value->>1, owner = r.value->>2, version = CAST(r.value->>3 AS BIGINT), last_seq = CAST(r.value->>4 AS BIGINT), answered_seq = CAST(r.value->>5 AS BIGINT), window_expires_at = CAST(r.value->>6 AS BIGINT), turn_job = r.value->>7, last_message_at = CAST(r.value->>8 AS BIGINT) FROM {rows} AS r WHERE conversations.id = r.value->>0";
    messages "INSERT INTO messages (id, workspace_id, conversation_id, channel_id, seq, direction, author, content, body, attachments, reply_to, status, rank, provider_id, provider_at, created_at, rendering) SELECT value->>0, value->>1, value->>2, value->>3, CAST(value->>4 AS BIGINT), value->>5, value->>6, value->>7, value->>8, value->>9, value->>10, value->>11, CAST(value->>12 AS BIGINT), value->>13, CAST(value->>14 AS BIGINT), CAST(value->>15 AS BIGINT), value->>16 FROM {rows}";
    manners "UPDATE messages SET held = CAST(r.value->>1 AS BIGINT), fallback_after = CAST(r.value->>2 AS BIGINT), fallback_of = r.value->>3 FROM {rows} AS r WHERE messages.id = r.value->>0";
    release "UPDATE messages SET held = 0 FROM {rows} AS r WHERE messages.id = r.value->>0 AND messages.workspace_id = r.value->>1";
    recall "UPDATE messages SET status = r.value->>2, rank = CAST(r.value->>3 AS BIGINT), error = r.value->>4 FROM {rows} AS r WHERE messages.id = r.value->>0 AND messages.channel_id = r.value->>1 AND messages.rank < CAST(r.value->>5 AS BIGINT) RETURNING messages.id, messages.conversation_id, messages.workspace_id, messages.seq, messages.provider_id, messages.channel_id";
    holds "UPDATE conversations SET held = r.value->>1 FROM {rows} AS r WHERE conversations.id = r.value->>0";
    standings "UPDATE conversations SET opened_at = CAST(r.value->>1 AS BIGINT), closed_at = CAST(r.value->>2 AS BIGINT), told_window = CAST(r.value->>3 AS BIGINT) FROM {rows} AS r WHERE conversations.id = r.value->>0";
    revisions "INSERT INTO revisions (channel_id, id, workspace_id, target, content, body, at) SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, CAST(value->>6 AS BIGINT) FROM {rows} WHERE true ON CONFLICT (channel_id, id) DO NOTHING RETURNING channel_id, id, target";
    revise "UPDATE messages SET content = COALESCE((SELECT v.content FROM revisions AS v WHERE v.channel_id = messages.channel_id AND v.target = messages.provider_id AND v.content IS NOT NULL ORDER BY v.at DESC, v.id DESC LIMIT 1), messages.content), body = COALESCE((SELECT v.body FROM revisions AS v WHERE v.channel_id = messages.channel_id AND v.target = messages.provider_id AND v.content IS NOT NULL ORDER BY v.at DESC, v.id DESC LIMIT 1), messages.body), edited_at = (SELECT MAX(v.at) FROM revisions AS v WHERE v.channel_id = messages.channel_id AND v.target = messages.provider_id AND v.content IS NOT NULL), deleted_at = (SELECT MIN(v.at) FROM revisions AS v WHERE v.channel_id = messages.channel_id AND v.target = messages.provider_id AND v.content IS NULL) FROM {rows} AS r WHERE messages.channel_id = r.value->>0 AND messages.provider_id = r.value->>1 AND EXISTS (SELECT 1 FROM revisions AS v WHERE v.channel_id = messages.channel_id AND v.target = messages.provider_id) RETURNING messages.id, messages.conversation_id, messages.workspace_id, messages.content, messages.body, messages.edited_at, messages.deleted_at";
    revised_targets "SELECT DISTINCT v.channel_id, v.target FROM {rows} AS r CROSS JOIN revisions AS v WHERE v.channel_id = r.value->>0 AND v.target = r.value->>1";
    progress "UPDATE messages SET status = r.value->>2, rank = CAST(r.value->>3 AS BIGINT), error = r.value->>4, provider_id = COALESCE(messages.provider_id, CASE WHEN r.value->>5 IS NULL OR EXISTS (SELECT 1 FROM messages AS o WHERE o.channel_id = r.value->>1 AND o.provider_id = r.value->>5) THEN NULL ELSE r.value->>5 END) FROM {rows} AS r WHERE messages.id = r.value->>0 AND messages.channel_id = r.value->>1 AND messages.rank < CAST(r.value->>3 AS BIGINT) RETURNING messages.id, messages.conversation_id, messages.workspace_id, messages.seq, messages.provider_id, messages.channel_id";
    learn_provider_ids "UPDATE messages SET provider_id = r.value->>2 FROM {rows} AS r WHERE messages.id = r.value->>0 AND messages.channel_id = r.value->>1 AND messages.provider_id IS NULL AND NOT EXISTS (SELECT 1 FROM messages AS o WHERE o.channel_id = r.value->>1 AND o.provider_id = r.value->>2) RETURNING messages.channel_id, messages.provider_id";
    held_attachments "SELECT held.id, held.attachments FROM messages AS held WHERE (held.id, held.workspace_id) IN (SELECT value->>0, value->>1 FROM {rows}) ORDER BY held.id {lock}";
    attachments "UPDATE messages SET attachments = r.value->>1 FROM {rows} AS r WHERE messages.id = r.value->>0 AND messages.workspace_id = r.value->>2 RETURNING messages.id, messages.conversation_id, messages.workspace_id, messages.attachments";
    files "INSERT INTO files (id, workspace_id, message_id, sha256, size, mime_type, filename, created_at) SELECT value->>0, value->>1, value->>2, value->>3, CAST(value->>4 AS BIGINT), value->>5, value->>6, CAST(value->>7 AS BIGINT) FROM {rows}";
    number_events "UPDATE workspaces SET event_seq = event_seq + CAST(r.value->>1 AS BIGINT) FROM {rows} AS r WHERE workspaces.id = r.value->>0 RETURNING workspaces.id, workspaces.event_seq";
    events "INSERT INTO events (workspace_id, seq, kind, conversation_id, at, data) SELECT value->>0, CAST(value->>1 AS BIGINT), value->>2, value->>3, CAST(value->>4 AS BIGINT), value->>5 FROM {rows}";
    usage "INSERT INTO usage_days (workspace_id, day, agent_id, channel_id, model, currency, messages_in, messages_out) SELECT value->>0, CAST(value->>1 AS BIGINT), value->>2, value->>3, '', '', CAST(value->>4 AS BIGINT), CAST(value->>5 AS BIGINT) FROM {rows} WHERE true ON CONFLICT (workspace_id, day, agent_id, channel_id, model, currency) DO UPDATE SET messages_in = usage_days.messages_in + excluded.messages_in, messages_out = usage_days.messages_out + excluded.messages_out";
    jobs "INSERT INTO jobs (id, workspace_id, kind, lane, work, state, run_at, attempts, node_id, created_at) SELECT value->>0, value->>1, value->>2, value->>3, value->>4, 'ready', CAST(value->>5 AS BIGINT), 0, $2, CAST(value->>6 AS BIGINT) FROM {rows}";
    deliveries "INSERT INTO deliveries (id, workspace_id, channel_id, kind, received_at, outcome, detail, body, envelope) SELECT value->>0, value->>1, value->>2, value->>3, CAST(value->>4 AS BIGINT), value->>5, value->>6, value->>7, value->>8 FROM {rows}";
    end_deliveries "UPDATE deliveries SET outcome = r.value->>1, detail = r.value->>2, body = CASE WHEN CAST(r.value->>3 AS BIGINT) = 1 THEN '' ELSE deliveries.body END, envelope = CASE WHEN CAST(r.value->>3 AS BIGINT) = 1 THEN NULL ELSE deliveries.envelope END FROM {rows} AS r WHERE deliveries.id = r.value->>0";
    exchanges "INSERT INTO exchanges (id, workspace_id, message_id, at, request, status, response, duration_ms) SELECT value->>0, value->>1, value->>2, CAST(value->>3 AS BIGINT), value->>4, CAST(value->>5 AS BIGINT), value->>6, CAST(value->>7 AS BIGINT) FROM {rows} AS r WHERE EXISTS (SELECT 1 FROM messages AS m WHERE m.id = r.value->>2)";
    remember_keys "INSERT INTO idempotency_keys (workspace_id, key, request_hash, result_id, created_at) SELECT value->>0, value->>1, value->>2, value->>3, CAST(value->>4 AS BIGINT) FROM {rows}";
}

/// A transaction on either database.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    async fn begin(db: &Db) -> Result<Self, sqlx::Error> {
        match db {
            Db::Sqlite { write, .. } => Ok(Self::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)),
            Db::Postgres(pool) => Ok(Self::Postgres(pool.begin().await?)),
        }
    }

    pub(super) async fn fetch<T>(&mut self, sql: &Arc<str>, rows: Rows) -> Result<Vec<T>, sqlx::Error>
    where
        T: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let sql = AssertSqlSafe(Arc::clone(sql));
        match self {
            Self::Sqlite(tx) => sqlx::query_as(sql).bind(rows.into_jsonb()).fetch_all(&mut **tx).await,
            Self::Postgres(tx) => sqlx::query_as(sql).bind(rows.into_json()).fetch_all(&mut **tx).await,
        }
    }

    pub(super) async fn fetch_for(
        &mut self,
        sql: &Arc<str>,
        rows: Rows,
        node: &str,
    ) -> Result<Vec<(String,)>, sqlx::Error> {
        let sql = AssertSqlSafe(Arc::clone(sql));
        match self {
            Self::Sqlite(tx) => sqlx::query_as(sql).bind(rows.into_jsonb()).bind(node).fetch_all(&mut **tx).await,
            Self::Postgres(tx) => sqlx::query_as(sql).bind(rows.into_json()).bind(node).fetch_all(&mut **tx).await,
        }
    }

    pub(super) async fn execute(&mut self, sql: &Arc<str>, rows: Rows) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = AssertSqlSafe(Arc::clone(sql));
        match self {
            Self::Sqlite(tx) => sqlx::query(sql).bind(rows.into_jsonb()).execute(&mut **tx).await.map(|_| ()),
            Self::Postgres(tx) => sqlx::query(sql).bind(rows.into_json()).execute(&mut **tx).await.map(|_| ()),
        }
    }

    async fn execute_for(&mut self, sql: &Arc<str>, rows: Rows, node: &str) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = AssertSqlSafe(Arc::clone(sql));
        match self {
            Self::Sqlite(tx) => {
                sqlx::query(sql).bind(rows.into_jsonb()).bind(node).execute(&mut **tx).await.map(|_| ())
            }
            Self::Postgres(tx) => {
                sqlx::query(sql).bind(rows.into_json()).bind(node).execute(&mut **tx).await.map(|_| ())
            }
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

/// What a batch came to.
pub(super) struct Batch {
    pub(super) outcomes: Vec<Result<Committed, Refusal>>,
    pub(super) jobs: Vec<Job>,
    pub(super) events: Vec<LiveEvent>,
}

/// Commits batches.
pub(super) struct Committer {
    db: Db,
    node_id: String,
    statements: Statements,
}

impl Committer {
    pub(super) fn new(db: Db, node_id: String) -> Self {
        let dialect = match &db {
            Db::Sqlite { .. } => Dialect::Sqlite,
            Db::Postgres(_) => Dialect::Postgres,
        };
        Self { db, node_id, statements: Statements::new(dialect) }
    }

    /// Commits the changes that may be, in order; leaves `changes` as they were when the whole batch fails.
    pub(super) async fn commit(&self, changes: &mut [Change], at: i64) -> Result<Batch, sqlx::Error> {
        let mut tx = Tx::begin(&self.db).await?;
        let mut known = Known::about(changes, &mut tx, &self.statements, &self.node_id, at).await?;
        let mut outcomes: Vec<Result<Committed, Refusal>> =
            changes.iter().map(|change| known.admit(change).map(|()| Committed { news: true })).collect();
        let mut sheets = Sheets::new(at);
        for (change, outcome) in changes.iter().zip(&outcomes) {
            if outcome.is_ok() {
                sheets.add(change);
            }
        }
        sheets.bind(known.bindings());
        let events = self.write(&mut sheets, changes, &mut outcomes, &mut tx).await?;
        let elsewhere = self.lanes_elsewhere(changes, &mut tx).await?;
        tx.commit().await?;
        let jobs = take_jobs(changes, &outcomes, &elsewhere);
        Ok(Batch { outcomes, jobs, events })
    }

    /// Leaves a connection on which a transaction failed. `SQLite` ends a transaction by itself when the disk is full or
    /// broken, and the driver, which does not notice, would never begin another one on it.
    pub(super) async fn leave_connection(&self) {
        if let Db::Sqlite { write, .. } = &self.db
            && let Ok(connection) = write.acquire().await
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the connection that writes could not be closed well");
        }
    }

    /// Lanes of the new jobs in which another node has jobs: theirs go first. The conversations' rows are locked by
    /// now, so nobody adds to these lanes meanwhile.
    async fn lanes_elsewhere(&self, changes: &[Change], tx: &mut Tx) -> Result<HashSet<String>, sqlx::Error> {
        let mut lanes = Rows::new();
        if matches!(self.db, Db::Postgres(_)) {
            for job in changes.iter().flat_map(|change| &change.jobs).filter(|job| !job.lane.is_empty()) {
                lanes.row().text(&job.lane);
            }
        }
        if lanes.is_empty() {
            return Ok(HashSet::new());
        }
        let found = tx.fetch_for(&self.statements.lanes_elsewhere, lanes, &self.node_id).await?;
        Ok(found.into_iter().map(|row| row.0).collect())
    }

    async fn write(
        &self,
        sheets: &mut Sheets<'_>,
        changes: &[Change],
        outcomes: &mut [Result<Committed, Refusal>],
        tx: &mut Tx,
    ) -> Result<Vec<LiveEvent>, sqlx::Error> {
        let sql = &self.statements;
        tx.execute(&sql.end_jobs, std::mem::replace(&mut sheets.ended, Rows::new())).await?;
        tx.execute(&sql.contacts, sheets.contact_rows()).await?;
        tx.execute(&sql.drop_identities, std::mem::replace(&mut sheets.dropped, Rows::new())).await?;
        tx.execute(&sql.bind_identities, std::mem::replace(&mut sheets.identities, Rows::new())).await?;
        let (begun, moved) = sheets.conversation_rows();
        tx.execute(&sql.begin_conversations, begun).await?;
        tx.execute(&sql.move_conversations, moved).await?;
        tx.execute(&sql.messages, std::mem::replace(&mut sheets.messages, Rows::new())).await?;
        sheets.waiting.write(sql, tx).await?;
        tx.execute_for(&sql.jobs, std::mem::replace(&mut sheets.jobs, Rows::new()), &self.node_id).await?;
        tx.execute(&sql.exchanges, std::mem::replace(&mut sheets.exchanges, Rows::new())).await?;
        tx.execute(&sql.remember_keys, std::mem::replace(&mut sheets.keys, Rows::new())).await?;
        self.progress(sheets, tx).await?;
        self.revise(sheets, tx).await?;
        self.attach(sheets, tx).await?;
        sheets.judge(changes, outcomes);
        tx.execute(&sql.deliveries, sheets.deliveries(changes, outcomes)).await?;
        tx.execute(&sql.end_deliveries, sheets.delivery_ends(changes, outcomes)).await?;
        let numbers = sheets.event_counts();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let last: HashMap<String, i64> = tx.fetch(&sql.number_events, numbers).await?.into_iter().collect();
        let (rows, live) = sheets.numbered_events(&last)?;
        tx.execute(&sql.events, rows).await?;
        // Every message has an event, so by now its workspace's row is ours alone, and these cannot be held in a ring.
        tx.execute(&sql.usage, sheets.usage_rows()).await?;
        Ok(live)
    }

    /// Applies revisions that are new, and those that waited for a message which is.
    async fn revise(&self, sheets: &mut Sheets<'_>, tx: &mut Tx) -> Result<(), sqlx::Error> {
        let sql = &self.statements;
        let rows = std::mem::replace(&mut sheets.revisions, Rows::new());
        if !rows.is_empty() {
            sheets.fresh_revisions(tx.fetch(&sql.revisions, rows).await?);
        }
        let targets = std::mem::replace(&mut sheets.targets, Rows::new());
        if targets.is_empty() {
            return Ok(());
        }
        let mut revised = Rows::new();
        for (channel_id, target) in tx.fetch::<(String, String)>(&sql.revised_targets, targets).await? {
            revised.row().text(&channel_id).text(&target);
        }
        if !revised.is_empty() {
            sheets.revised(tx.fetch(&sql.revise, revised).await?);
        }
        Ok(())
    }

    /// Moves the messages forward, and learns the vendor's ids of those, too, that have come further already.
    async fn progress(&self, sheets: &mut Sheets<'_>, tx: &mut Tx) -> Result<(), sqlx::Error> {
        let rows = sheets.progress_rows();
        if !rows.is_empty() {
            sheets.progressed(tx.fetch(&self.statements.progress, rows).await?);
        }
        let learned = sheets.learned_rows();
        if !learned.is_empty() {
            sheets.learned(&tx.fetch::<(String, String)>(&self.statements.learn_provider_ids, learned).await?);
        }
        let recalls = sheets.waiting.recall_rows();
        if !recalls.is_empty() {
            sheets.recalled(tx.fetch(&self.statements.recall, recalls).await?);
        }
        Ok(())
    }

    async fn attach(&self, sheets: &mut Sheets<'_>, tx: &mut Tx) -> Result<(), sqlx::Error> {
        if let Some(messages) = sheets.messages_with_news_of_files() {
            // A message's files come one by one, maybe over several nodes: none takes back what another has written.
            let rows = sheets.attachment_rows(tx.fetch(&self.statements.held_attachments, messages).await?);
            sheets.attached(tx.fetch(&self.statements.attachments, rows).await?);
        }
        tx.execute(&self.statements.files, std::mem::replace(&mut sheets.files, Rows::new())).await
    }
}

fn take_jobs(changes: &mut [Change], outcomes: &[Result<Committed, Refusal>], elsewhere: &HashSet<String>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (change, outcome) in changes.iter_mut().zip(outcomes) {
        if outcome.is_err() {
            continue;
        }
        for job in change.jobs.drain(..) {
            jobs.push(Job {
                id: job.id,
                workspace_id: change.workspace_id.clone(),
                behind: elsewhere.contains(&job.lane),
                lane: job.lane,
                work: job.work,
                run_at: job.run_at,
                attempts: 0,
                reclaimed: false,
                cargo: job.cargo,
            });
        }
    }
    jobs
}
