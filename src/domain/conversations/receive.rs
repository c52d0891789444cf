//! What follows from news: messages, echoes, edits and deletions of one contact, in wire order.

use switchboard_channels::contract::inbound::{Event, Message as Incoming};
use switchboard_channels::contract::peer::Identity;

use super::{Conversation, Owner, Situation, answer_lane};
use crate::domain::changes::{Change, ConversationChange, NewEvent, NewMessage, Revision};
use crate::domain::events::EventKind;
use crate::domain::jobs::{NewJob, Work};
use crate::domain::messages::{AttachmentState, Author, AuthorKind, Direction, Message, Status, announced};
use crate::domain::windows;

/// What to commit for some news, and the state after it.
#[derive(Debug)]
pub struct Received {
    /// The writes.
    pub change: Change,
    /// The state once they are committed.
    pub next: Conversation,
    /// A running turn must stop: something newer came.
    pub cancels_turn: bool,
    /// Plain text of the inbound messages that want an answer, with their sequence numbers.
    pub unanswered: Vec<(i64, String)>,
}

/// Decides on news. `events` holds messages, echoes, edits and deletions only.
#[must_use]
pub fn receive(conversation: &Conversation, events: &[Event], situation: &Situation<'_>) -> Received {
    let mut next = conversation.clone();
    next.version += 1;
    let mut received = Received {
        change: Change { workspace_id: conversation.workspace_id.clone(), ..Change::default() },
        next,
        cancels_turn: false,
        unanswered: Vec::new(),
    };
    let mut name = None;
    let mut identities = Vec::new();
    let mut dropped = Vec::new();
    for event in events {
        match event {
            Event::Message(message) => {
                received.add_inbound(message, situation);
                name = message.peer.name.clone().or(name);
                add_new(&mut identities, &message.peer.identities);
            }
            Event::Echo(message) => {
                add_new(&mut identities, &message.peer.identities);
                received.add_echo(message, situation);
            }
            Event::Edit(edit) => {
                add_new(&mut identities, &edit.peer.identities);
                if edit.opens_window {
                    received.next.window_expires_at =
                        windows::renew(situation.rule, received.next.window_expires_at, edit.at, situation.now);
                }
                received.change.revisions.push(Revision {
                    id: edit.id.clone(),
                    channel_id: conversation.channel_id.clone(),
                    target: edit.target.clone(),
                    content: Some(edit.content.clone()),
                    at: edit.at.unwrap_or(situation.now),
                });
            }
            Event::Deletion(deletion) => {
                add_new(&mut identities, &deletion.peer.identities);
                received.change.revisions.push(Revision {
                    id: deletion.id.clone(),
                    channel_id: conversation.channel_id.clone(),
                    target: deletion.target.clone(),
                    content: None,
                    at: deletion.at.unwrap_or(situation.now),
                });
            }
            Event::Identity(moved) => {
                dropped.extend(moved.before.iter().filter(|identity| !moved.after.contains(identity)).cloned());
                identities.extend(moved.after.iter().cloned());
                received.change.events.push(NewEvent {
                    kind: EventKind::ContactUpdated,
                    conversation_id: Some(conversation.id.clone()),
                    data: serde_json::json!({
                        "contact_id": conversation.contact_id, "before": moved.before, "after": moved.after,
                        "text": moved.text,
                    }),
                });
            }
            _ => {}
        }
    }
    received.schedule(situation);
    received.change.conversation = Some(ConversationChange {
        expected: (conversation.version > 0).then_some(conversation.version),
        state: received.next.clone(),
        identities,
        dropped,
        contact_name: name,
    });
    received
}

fn add_new(identities: &mut Vec<Identity>, more: &[Identity]) {
    for identity in more {
        if !identities.contains(identity) {
            identities.push(identity.clone());
        }
    }
}

impl Received {
    fn add_inbound(&mut self, incoming: &Incoming, situation: &Situation<'_>) {
        let seq = self.next.last_seq + 1;
        let message = Message {
            id: (situation.new_id)(),
            seq,
            direction: Direction::Inbound,
            author: Author {
                kind: AuthorKind::Contact,
                id: Some(self.next.contact_id.clone()),
                name: incoming.peer.name.clone(),
            },
            body: incoming.content.plain(),
            attachments: announced(&incoming.content),
            content: incoming.content.clone(),
            reply_to: incoming.reply_to.clone(),
            status: Status::Received,
            provider_id: Some(incoming.id.clone()),
            provider_timestamp: incoming.at,
            created_at: situation.now,
            edited_at: None,
            deleted_at: None,
            error: None,
        };
        if incoming.opens_window {
            self.next.window_expires_at =
                windows::renew(situation.rule, self.next.window_expires_at, incoming.at, situation.now);
        }
        if incoming.wants_answer {
            self.unanswered.push((seq, message.body.clone()));
        }
        self.add(message, situation);
    }

    fn add_echo(&mut self, echo: &Incoming, situation: &Situation<'_>) {
        let message = Message {
            id: (situation.new_id)(),
            seq: self.next.last_seq + 1,
            direction: Direction::Outbound,
            author: Author { kind: AuthorKind::Human, id: None, name: None },
            body: echo.content.plain(),
            attachments: announced(&echo.content),
            content: echo.content.clone(),
            reply_to: echo.reply_to.clone(),
            status: Status::Sent,
            provider_id: Some(echo.id.clone()),
            provider_timestamp: echo.at,
            created_at: situation.now,
            edited_at: None,
            deleted_at: None,
            error: None,
        };
        self.add(message, situation);
        self.unanswered.clear();
        self.next.answered_seq = self.next.last_seq;
        self.drop_turn();
        if !matches!(self.next.owner, Owner::Human { .. }) {
            self.next.owner = Owner::Human { name: None };
            self.change.events.push(NewEvent {
                kind: EventKind::ConversationAssigned,
                conversation_id: Some(self.next.id.clone()),
                data: serde_json::json!({ "owner": self.next.owner, "cause": "echo" }),
            });
        }
    }

    fn add(&mut self, message: Message, situation: &Situation<'_>) {
        self.next.last_seq = message.seq;
        self.next.last_message_at = situation.now;
        if message.attachments.iter().any(|attachment| attachment.state == AttachmentState::Pending) {
            self.change.jobs.push(NewJob {
                id: (situation.new_id)(),
                lane: String::new(),
                work: Work::Download { message_id: message.id.clone() },
                run_at: situation.now,
                cargo: None,
            });
        }
        self.change.messages.push(NewMessage {
            message,
            conversation_id: self.next.id.clone(),
            channel_id: self.next.channel_id.clone(),
        });
    }

    fn drop_turn(&mut self) {
        if let Some(job) = self.next.turn_job.take() {
            self.change.supersedes.push(job);
            self.cancels_turn = true;
        }
    }

    fn schedule(&mut self, situation: &Situation<'_>) {
        if self.unanswered.is_empty() {
            return;
        }
        if self.next.owner != Owner::Agent {
            self.next.answered_seq = self.next.last_seq;
            return;
        }
        self.drop_turn();
        let id = (situation.new_id)();
        self.change.jobs.push(NewJob {
            id: id.clone(),
            lane: answer_lane(&self.next.id),
            work: Work::Answer { conversation_id: self.next.id.clone() },
            run_at: situation.now.saturating_add(situation.quiet_ms),
            cargo: None,
        });
        self.next.turn_job = Some(id);
    }
}
