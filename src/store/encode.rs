//! Turns a batch's changes into rows, table by table, and derives the events of what really happened.

mod conversations;
mod media;
mod numbering;
mod progress;
mod usage;
mod waiting;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::Committed;
use super::rows::{Rows, clean};
use crate::domain::changes::{Change, NewMessage, Progress, Refusal};
use crate::domain::conversations::Conversation;
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::events::EventKind;

/// A message as its revision left it: id, conversation, workspace, content, body, edited and deleted times.
pub(super) type Revised = (String, String, String, String, String, Option<i64>, Option<i64>);
/// A message that moved: id, conversation, workspace, sequence number, vendor's id, channel.
pub(super) type Progressed = (String, String, String, i64, Option<String>, String);
/// A message whose attachments changed: id, conversation, workspace, attachments.
pub(super) type Attached = (String, String, String, Option<String>);

struct PendingEvent {
    workspace_id: Arc<str>,
    kind: EventKind,
    conversation_id: Option<Arc<str>>,
    data: String,
}

/// The rows of a batch.
pub(super) struct Sheets<'a> {
    at: i64,
    pub(super) ended: Rows,
    pub(super) dropped: Rows,
    pub(super) identities: Rows,
    pub(super) messages: Rows,
    pub(super) jobs: Rows,
    pub(super) exchanges: Rows,
    pub(super) keys: Rows,
    pub(super) revisions: Rows,
    pub(super) targets: Rows,
    pub(super) files: Rows,
    pub(super) waiting: waiting::Waiting<'a>,
    usage: usage::Counts<'a>,
    /// Each once, as its last change leaves it, and whether it is new; in one order for every writer.
    conversations: BTreeMap<&'a str, (&'a Conversation, bool)>,
    /// Workspace and name of each.
    contacts: BTreeMap<&'a str, (&'a str, Option<&'a str>)>,
    /// By message and channel.
    progress: BTreeMap<(&'a str, &'a str), Progress>,
    /// By message and place within it; with the workspace.
    attachments: BTreeMap<&'a str, media::News<'a>>,
    moved: HashSet<(String, String)>,
    fresh: HashSet<(String, String)>,
    events: Vec<PendingEvent>,
}

#[derive(Serialize)]
struct MessageEvent<'a> {
    conversation_id: &'a str,
    channel_id: &'a str,
    message: &'a crate::domain::messages::Message,
}

impl<'a> Sheets<'a> {
    pub(super) fn new(at: i64) -> Self {
        Self {
            at,
            ended: Rows::new(),
            dropped: Rows::new(),
            identities: Rows::new(),
            messages: Rows::new(),
            jobs: Rows::new(),
            exchanges: Rows::new(),
            keys: Rows::new(),
            revisions: Rows::new(),
            targets: Rows::new(),
            files: Rows::new(),
            waiting: waiting::Waiting::new(Rows::new(), Rows::new()),
            usage: usage::Counts::new(),
            conversations: BTreeMap::new(),
            contacts: BTreeMap::new(),
            progress: BTreeMap::new(),
            attachments: BTreeMap::new(),
            moved: HashSet::new(),
            fresh: HashSet::new(),
            events: Vec::new(),
        }
    }

    /// Adds one admitted change.
    pub(super) fn add(&mut self, change: &'a Change) {
        let workspace_id: Arc<str> = change.workspace_id.as_str().into();
        for job in change.supersedes.iter().chain(&change.finishes) {
            self.ended.row().text(job);
        }
        if let Some(conversation) = &change.conversation {
            self.conversation(conversation, &workspace_id);
        }
        for new in &change.messages {
            self.message(new, &workspace_id);
        }
        self.count_messages(change);
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
        self.waiting.add(change);
        self.follow_ups(change);
        self.media(change);
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
            .int(message.created_at)
            .maybe_text(message.rendering.as_ref().map(json).as_deref());
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
        }
    }

    /// Takes note of the revisions that were not known before: channel, id and target. The others have been applied.
    pub(super) fn fresh_revisions(&mut self, fresh: Vec<(String, String, String)>) {
        for (channel_id, id, target) in fresh {
            self.targets.row().text(&channel_id).text(&target);
            self.fresh.insert((channel_id, id));
        }
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
                    || change.progress.iter().any(|progress| {
                        self.moved.contains(&(progress.message_id.clone(), progress.channel_id.clone()))
                    })
                    || change.revisions.iter().any(|revision| {
                        self.fresh.contains(&(revision.channel_id.clone(), clean(&revision.id).into_owned()))
                    });
            }
        }
    }

    /// Rows of the raw deliveries; one that brought nothing new is a duplicate.
    pub(super) fn deliveries(&self, changes: &[Change], outcomes: &[Result<Committed, Refusal>]) -> Rows {
        let mut rows = Rows::new();
        for (change, outcome) in changes.iter().zip(outcomes) {
            if let (Some(delivery), Ok(committed)) = (&change.delivery, outcome) {
                let outcome = match (delivery.outcome, committed.news) {
                    (DeliveryOutcome::Stored, false) => DeliveryOutcome::Duplicate,
                    (outcome, _) => outcome,
                };
                let detail = delivery.detail.as_ref().map(ToString::to_string);
                rows.row()
                    .text(&delivery.id)
                    .maybe_text((!change.workspace_id.is_empty()).then_some(change.workspace_id.as_str()))
                    .maybe_text(delivery.channel_id.as_deref())
                    .text(&delivery.kind)
                    .int(delivery.received_at)
                    .text(outcome.as_str())
                    .maybe_text(detail.as_deref())
                    .text(&delivery.raw.body)
                    .maybe_text(delivery.raw.envelope.as_ref().map(json).as_deref());
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
                rows.row()
                    .text(&end.id)
                    .text(end.outcome.as_str())
                    .maybe_text(detail.as_deref())
                    .int(i64::from(end.forgets));
            }
        }
        rows
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
