//! The end of a person: conversations and contacts, once nothing hangs on them, and the event that tells of it.

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{Running, Step, subject_in};
use crate::domain::erasures::{Subject, tombstone};
use crate::domain::events::EventKind;
use crate::store::contacts::root_in;
use crate::store::tables::{TABLES, dialect, whom};
use crate::store::transactions::{Told, Transaction, rows, run};
use crate::store::{Store, StoreError};

impl Store {
    /// Deletes conversations and contacts; where something new hangs on them, that goes first.
    pub(super) async fn end_person(&self, running: &mut Running) -> Result<(), StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        if self.is_more(&mut tx, running).await? {
            running.go_to(Step::Jobs);
            return self.advance(tx, running).await;
        }
        let before = running.clone();
        match self.end_rows(&mut tx, running).await {
            Ok(told) => {
                running.go_to(Step::End.next());
                self.advance_and_tell(tx, running, told).await
            }
            // A message came meanwhile.
            Err(error) if error.is_needed() => {
                drop(tx);
                *running = before;
                running.go_to(Step::Rows);
                let tx = Transaction::begin(self.db()).await?;
                self.advance(tx, running).await
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the person has got something that is not looked through yet: another contact, a conversation, a name.
    async fn is_more(&self, tx: &mut Transaction, running: &mut Running) -> Result<bool, StoreError> {
        let workspace_id = running.workspace_id.as_str();
        let Some(root) = root_in(tx, workspace_id, &running.contact_id).await? else { return Ok(false) };
        let Subject { contacts, conversations, words } = subject_in(tx, workspace_id, &root).await?;
        let mut is_more = false;
        let known = &mut running.subject;
        for (known, found) in
            [(&mut known.contacts, contacts), (&mut known.conversations, conversations), (&mut known.words, words)]
        {
            for one in found {
                if !known.contains(&one) {
                    known.push(one);
                    is_more = true;
                }
            }
        }
        Ok(is_more)
    }

    async fn end_rows(&self, tx: &mut Transaction, running: &mut Running) -> Result<Vec<Told>, StoreError> {
        let (given, workspace_id) = (whom(&running.subject), running.workspace_id.clone());
        let dialect = dialect(self.db());
        let mut told = Vec::new();
        for name in ["conversations", "identities", "merges", "contacts"] {
            let Some((whose, _)) = TABLES.iter().find(|table| table.name == name).and_then(|table| table.whose())
            else {
                continue;
            };
            if name == "conversations" {
                let sql = format!("SELECT id, channel_id FROM conversations WHERE {whose}");
                let sql = AssertSqlSafe(dialect.statement(&sql));
                let found: Vec<(String, String)> =
                    rows!(&mut *tx, (String, String), sql, given.as_str(), workspace_id.as_str())?;
                for (id, channel_id) in &found {
                    bury(tx, &workspace_id, channel_id, id).await?;
                }
            }
            let sql = AssertSqlSafe(dialect.statement(&format!("DELETE FROM {name} WHERE {whose}")));
            let gone = run!(&mut *tx, sql, given.as_str(), workspace_id.as_str())?;
            running.count(name, gone);
            if name == "contacts" && gone > 0 {
                let data = json!({ "contact_id": running.contact_id, "erased": true });
                told.push(Told { kind: EventKind::ContactDeleted, data });
            }
        }
        Ok(told)
    }
}

/// Remembers something of a channel as erased.
pub(in crate::store) async fn bury(
    tx: &mut Transaction,
    workspace_id: &str,
    channel_id: &str,
    id: &str,
) -> Result<(), StoreError> {
    run!(
        tx,
        "INSERT INTO erased (channel_id, hash, workspace_id) VALUES ($1, $2, $3) ON CONFLICT (channel_id, hash) DO NOTHING",
        channel_id,
        tombstone(channel_id, id).as_str(),
        workspace_id
    )
    .map(|_| ())
}
