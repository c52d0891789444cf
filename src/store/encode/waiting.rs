//! Messages that wait, or that are not simply sent: statements of their own, which nothing costs while there are none.

use std::collections::BTreeMap;

use super::json;
use crate::domain::changes::Change;
use crate::store::commit::{Statements, Tx};
use crate::store::rows::Rows;

/// The rows about it.
#[derive(Debug)]
pub(in crate::store) struct Waiting<'a> {
    manners: Rows,
    released: Rows,
    /// By conversation, as the last change of a batch leaves it.
    holds: BTreeMap<&'a str, &'a [String]>,
}

impl<'a> Waiting<'a> {
    pub(super) const fn new(manners: Rows, released: Rows) -> Self {
        Self { manners, released, holds: BTreeMap::new() }
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
        if let (Some(holds), Some(conversation)) = (&change.holds, &change.conversation) {
            self.holds.insert(&conversation.state.id, holds);
        }
    }

    /// Writes it, after the messages and conversations themselves.
    pub(in crate::store) async fn write(&mut self, sql: &Statements, tx: &mut Tx) -> Result<(), sqlx::Error> {
        tx.execute(&sql.manners, std::mem::replace(&mut self.manners, Rows::new())).await?;
        tx.execute(&sql.release, std::mem::replace(&mut self.released, Rows::new())).await?;
        let mut holds = Rows::new();
        for (conversation_id, held) in std::mem::take(&mut self.holds) {
            holds.row().text(conversation_id).maybe_text((!held.is_empty()).then(|| json(&held)).as_deref());
        }
        tx.execute(&sql.holds, holds).await
    }
}
