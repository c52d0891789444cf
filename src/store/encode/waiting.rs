//! What is seldom: messages that wait or are not simply sent, conversations that open and close. They are statements of
//! their own, which cost nothing while there are none.

use std::collections::BTreeMap;

use super::progress::told;
use super::{Progressed, Sheets, json};
use crate::domain::changes::{Change, Progress};
use crate::domain::conversations::Standing;
use crate::domain::messages::Status;
use crate::store::commit::{Statements, Tx};
use crate::store::rows::Rows;

/// The rows about it.
#[derive(Debug)]
pub(in crate::store) struct Waiting<'a> {
    manners: Rows,
    released: Rows,
    /// By message.
    recalls: BTreeMap<&'a str, &'a Progress>,
    /// By conversation, as the last change of a batch leaves it.
    holds: BTreeMap<&'a str, &'a [String]>,
    /// By conversation, as the last change of a batch leaves it.
    standings: BTreeMap<&'a str, Standing>,
}

impl<'a> Waiting<'a> {
    pub(super) const fn new(manners: Rows, released: Rows) -> Self {
        Self { manners, released, recalls: BTreeMap::new(), holds: BTreeMap::new(), standings: BTreeMap::new() }
    }

    /// Adds one admitted change.
    pub(super) fn add(&mut self, change: &'a Change) {
        for message in change.messages.iter().map(|new| &new.message) {
            if message.held || message.fallback_after.is_some() || message.fallback_of.is_some() {
                self.manners
                    .row()
                    .text(&message.id)
                    .int(i64::from(message.held))
                    .maybe_int(message.fallback_after)
                    .maybe_text(message.fallback_of.as_deref());
            }
        }
        for message_id in &change.released {
            self.released.row().text(message_id).text(&change.workspace_id);
        }
        self.recalls.extend(change.recalls.iter().map(|recall| (recall.message_id.as_str(), recall)));
        if let (Some(holds), Some(conversation)) = (&change.holds, &change.conversation) {
            self.holds.insert(&conversation.state.id, holds);
        }
        if let (Some(standing), Some(conversation)) = (change.standing, &change.conversation) {
            self.standings.insert(&conversation.state.id, standing);
        }
    }

    /// Rows of the messages that shall not leave any more. They are written after what has become of sends.
    pub(in crate::store) fn recall_rows(&self) -> Rows {
        let mut rows = Rows::new();
        for (message_id, recall) in &self.recalls {
            rows.row()
                .text(message_id)
                .text(&recall.channel_id)
                .text(recall.status.as_str())
                .int(recall.status.rank())
                .maybe_text(recall.error.as_ref().map(json).as_deref())
                .int(Status::Sent.rank());
        }
        rows
    }

    /// Writes it, after the messages and conversations themselves.
    pub(in crate::store) async fn write(&mut self, sql: &Statements, tx: &mut Tx) -> Result<(), sqlx::Error> {
        tx.execute(&sql.manners, std::mem::replace(&mut self.manners, Rows::new())).await?;
        tx.execute(&sql.release, std::mem::replace(&mut self.released, Rows::new())).await?;
        let mut holds = Rows::new();
        for (conversation_id, held) in std::mem::take(&mut self.holds) {
            holds.row().text(conversation_id).maybe_text((!held.is_empty()).then(|| json(&held)).as_deref());
        }
        tx.execute(&sql.holds, holds).await?;
        let mut standings = Rows::new();
        for (conversation_id, standing) in std::mem::take(&mut self.standings) {
            let Standing { opened_at, closed_at, told_window } = standing;
            standings.row().text(conversation_id).int(opened_at).maybe_int(closed_at).maybe_int(told_window);
        }
        tx.execute(&sql.standings, standings).await
    }
}

impl Sheets<'_> {
    /// Takes note of the messages that will not leave any more.
    pub(in crate::store) fn recalled(&mut self, rows: Vec<Progressed>) {
        for row in rows {
            let Some(recall) = self.waiting.recalls.get(row.0.as_str()).copied() else { continue };
            let data = told(&row, recall);
            self.event(row.2, recall.status.into(), row.1, data);
        }
    }
}
