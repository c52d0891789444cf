//! Turns a batch's changes into rows, table by table, and derives the events of what really happened.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::rows::Rows;
use super::{Committed, LiveEvent};
use crate::domain::changes::{Change, ConversationChange, NewMessage, Progress, Refusal};
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::events::EventKind;

/// A message as its revision left it: id, conversation, workspace, content, body, edited and deleted times.
pub(super) type Revised = (String, String, String, String, String, Option<i64>, Option<i64>);
/// A message that moved: id, conversation, workspace, sequence number, vendor's id.
pub(super) type Progressed = (String, String, String, i64, Option<String>);
/// A message whose attachments changed: id, conversation, workspace, attachments.
pub(super) type Attached = (String, String, String, Option<String>);

struct PendingEvent {
    workspace_id: Arc<str>,
    kind: EventKind,
    conversation_id: Option<Arc<str>>,
    data: String,
}

/// The rows of a batch.
pub(super) struct Sheets {
    at: i64,
    pub(super) superseded: Rows,
    pub(super) contacts: Rows,
    pub(super) dropped: Rows,
    pub(super) identities: Rows,
    pub(super) conversations: Rows,
    pub(super) messages: Rows,
    pub(super) jobs: Rows,
    pub(super) exchanges: Rows,
    pub(super) keys: Rows,
    pub(super) revisions: Rows,
    pub(super) targets: Rows,
    pub(super) attachments: Rows,
    pub(super) files: Rows,
    progress: BTreeMap<String, Progress>,
    moved: HashSet<String>,
    fresh: HashSet<(String, String)>,
    events: Vec<PendingEvent>,
}

#[derive(Serialize)]
struct MessageEvent<'a> {
    conversation_id: &'a str,
    channel_id: &'a str,
    message: &'a crate::domain::messages::Message,
}

impl Sheets {
    pub(super) fn new(at: i64) -> Self {
        Self {
            at,
            superseded: Rows::new(),
            contacts: Rows::new(),
            dropped: Rows::new(),
            identities: Rows::new(),
            conversations: Rows::new(),
            messages: Rows::new(),
            jobs: Rows::new(),
            exchanges: Rows::new(),
            keys: Rows::new(),
            revisions: Rows::new(),
            targets: Rows::new(),
            attachments: Rows::new(),
            files: Rows::new(),
            progress: BTreeMap::new(),
            moved: HashSet::new(),
            fresh: HashSet::new(),
            events: Vec::new(),
        }
    }

    /// Adds one admitted change.
    pub(super) fn add(&mut self, _index: usize, change: &Change) {
        let workspace_id: Arc<str> = change.workspace_id.as_str().into();
        for job in &change.supersedes {
            self.superseded.row().text(job);
        }
        if let Some(conversation) = &change.conversation {
            self.conversation(conversation, &workspace_id);
        }
        for new in &change.messages {
            self.message(new, &workspace_id);
        }
        for progress in &change.progress {
            self.merge(progress);
        }
        for event in &change.events {
            self.events.push(PendingEvent {
                workspace_id: Arc::clone(&workspace_id),
                kind: event.kind,
                conversation_id: event.conversation_id.as_deref().map(Arc::from),
                data: event.data.to_string(),
            });
        }
        self.follow_ups(change);
        self.media(change);
    }

    fn conversation(&mut self, change: &ConversationChange, workspace_id: &Arc<str>) {
        let state = &change.state;
        if change.expected.is_none() || change.contact_name.is_some() {
            self.contacts
                .row()
                .text(&state.contact_id)
                .text(&state.workspace_id)
                .maybe_text(change.contact_name.as_deref())
                .int(self.at);
        }
        for identity in &change.dropped {
            self.dropped.row().text(&state.channel_id).text(identity.kind.as_str()).text(&identity.value);
        }
        for identity in &change.identities {
            self.identities
                .row()
                .text(&state.channel_id)
                .text(identity.kind.as_str())
                .text(&identity.value)
                .text(&state.workspace_id)
                .text(&state.contact_id)
                .int(self.at);
        }
        self.conversations
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
            .int(state.last_message_at);
        if change.expected.is_none() {
            let data = serde_json::json!({
                "conversation_id": state.id, "channel_id": state.channel_id, "contact_id": state.contact_id,
                "name": change.contact_name, "owner": state.owner,
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

    fn message(&mut self, new: &NewMessage, workspace_id: &Arc<str>) {
        let message = &new.message;
        self.messages
            .row()
            .text(&message.id)
            .text(workspace_id)
            .text(&new.conversation_id)
            .text(&new.channel_id)
            .int(message.seq)
            .text(message.direction.as_str())
            .text(&json(&message.author))
            .text(&json(&message.content))
            .text(&message.body);
        if message.attachments.is_empty() {
            self.messages.null();
        } else {
            self.messages.text(&json(&message.attachments));
        }
        self.messages
            .maybe_text(message.reply_to.as_deref())
            .text(message.status.as_str())
            .int(message.status.rank())
            .maybe_text(message.provider_id.as_deref())
            .maybe_int(message.provider_timestamp)
            .int(message.created_at);
        if let Some(provider_id) = &message.provider_id {
            self.targets.row().text(&new.channel_id).text(provider_id);
        }
        let data = MessageEvent { conversation_id: &new.conversation_id, channel_id: &new.channel_id, message };
        self.events.push(PendingEvent {
            workspace_id: Arc::clone(workspace_id),
            kind: message.status.into(),
            conversation_id: Some(new.conversation_id.as_str().into()),
            data: json(&data),
        });
    }

    /// Several receipts for one message in a batch become one: the highest rank, any vendor id.
    fn merge(&mut self, progress: &Progress) {
        match self.progress.get_mut(&progress.message_id) {
            None => {
                self.progress.insert(progress.message_id.clone(), progress.clone());
            }
            Some(merged) => {
                let provider_id = merged.provider_id.take().or_else(|| progress.provider_id.clone());
                if progress.status.rank() > merged.status.rank() {
                    *merged = progress.clone();
                }
                merged.provider_id = provider_id;
            }
        }
    }

    fn follow_ups(&mut self, change: &Change) {
        for job in &change.jobs {
            self.jobs
                .row()
                .text(&job.id)
                .text(&change.workspace_id)
                .text(job.work.kind())
                .text(&job.lane)
                .text(&json(&job.work))
                .int(job.run_at)
                .int(self.at);
        }
        if let Some(exchange) = &change.exchange {
            self.exchanges
                .row()
                .text(&exchange.id)
                .text(&change.workspace_id)
                .text(&exchange.message_id)
                .int(exchange.at)
                .text(&exchange.request)
                .maybe_int(exchange.status)
                .text(&exchange.response)
                .int(exchange.duration_ms);
        }
        if let Some(idempotency) = &change.idempotency {
            self.keys
                .row()
                .text(&change.workspace_id)
                .text(&idempotency.key)
                .text(&idempotency.request_hash)
                .text(&idempotency.result_id)
                .int(self.at);
        }
        for revision in &change.revisions {
            let body = revision.content.as_ref().map(switchboard_channels::contract::content::Content::plain);
            let content = revision.content.as_ref().map(json);
            self.revisions
                .row()
                .text(&revision.channel_id)
                .text(&revision.id)
                .text(&change.workspace_id)
                .text(&revision.target)
                .maybe_text(content.as_deref())
                .maybe_text(body.as_deref())
                .int(revision.at);
            self.targets.row().text(&revision.channel_id).text(&revision.target);
        }
    }

    fn media(&mut self, change: &Change) {
        for attachment in &change.attachments {
            self.attachments.row().text(&attachment.message_id).text(&json(&attachment.attachments));
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

    /// Rows of the merged progress.
    pub(super) fn progress_rows(&self) -> Rows {
        let mut rows = Rows::new();
        for progress in self.progress.values() {
            let error = progress.error.as_ref().map(json);
            rows.row()
                .text(&progress.message_id)
                .text(&progress.channel_id)
                .text(progress.status.as_str())
                .int(progress.status.rank())
                .maybe_text(progress.provider_id.as_deref())
                .maybe_text(error.as_deref());
        }
        rows
    }

    /// Takes note of the messages that moved.
    pub(super) fn progressed(&mut self, rows: Vec<Progressed>) {
        for (id, conversation_id, workspace_id, seq, provider_id) in rows {
            let Some(progress) = self.progress.get(&id) else { continue };
            let data = serde_json::json!({
                "conversation_id": conversation_id, "channel_id": progress.channel_id, "message_id": id, "seq": seq,
                "status": progress.status, "provider_id": provider_id, "at": progress.at, "error": progress.error,
            });
            self.event(workspace_id, progress.status.into(), conversation_id, data.to_string());
            self.moved.insert(id);
        }
    }

    /// Takes note of the revisions that were not known before.
    pub(super) fn fresh_revisions(&mut self, _changes: &[Change], fresh: &[(String, String)]) {
        self.fresh.extend(fresh.iter().cloned());
    }

    /// Takes note of the messages that a revision changed.
    pub(super) fn revised(&mut self, rows: Vec<Revised>) {
        for (id, conversation_id, workspace_id, content, body, edited_at, deleted_at) in rows {
            let content: serde_json::Value = serde_json::from_str(&content).unwrap_or_default();
            let data = serde_json::json!({
                "conversation_id": conversation_id, "message_id": id, "content": content, "body": body,
                "edited_at": edited_at, "deleted_at": deleted_at,
            });
            self.event(workspace_id, EventKind::MessageUpdated, conversation_id, data.to_string());
        }
    }

    /// Takes note of the messages whose attachments changed.
    pub(super) fn attached(&mut self, rows: Vec<Attached>) {
        for (id, conversation_id, workspace_id, attachments) in rows {
            let attachments: serde_json::Value =
                attachments.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let data = serde_json::json!({
                "conversation_id": conversation_id, "message_id": id, "attachments": attachments,
            });
            self.event(workspace_id, EventKind::MessageUpdated, conversation_id, data.to_string());
        }
    }

    fn event(&mut self, workspace_id: String, kind: EventKind, conversation_id: String, data: String) {
        self.events.push(PendingEvent {
            workspace_id: workspace_id.into(),
            kind,
            conversation_id: Some(conversation_id.into()),
            data,
        });
    }

    /// Settles which changes brought news: a receipt or revision that was known already is none.
    pub(super) fn judge(&self, changes: &[Change], outcomes: &mut [Result<Committed, Refusal>]) {
        for (change, outcome) in changes.iter().zip(outcomes) {
            if let Ok(committed) = outcome {
                let only_marks = change.messages.is_empty() && change.events.is_empty();
                let marks = !change.progress.is_empty() || !change.revisions.is_empty();
                committed.news = !(only_marks && marks)
                    || change.progress.iter().any(|progress| self.moved.contains(&progress.message_id))
                    || change
                        .revisions
                        .iter()
                        .any(|revision| self.fresh.contains(&(revision.channel_id.clone(), revision.id.clone())));
            }
        }
    }

    /// Rows of the raw deliveries; one that brought nothing new is a duplicate.
    pub(super) fn deliveries(&self, changes: &[Change], outcomes: &[Result<Committed, Refusal>]) -> Rows {
        let mut rows = Rows::new();
        for (change, outcome) in changes.iter().zip(outcomes) {
            if let (Some(delivery), Ok(committed)) = (&change.delivery, outcome) {
                let detail = delivery.detail.as_ref().map(ToString::to_string);
                rows.row()
                    .text(&delivery.id)
                    .maybe_text((!change.workspace_id.is_empty()).then_some(change.workspace_id.as_str()))
                    .maybe_text(delivery.channel_id.as_deref())
                    .text(&delivery.kind)
                    .int(delivery.received_at)
                    .text(settled(delivery.outcome, committed.news).as_str())
                    .maybe_text(detail.as_deref())
                    .text(&delivery.body);
            }
        }
        rows
    }

    /// Rows of the ends of deliveries that were written down before.
    pub(super) fn delivery_ends(&self, changes: &[Change], outcomes: &[Result<Committed, Refusal>]) -> Rows {
        let mut rows = Rows::new();
        for (change, outcome) in changes.iter().zip(outcomes) {
            if let (Some(end), Ok(_)) = (&change.delivered, outcome) {
                let detail = end.detail.as_ref().map(ToString::to_string);
                rows.row().text(&end.id).text(end.outcome.as_str()).maybe_text(detail.as_deref());
            }
        }
        rows
    }

    /// How many events each workspace gets, sorted so that two writers cannot hold each other's rows.
    pub(super) fn event_counts(&self) -> Rows {
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
    pub(super) fn numbered_events(&mut self, last: &HashMap<String, i64>) -> (Rows, Vec<LiveEvent>) {
        let mut counts: HashMap<&str, i64> = HashMap::new();
        for event in &self.events {
            *counts.entry(&event.workspace_id).or_default() += 1;
        }
        let mut next: HashMap<Arc<str>, i64> = counts
            .into_iter()
            .map(|(workspace, count)| (workspace.into(), last.get(workspace).copied().unwrap_or_default() - count))
            .collect();
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
        (rows, live)
    }
}

const fn settled(outcome: DeliveryOutcome, news: bool) -> DeliveryOutcome {
    match (outcome, news) {
        (DeliveryOutcome::Stored, false) => DeliveryOutcome::Duplicate,
        _ => outcome,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

