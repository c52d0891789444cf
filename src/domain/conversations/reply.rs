//! What our side says: an agent's answer at the end of its turn, a person's or a program's message, a change of owner.

use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::outbound::Right;
use switchboard_channels::contract::peer::Identity;

use super::standing::open_again;
use super::{Conversation, MOST_HELD, Owner, Situation, send_lane};
use crate::domain::changes::{Change, ConversationChange, NewEvent, NewMessage, Progress};
use crate::domain::events::EventKind;
use crate::domain::jobs::{Cargo, NewJob, Work};
use crate::domain::messages::{
    Author, AuthorKind, Direction, Message, MessageError, Piece, Status, Unconfirmed, announced,
};
use crate::domain::windows::{self, Window};

/// What to commit for something said, and the state after it.
#[derive(Debug)]
pub struct Posted {
    /// The writes.
    pub change: Change,
    /// The state once they are committed.
    pub next: Conversation,
    /// A running turn must stop.
    pub cancels_turn: bool,
}

/// Why nothing may be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The turn is no longer the current one: something newer came.
    Superseded,
    /// Somebody else owns the conversation.
    NotOwner,
    /// The window is closed and the content is no template.
    WindowClosed(Window),
    /// As many messages as may wait for the window do so already.
    TooManyHeld,
}

/// An agent's finished turn.
#[derive(Debug)]
pub struct Turn<'a> {
    /// Its job.
    pub job_id: &'a str,
    /// Everything up to this message is answered by it.
    pub upto_seq: i64,
    /// The agent.
    pub author: Author,
    /// What it says, in order; may be empty.
    pub pieces: Vec<Piece>,
    /// What else happened in the turn (a model failure).
    pub events: Vec<NewEvent>,
    /// The recipient's identities in the channel account.
    pub to: &'a [Identity],
    /// Ids for the messages of the pieces, chosen beforehand; where there is none, a new one is made.
    pub message_ids: Vec<String>,
    /// To whom the conversation goes after it.
    pub hand_to: Option<Owner>,
}

/// A message of a person or a program.
#[derive(Debug)]
pub struct Post<'a> {
    /// Who says it. A human takes the conversation over.
    pub author: Author,
    /// What, in as many messages as the channel needs.
    pub pieces: Vec<Piece>,
    /// Our id of the message it answers.
    pub reply_to: Option<String>,
    /// The vendor's id of the message it answers.
    pub reply_to_provider: Option<String>,
    /// The recipient's identities in the channel account.
    pub to: &'a [Identity],
    /// While the window is closed it waits.
    pub holds: bool,
    /// Seconds after which it is said over another channel, unless it has arrived.
    pub fallback_after: Option<i64>,
    /// It says this one again.
    pub replaces: Option<Unconfirmed>,
}

/// One message of ours on its way into the conversation.
struct Remark {
    id: Option<String>,
    author: Author,
    piece: Piece,
    reply_to: Option<String>,
    reply_to_provider: Option<String>,
    right: Option<Right>,
    held: bool,
    fallback_after: Option<i64>,
    fallback_of: Option<String>,
}

impl Remark {
    /// A piece that an author says, with this right.
    const fn new(author: Author, piece: Piece, right: Option<Right>) -> Self {
        Self {
            id: None,
            author,
            piece,
            reply_to: None,
            reply_to_provider: None,
            right,
            held: false,
            fallback_after: None,
            fallback_of: None,
        }
    }
}

/// Takes an agent's answer: only for the current turn, while the agent owns the conversation and the window is open.
///
/// # Errors
/// `Superseded`: drop the answer. `NotOwner`, `WindowClosed`: with what to commit instead.
pub fn finish_turn(
    conversation: &Conversation,
    turn: Turn<'_>,
    situation: &Situation<'_>,
) -> Result<Posted, (Refused, Option<Box<Posted>>)> {
    if conversation.turn_job.as_deref() != Some(turn.job_id) {
        return Err((Refused::Superseded, None));
    }
    let mut posted = Posted::on(conversation);
    posted.next.turn_job = None;
    posted.next.answered_seq = turn.upto_seq.max(posted.next.answered_seq);
    posted.change.finishes = Some(turn.job_id.to_owned());
    let here = |event: NewEvent| NewEvent { conversation_id: Some(conversation.id.clone()), ..event };
    posted.change.events = turn.events.into_iter().map(here).collect();
    if conversation.owner != Owner::Agent {
        return Err((Refused::NotOwner, Some(Box::new(posted.sealed(conversation)))));
    }
    let right = windows::right(situation.rule, conversation.window_expires_at, situation.now, turn.author.kind);
    let free_form = turn.pieces.iter().any(|piece| !matches!(piece.content, Content::Template(_)));
    if right.is_none() && free_form {
        let window = windows::at(situation.rule, conversation.window_expires_at, situation.now);
        posted.change.events.push(NewEvent {
            kind: EventKind::AgentFailed,
            conversation_id: Some(conversation.id.clone()),
            data: serde_json::json!({ "code": "WINDOW_CLOSED", "closed_at": window.expires_at }),
        });
        turn.hand_to.into_iter().for_each(|owner| posted.hand_to(owner, situation.now));
        return Err((Refused::WindowClosed(window), Some(Box::new(posted.sealed(conversation)))));
    }
    let mut ids = turn.message_ids.into_iter();
    for piece in turn.pieces {
        posted.say(Remark { id: ids.next(), ..Remark::new(turn.author.clone(), piece, right) }, turn.to, situation);
    }
    turn.hand_to.into_iter().for_each(|owner| posted.hand_to(owner, situation.now));
    Ok(posted.sealed(conversation))
}

/// Takes a message of a person or a program.
///
/// # Errors
/// The window is closed, the content is no template, and it may not or cannot wait.
pub fn post(conversation: &Conversation, post: Post<'_>, situation: &Situation<'_>) -> Result<Posted, Refused> {
    let right = windows::right(situation.rule, conversation.window_expires_at, situation.now, post.author.kind);
    let window = windows::at(situation.rule, conversation.window_expires_at, situation.now);
    let held = right.is_none() && post.pieces.iter().any(|piece| !matches!(piece.content, Content::Template(_)));
    if held && !post.holds {
        return Err(Refused::WindowClosed(window));
    }
    if held && conversation.held.len() + post.pieces.len() > MOST_HELD {
        return Err(Refused::TooManyHeld);
    }
    // What was asked for stands in the one that was rendered; else in the first.
    let asked = post.pieces.iter().position(|piece| piece.rendering.is_some()).unwrap_or_default();
    let mut posted = Posted::on(conversation);
    if post.author.kind == AuthorKind::Human {
        let (id, name) = (post.author.id.clone(), post.author.name.clone());
        posted.hand_to(Owner::Human { id, name }, situation.now);
    }
    // The first part quotes what it answers; the others follow it.
    let (mut reply_to, mut reply_to_provider) = (post.reply_to, post.reply_to_provider);
    for (place, piece) in post.pieces.into_iter().enumerate() {
        let replaced = post.replaces.as_ref().filter(|_| place == asked);
        let remark = Remark {
            reply_to: reply_to.take(),
            reply_to_provider: reply_to_provider.take(),
            held,
            fallback_after: post.fallback_after,
            fallback_of: replaced.map(|first| first.message_id.clone()),
            ..Remark::new(post.author.clone(), piece, right)
        };
        let id = posted.say(remark, post.to, situation);
        if let Some(first) = replaced {
            posted.replace(first, &id, situation);
        }
    }
    if held {
        posted.tell_held(&window);
    }
    Ok(posted.sealed(conversation))
}

/// Gives the conversation to somebody.
#[must_use]
pub(super) fn assign(conversation: &Conversation, owner: Owner, now: i64) -> Posted {
    let mut posted = Posted::on(conversation);
    posted.hand_to(owner, now);
    posted.sealed(conversation)
}

impl Posted {
    pub(super) fn on(conversation: &Conversation) -> Self {
        let mut next = conversation.clone();
        next.version += 1;
        Self {
            change: Change { workspace_id: conversation.workspace_id.clone(), ..Change::default() },
            next,
            cancels_turn: false,
        }
    }

    pub(super) fn sealed(mut self, before: &Conversation) -> Self {
        self.change.conversation = Some(ConversationChange {
            expected: (before.version > 0).then_some(before.version),
            state: self.next.clone(),
            identities: Vec::new(),
            dropped: Vec::new(),
            contact_name: None,
        });
        self
    }

    /// A turn that is due or runs is no longer wanted, and what it would have answered needs no answer.
    pub(super) fn stop_turn(&mut self) {
        if let Some(job) = self.next.turn_job.take() {
            self.change.supersedes.push(job);
            self.cancels_turn = true;
            self.next.answered_seq = self.next.last_seq;
        }
    }

    /// Gives it to somebody. Where that is a person, it is open.
    pub(super) fn hand_to(&mut self, owner: Owner, now: i64) {
        if owner != Owner::Agent {
            self.stop_turn();
        }
        let same = owner.is_same(&self.next.owner);
        let person = matches!(owner, Owner::Human { .. });
        self.next.owner = owner;
        if person {
            open_again(&mut self.next, &mut self.change, now);
        }
        if !same {
            self.change.events.push(NewEvent {
                kind: EventKind::ConversationAssigned,
                conversation_id: Some(self.next.id.clone()),
                data: serde_json::json!({ "owner": self.next.owner }),
            });
        }
    }

    /// Takes the place of a message that was not confirmed: one commit ends the job that saw to it, tells of both, and
    /// keeps the first one from leaving after all.
    fn replace(&mut self, first: &Unconfirmed, id: &str, situation: &Situation<'_>) {
        self.change.finishes = Some(first.job.clone());
        self.change.supersedes.extend(first.send_job.clone());
        if first.recalled {
            self.change.recalls.push(Progress {
                message_id: first.message_id.clone(),
                channel_id: first.channel_id.clone(),
                status: Status::Failed,
                provider_id: None,
                at: situation.now,
                error: Some(MessageError {
                    code: "SUPERSEDED".to_owned(),
                    message: "it had not left, and was said over another channel".to_owned(),
                    vendor_code: None,
                }),
            });
        }
        self.change.events.push(NewEvent {
            kind: EventKind::MessageFallback,
            conversation_id: Some(first.conversation_id.clone()),
            data: serde_json::json!({
                "conversation_id": first.conversation_id, "message_id": first.message_id,
                "said_instead": { "conversation_id": self.next.id, "message_id": id },
            }),
        });
    }

    /// Says a piece, and gives the id of its message.
    fn say(&mut self, remark: Remark, to: &[Identity], situation: &Situation<'_>) -> String {
        let Remark { id, author, piece, reply_to, reply_to_provider, right, held, fallback_after, fallback_of } =
            remark;
        let Piece { content, rendering } = piece;
        let by_vendor = !self.next.kind.is_ours();
        let message = Message {
            id: id.unwrap_or_else(|| (situation.new_id)()),
            seq: self.next.last_seq + 1,
            direction: Direction::Outbound,
            author,
            body: content.plain(),
            attachments: announced(&content),
            content,
            reply_to,
            status: if by_vendor { Status::Queued } else { Status::Sent },
            provider_id: None,
            provider_timestamp: None,
            created_at: situation.now,
            rendering,
            edited_at: None,
            deleted_at: None,
            error: None,
            held,
            fallback_after,
            fallback_of,
            replaced_by: None,
        };
        let id = message.id.clone();
        self.next.last_seq = message.seq;
        self.next.last_message_at = situation.now;
        if let Some(seconds) = fallback_after {
            let run_at = situation.now.saturating_add(seconds.saturating_mul(1_000));
            self.change.jobs.push(NewJob::fallback((situation.new_id)(), &id, run_at));
        }
        if held {
            self.next.held.push(id.clone());
            self.change.holds = Some(self.next.held.clone());
        } else if by_vendor {
            self.change.jobs.push(NewJob {
                id: (situation.new_id)(),
                lane: send_lane(&self.next.id),
                work: Work::Send { conversation_id: self.next.id.clone(), message_id: message.id.clone() },
                run_at: situation.now,
                cargo: Some(Box::new(Cargo {
                    message: message.clone(),
                    conversation_id: self.next.id.clone(),
                    channel_id: self.next.channel_id.clone(),
                    to: to.to_vec(),
                    reply_to: reply_to_provider,
                    // What has no right of its own is a template.
                    right: right.unwrap_or(Right::Window),
                })),
            });
        }
        self.change.messages.push(NewMessage {
            message,
            conversation_id: self.next.id.clone(),
            channel_id: self.next.channel_id.clone(),
        });
        id
    }
}
