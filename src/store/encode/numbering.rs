//! Gives the events of a batch their places in their workspaces' sequences.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Sheets;
use crate::store::LiveEvent;
use crate::store::rows::Rows;

impl Sheets<'_> {
    /// How many events each workspace gets, sorted so that two writers cannot hold each other's rows.
    pub(in crate::store) fn event_counts(&self) -> Rows {
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for event in &self.events {
            *counts.entry(&event.workspace_id).or_default() += 1;
        }
        let mut rows = Rows::new();
        for (workspace_id, count) in counts {
            rows.row().text(workspace_id).int(count);
        }
        rows
    }

    /// The events with their numbers, given each workspace's last one.
    ///
    /// # Errors
    /// A workspace does not exist.
    pub(in crate::store) fn numbered_events(
        &mut self,
        last: &HashMap<String, i64>,
    ) -> Result<(Rows, Vec<LiveEvent>), sqlx::Error> {
        let mut counts: HashMap<&str, i64> = HashMap::new();
        for event in &self.events {
            *counts.entry(&event.workspace_id).or_default() += 1;
        }
        let mut next: HashMap<Arc<str>, i64> = HashMap::with_capacity(counts.len());
        for (workspace, count) in counts {
            let last = last.get(workspace).ok_or(sqlx::Error::RowNotFound)?;
            next.insert(workspace.into(), last - count);
        }
        let mut rows = Rows::new();
        let mut live = Vec::with_capacity(self.events.len());
        for event in self.events.drain(..) {
            let seq = next.entry(Arc::clone(&event.workspace_id)).or_default();
            *seq += 1;
            rows.row()
                .text(&event.workspace_id)
                .int(*seq)
                .text(event.kind.as_str())
                .maybe_text(event.conversation_id.as_deref())
                .int(self.at)
                .text(&event.data);
            live.push(LiveEvent {
                workspace_id: event.workspace_id,
                seq: *seq,
                kind: event.kind.as_str(),
                conversation_id: event.conversation_id,
                at: self.at,
                data: event.data.into(),
            });
        }
        Ok((rows, live))
    }
}
