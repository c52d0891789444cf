//! What follows from news: messages, echoes, edits and deletions of one contact, in wire order.

use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::{Event, Message as Incoming};
use switchboard_channels::contract::peer::Identity;

use super::standing::open_again;
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
    let mut about = AboutContact::default();
    for event in events {
        received.add_event(event, conversation, situation, &mut about);
    }
    received.release(situation);
    received.schedule(situation);
    if situation.nameless && conversation.version == 0 {
        received.change.jobs.push(NewJob {
            id: (situation.new_id)(),
            lane: String::new(),
            work: Work::Profile { conversation_id: conversation.id.clone() },
            run_at: situation.now,
            cargo: None,
        });
    }
    received.change.conversation = Some(ConversationChange {
        expected: (conversation.version > 0).then_some(conversation.version),
        state: received.next.clone(),
        identities: about.identities,
        dropped: about.dropped,
        contact_name: about.name,
    });
    received
}

/// What the news say about the contact.
#[derive(Default)]
struct AboutContact {
    name: Option<String>,
    identities: Vec<Identity>,
    dropped: Vec<Identity>,
}

fn add_new(identities: &mut Vec<Identity>, more: &[Identity]) {
    for identity in more {
        if !identities.contains(identity) {
            identities.push(identity.clone());
        }
    }
}

impl Received {
    fn add_event(
        &mut self,
        event: &Event,
        conversation: &Conversation,
        situation: &Situation<'_>,
        about: &mut AboutContact,
    ) {
        match event {
            Event::Message(message) => {
                self.add_inbound(message, situation);
                about.name = message.peer.name.clone().or(about.name.take());
                add_new(&mut about.identities, &message.peer.identities);
            }
            Event::Echo(message) => {
                add_new(&mut about.identities, &message.peer.identities);
                self.add_echo(message, situation);
            }
            Event::Edit(edit) => {
                add_new(&mut about.identities, &edit.peer.identities);
                if edit.opens_window {
                    self.next.window_expires_at =
                        windows::renew(situation.rule, self.next.window_expires_at, edit.at, situation.now);
                }
                let at = edit.at.unwrap_or(situation.now);
                self.revise(&edit.id, &edit.target, Some(edit.content.clone()), at);
            }
            Event::Deletion(deletion) => {
                add_new(&mut about.identities, &deletion.peer.identities);
                self.revise(&deletion.id, &deletion.target, None, deletion.at.unwrap_or(situation.now));
            }
            Event::Identity(moved) => {
                about.dropped.extend(moved.before.iter().filter(|known| !moved.after.contains(known)).cloned());
                about.identities.extend(moved.after.iter().cloned());
                self.change.events.push(NewEvent {
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

    fn revise(&mut self, id: &str, target: &str, content: Option<Content>, at: i64) {
        self.change.revisions.push(Revision {
            id: id.to_owned(),
            channel_id: self.next.channel_id.clone(),
            target: target.to_owned(),
            content,
            at,
        });
    }

    fn add_inbound(&mut self, incoming: &Incoming, situation: &Situation<'_>) {
        let seq = self.next.last_seq + 1;
        let message = Message {
            id: (situation.new_id)(),
            seq,
            direction: Direction::Inbound,
            author: Author {
                kind: AuthorKind::Contact,
                id: Some(self.next.contact_id.clone()),
                // In a group a member has written; the contact is the group.
                name: match incoming.peer.participant.is_empty() {
                    true => incoming.peer.name.clone(),
                    false => incoming.peer.participant_name.clone(),
                },
            },
            body: incoming.content.plain(),
            attachments: announced(&incoming.content),
            content: incoming.content.clone(),
            reply_to: incoming.reply_to.clone(),
            status: Status::Received,
            provider_id: Some(incoming.id.clone()),
            provider_timestamp: incoming.at,
            created_at: situation.now,
            rendering: None,
            edited_at: None,
            deleted_at: None,
            error: None,
            held: false,
            fallback_after: None,
            fallback_of: None,
            replaced_by: None,
        };
        if incoming.opens_window {
            self.next.window_expires_at =
                windows::renew(situation.rule, self.next.window_expires_at, incoming.at, situation.now);
        }
        if incoming.wants_answer {
            self.unanswered.push((seq, message.body.clone()));
        }
        // A reaction says nothing that would have to be dealt with.
        if !matches!(incoming.content, Content::Reaction { .. }) {
            open_again(&mut self.next, &mut self.change, situation.now);
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
            rendering: None,
            edited_at: None,
            deleted_at: None,
            error: None,
            held: false,
            fallback_after: None,
            fallback_of: None,
            replaced_by: None,
        };
        open_again(&mut self.next, &mut self.change, situation.now);
        self.add(message, situation);
        self.unanswered.clear();
        self.next.answered_seq = self.next.last_seq;
        self.drop_turn();
        if !matches!(self.next.owner, Owner::Human { .. }) {
            self.next.owner = Owner::anybody();
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
        for (index, attachment) in message.attachments.iter().enumerate() {
            if attachment.state == AttachmentState::Pending {
                self.change.jobs.push(NewJob {
                    id: (situation.new_id)(),
                    lane: String::new(),
                    work: Work::Download { message_id: message.id.clone(), index },
                    run_at: situation.now,
                    cargo: None,
                });
            }
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
