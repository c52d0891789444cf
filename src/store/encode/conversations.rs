//! Conversations and the people in them: the rows of what is new and of what changes.

use std::sync::Arc;

use super::{PendingEvent, Rows, Sheets, json};
use crate::domain::changes::ConversationChange;
use crate::domain::events::EventKind;
use crate::store::validate::Bindings;

impl<'a> Sheets<'a> {
    pub(super) fn conversation(&mut self, change: &'a ConversationChange, workspace_id: &Arc<str>) {
        let state = &change.state;
        if change.expected.is_none() || change.contact_name.is_some() {
            let (_, name) = self.contacts.entry(&state.contact_id).or_insert((&state.workspace_id, None));
            *name = change.contact_name.as_deref().or(*name);
        }
        for identity in &change.dropped {
            self.dropped
                .row()
                .text(&state.channel_id)
                .text(identity.kind.as_str())
                .text(&identity.value)
                .text(&state.contact_id);
        }
        let (last, _) = self.conversations.entry(&state.id).or_insert((state, change.expected.is_none()));
        *last = state;
        if change.expected.is_none() {
            let data = serde_json::json!({
                "conversation_id": state.id, "channel_id": state.channel_id, "contact_id": state.contact_id,
                "name": change.contact_name, "owner": state.owner, "subject": state.subject,
            })
            .to_string();
            self.events.push(PendingEvent {
                workspace_id: Arc::clone(workspace_id),
                kind: EventKind::ConversationOpened,
                conversation_id: Some(state.id.as_str().into()),
                data,
            });
        }
    }

    /// Rows of the contacts that are new or renamed.
    pub(in crate::store) fn contact_rows(&self) -> Rows {
        let mut rows = Rows::new();
        for (id, (workspace_id, name)) in &self.contacts {
            rows.row().text(id).text(workspace_id).maybe_text(*name).int(self.at);
        }
        rows
    }

    /// Takes the identities to bind.
    pub(in crate::store) fn bind(&mut self, bindings: &Bindings) {
        for ((channel_id, kind, value), (workspace_id, contact_id)) in bindings {
            self.identities
                .row()
                .text(channel_id)
                .text(kind)
                .text(value)
                .text(workspace_id)
                .text(contact_id)
                .int(self.at);
        }
    }

    /// Rows of the conversations that are new, and of those that are not: what of them changes.
    pub(in crate::store) fn conversation_rows(&self) -> (Rows, Rows) {
        let (mut begun, mut moved) = (Rows::new(), Rows::new());
        for (state, is_new) in self.conversations.values() {
            if *is_new {
                begun
                    .row()
                    .text(&state.id)
                    .text(&state.workspace_id)
                    .text(&state.channel_id)
                    .text(state.kind.as_str())
                    .text(&state.contact_id)
                    .maybe_text(state.agent_id.as_deref())
                    .text(&json(&state.owner))
                    .int(state.version)
                    .int(state.last_seq)
                    .int(state.answered_seq)
                    .maybe_int(state.window_expires_at)
                    .maybe_text(state.turn_job.as_deref())
                    .int(state.created_at)
                    .int(state.last_message_at)
                    .text(&state.thread)
                    .maybe_text(state.subject.as_deref());
            } else {
                moved
                    .row()
                    .text(&state.id)
                    .maybe_text(state.agent_id.as_deref())
                    .text(&json(&state.owner))
                    .int(state.version)
                    .int(state.last_seq)
                    .int(state.answered_seq)
                    .maybe_int(state.window_expires_at)
                    .maybe_text(state.turn_job.as_deref())
                    .int(state.last_message_at);
            }
        }
        (begun, moved)
    }
}
