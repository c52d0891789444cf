//! Files that belong to messages: their rows, and the events of those that came.

use std::collections::BTreeMap;

use super::{Attached, Sheets, json};
use crate::domain::changes::Change;
use crate::domain::events::EventKind;
use crate::domain::messages::Attachment;
use crate::store::rows::Rows;

/// What became of some of a message's attachments.
#[derive(Default)]
pub(super) struct News<'a> {
    workspace_id: &'a str,
    /// By their places in the message.
    attachments: BTreeMap<usize, &'a Attachment>,
}

impl<'a> Sheets<'a> {
    pub(super) fn media(&mut self, change: &'a Change) {
        for news in &change.attachments {
            let message = self.attachments.entry(&news.message_id).or_default();
            message.workspace_id = &change.workspace_id;
            message.attachments.insert(news.index, &news.attachment);
            if let Some(file) = &news.file {
                self.files
                    .row()
                    .text(&file.id)
                    .text(&change.workspace_id)
                    .text(&news.message_id)
                    .text(&file.sha256)
                    .int(file.size)
                    .text(&file.mime_type)
                    .maybe_text(file.filename.as_deref())
                    .int(self.at);
            }
        }
    }

    /// The messages some of whose attachments have changed; `None` where there are none.
    pub(in crate::store) fn messages_with_news_of_files(&self) -> Option<Rows> {
        if self.attachments.is_empty() {
            return None;
        }
        let mut rows = Rows::new();
        for (message_id, news) in &self.attachments {
            rows.row().text(message_id).text(news.workspace_id);
        }
        Some(rows)
    }

    /// Rows of all attachments of these messages, of which the others stay as they stand in the database.
    pub(in crate::store) fn attachment_rows(&self, known: Vec<(String, Option<String>)>) -> Rows {
        let mut rows = Rows::new();
        for (message_id, attachments) in known {
            let Some(news) = self.attachments.get(message_id.as_str()) else { continue };
            let read = attachments.and_then(|text| serde_json::from_str(&text).ok());
            let mut all: Vec<serde_json::Value> = read.unwrap_or_default();
            for (place, attachment) in &news.attachments {
                if let Some(known) = all.get_mut(*place) {
                    *known = serde_json::json!(attachment);
                }
            }
            rows.row().text(&message_id).text(&json(&all)).text(news.workspace_id);
        }
        rows
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
