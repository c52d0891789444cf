//! Rows that are a person's: their names in channels first, then table by table, some at a time.

use sqlx::AssertSqlSafe;

use super::{Running, Step, subject_in};
use crate::store::contacts::root_in;
use crate::store::forgetting::{forget_memories_in, forget_messages_in};
use crate::store::tables::{TABLES, Table, dialect, whom};
use crate::store::transactions::{Transaction, rows, run};
use crate::store::{Store, StoreError};

/// Rows that are deleted in one transaction.
const SOME: i64 = 500;
/// What goes with the person at the end.
const LAST: [&str; 4] = ["identities", "conversations", "merges", "contacts"];

impl Store {
    /// Reads whom it is about, and takes their names in channels away. Turns and what was held for them end.
    pub(super) async fn cut(&self, running: &mut Running) -> Result<(), StoreError> {
        let workspace_id = running.workspace_id.clone();
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(root) = root_in(&mut tx, &workspace_id, &running.contact_id).await? {
            running.subject = subject_in(&mut tx, &workspace_id, &root).await?;
        }
        // Conversations before contacts, as whoever writes a message does.
        for id in &running.subject.conversations {
            const MOVE: &str = "UPDATE conversations SET version = version + 1, turn_job = NULL, held = NULL WHERE workspace_id = $1 AND id = $2";
            run!(&mut tx, MOVE, workspace_id.as_str(), id.as_str())?;
        }
        for id in &running.subject.contacts.clone() {
            const NAMES: &str = "DELETE FROM identities WHERE workspace_id = $1 AND contact_id = $2";
            let gone = run!(&mut tx, NAMES, workspace_id.as_str(), id.as_str())?;
            running.count("identities", gone);
        }
        running.go_to(Step::Cut.next());
        self.advance(tx, running).await
    }

    pub(super) async fn remove_rows(&self, running: &mut Running) -> Result<(), StoreError> {
        self.let_sent_files_go(running).await?;
        while running.step == Step::Rows {
            let at: usize = running.reached.parse().unwrap_or_default();
            let Some(table) = TABLES.get(at).filter(|table| table.whose().is_some() && !LAST.contains(&table.name))
            else {
                running.go_to(Step::Rows.next());
                let tx = Transaction::begin(self.db()).await?;
                return self.advance(tx, running).await;
            };
            let mut tx = Transaction::begin(self.db()).await?;
            let gone = self.remove_some(&mut tx, running, table).await?;
            running.count(table.name, gone);
            if gone < SOME.unsigned_abs() {
                running.reached = (at + 1).to_string();
            }
            self.advance(tx, running).await?;
        }
        Ok(())
    }

    /// Deletes some rows of a table, with what is derived from them. Gives how many.
    async fn remove_some(&self, tx: &mut Transaction, running: &Running, table: &Table) -> Result<u64, StoreError> {
        let Some((whose, key)) = table.whose() else { return Ok(0) };
        let (given, workspace_id) = (whom(&running.subject), running.workspace_id.as_str());
        let dialect = dialect(self.db());
        if matches!(table.name, "messages" | "memories" | "tasks" | "follow_ups" | "leads" | "files") {
            let sql = format!("SELECT {key} FROM {} WHERE {whose} ORDER BY {key} LIMIT $3", table.name);
            let sql = AssertSqlSafe(dialect.statement(&sql));
            let found: Vec<(String,)> = rows!(&mut *tx, (String,), sql, given.as_str(), workspace_id, SOME)?;
            let ids: Vec<String> = found.into_iter().map(|row| row.0).collect();
            return match table.name {
                "messages" => forget_messages_in(tx, workspace_id, &ids).await,
                "memories" => forget_memories_in(tx, workspace_id, &ids).await,
                "files" => self.forget_files_in(tx, workspace_id, &ids).await,
                name => self.forget_rows_in(tx, workspace_id, name, &ids).await,
            };
        }
        let sql = format!(
            "DELETE FROM {0} WHERE ({key}) IN (SELECT {key} FROM {0} WHERE {whose} LIMIT $3) AND workspace_id = $2",
            table.name
        );
        let sql = AssertSqlSafe(dialect.statement(&sql));
        run!(tx, sql, given.as_str(), workspace_id, SOME)
    }

    /// Files that their messages name, and no message of anybody else, and no document.
    async fn let_sent_files_go(&self, running: &mut Running) -> Result<(), StoreError> {
        if !running.reached.is_empty() {
            return Ok(());
        }
        let workspace_id = running.workspace_id.clone();
        let mut own = Vec::new();
        for id in self.named_files(&workspace_id, &running.subject).await? {
            if !self.is_file_of_others(&workspace_id, &running.subject, &id).await? {
                own.push(id);
            }
        }
        for some in own.chunks(usize::try_from(SOME).unwrap_or(1)) {
            let mut tx = Transaction::begin(self.db()).await?;
            let gone = self.forget_files_in(&mut tx, &workspace_id, some).await?;
            running.count("files", gone);
            self.advance(tx, running).await?;
        }
        Ok(())
    }
}
