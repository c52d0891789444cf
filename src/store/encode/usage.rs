//! What the messages of a batch count for in the usage of their workspaces: one row for a whole batch, most often.

use std::collections::BTreeMap;

use super::{Rows, Sheets};
use crate::domain::changes::Change;
use crate::domain::messages::Direction;
use crate::domain::usage::day_of;

/// Messages that came in and that are ours, by workspace, day, agent and channel; in one order for every writer.
pub(super) type Counts<'a> = BTreeMap<(&'a str, i64, &'a str, &'a str), (i64, i64)>;

impl<'a> Sheets<'a> {
    /// Counts the messages of an admitted change.
    pub(super) fn count_messages(&mut self, change: &'a Change) {
        let agent = change.conversation.as_ref().and_then(|conversation| conversation.state.agent_id.as_deref());
        for new in &change.messages {
            let day = day_of(new.message.created_at);
            let place = (change.workspace_id.as_str(), day, agent.unwrap_or_default(), new.channel_id.as_str());
            let (incoming, ours) = self.usage.entry(place).or_default();
            match new.message.direction {
                Direction::Inbound => *incoming += 1,
                Direction::Outbound => *ours += 1,
            }
        }
    }

    /// Rows of what is added to the usage.
    pub(in crate::store) fn usage_rows(&self) -> Rows {
        let mut rows = Rows::new();
        for ((workspace, day, agent, channel), (incoming, ours)) in &self.usage {
            rows.row().text(workspace).int(*day).text(agent).text(channel).int(*incoming).int(*ours);
        }
        rows
    }
}
