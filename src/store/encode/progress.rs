//! How far messages have come: the rows of it, and what really moved.

use super::{Progressed, Rows, Sheets, json};
use crate::domain::changes::Progress;

impl<'a> Sheets<'a> {
    /// Several receipts for one message in a batch become one: the highest rank, any vendor id.
    pub(super) fn merge(&mut self, progress: &'a Progress) {
        let merged =
            self.progress.entry((&progress.message_id, &progress.channel_id)).or_insert_with(|| progress.clone());
        let provider_id = merged.provider_id.take().or_else(|| progress.provider_id.clone());
        if progress.status.rank() > merged.status.rank() {
            *merged = progress.clone();
        }
        merged.provider_id = provider_id;
    }

    /// Rows of the vendor's ids that came with progress that moved nothing.
    pub(in crate::store) fn learned_rows(&self) -> Rows {
        let mut rows = Rows::new();
        for progress in self.progress.values() {
            let moved = self.moved.contains(&(progress.message_id.clone(), progress.channel_id.clone()));
            if let (Some(provider_id), false) = (&progress.provider_id, moved) {
                rows.row().text(&progress.message_id).text(&progress.channel_id).text(provider_id);
            }
        }
        rows
    }

    /// Takes note of the messages whose vendor id is known from now on: revisions may wait for them.
    pub(in crate::store) fn learned(&mut self, rows: &[(String, String)]) {
        for (channel_id, provider_id) in rows {
            self.targets.row().text(channel_id).text(provider_id);
        }
    }

    /// Rows of the merged progress.
    pub(in crate::store) fn progress_rows(&self) -> Rows {
        let mut rows = Rows::new();
        for progress in self.progress.values() {
            let error = progress.error.as_ref().map(json);
            rows.row()
                .text(&progress.message_id)
                .text(&progress.channel_id)
                .text(progress.status.as_str())
                .int(progress.status.rank())
                .maybe_text(error.as_deref())
                .maybe_text(progress.provider_id.as_deref());
        }
        rows
    }

    /// Takes note of the messages that moved.
    pub(in crate::store) fn progressed(&mut self, rows: Vec<Progressed>) {
        for row in rows {
            let Some(progress) = self.progress.get(&(row.0.as_str(), row.5.as_str())) else { continue };
            let (kind, data, brought_id) =
                (progress.status.into(), told(&row, progress), progress.provider_id.is_some());
            let (id, conversation_id, workspace_id, _, provider_id, channel_id) = row;
            self.event(workspace_id, kind, conversation_id, data);
            // A revision may wait for a message whose vendor's id is known only now.
            if let Some(provider_id) = provider_id.filter(|_| brought_id) {
                self.targets.row().text(&channel_id).text(&provider_id);
            }
            self.moved.insert((id, channel_id));
        }
    }
}

/// What is told of a message that has come so far.
pub(super) fn told(row: &Progressed, progress: &Progress) -> String {
    let (id, conversation_id, _, seq, provider_id, _) = row;
    serde_json::json!({
        "conversation_id": conversation_id, "channel_id": progress.channel_id, "message_id": id, "seq": seq,
        "status": progress.status, "provider_id": provider_id, "at": progress.at, "error": progress.error,
    })
    .to_string()
}
