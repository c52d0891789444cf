//! Files that belong to messages: their rows, and the events of those that came.

use super::{Attached, Sheets, json};
use crate::domain::changes::Change;
use crate::domain::events::EventKind;

impl Sheets<'_> {
    pub(super) fn media(&mut self, change: &Change) {
        for attachment in &change.attachments {
            self.attachments
                .row()
                .text(&attachment.message_id)
                .text(&json(&attachment.attachments))
                .text(&change.workspace_id);
            if let Some(file) = &attachment.file {
                self.files
                    .row()
                    .text(&file.id)
                    .text(&change.workspace_id)
                    .text(&attachment.message_id)
                    .text(&file.sha256)
                    .int(file.size)
                    .text(&file.mime_type)
                    .maybe_text(file.filename.as_deref())
                    .int(self.at);
            }
        }
    }

    /// Takes note of the messages whose attachments changed.
    pub(in crate::store) fn attached(&mut self, rows: Vec<Attached>) {
        for (id, conversation_id, workspace_id, attachments) in rows {
            let attachments: serde_json::Value =
                attachments.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let data = serde_json::json!({
                "conversation_id": conversation_id, "message_id": id, "attachments": attachments,
            });
            self.event(workspace_id, EventKind::MessageUpdated, conversation_id, data.to_string());
        }
    }
}
