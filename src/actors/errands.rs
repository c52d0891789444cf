//! What one asks of a conversation, and what it answers.

use std::sync::Arc;

use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::inbound::Event;
use switchboard_channels::contract::peer::Identity;
use tokio_util::sync::CancellationToken;

use crate::domain::changes::{Idempotency, NewDelivery, NewEvent};
use crate::domain::channels::Channel;
use crate::domain::conversations::{Conversation, Origin, Owner, Refused};
use crate::domain::messages::{Author, Message, Piece, Unconfirmed};

/// News for a conversation.
#[derive(Debug)]
pub struct News {
    /// The channel it came through.
    pub channel: Arc<Channel>,
    /// How the conversation begins when it is new.
    pub origin: Origin,
    /// Messages, echoes, edits and deletions, in wire order.
    pub events: Vec<Event>,
    /// The raw delivery, when all of it is this news.
    pub delivery: Option<NewDelivery>,
    /// How long to wait for more before a turn, in milliseconds.
    pub quiet_ms: i64,
    /// When the channel allows free-form messages.
    pub rule: WindowRule,
    /// The vendor can tell who the person is, and the news do not.
    pub nameless: bool,
    /// The caller's idempotency key with the request's hash; `result_id` is the first message, filled in here.
    pub idempotency: Option<Idempotency>,
    /// Most messages that the workspace may have this month with these; none: they are taken anyway.
    pub most_messages: Option<u64>,
}

/// What became of some news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Vendor ids that were known already.
    pub duplicates: usize,
    /// Those among them that were erased.
    pub erased: Vec<String>,
    /// Messages, edits and deletions that were stored.
    pub stored: usize,
    /// Sequence number of the newest message.
    pub last_seq: i64,
    /// The turn that will answer, if one is due.
    pub turn: Option<String>,
}

/// A turn that may begin.
#[derive(Debug)]
pub struct Begun {
    /// The agent to ask.
    pub agent_id: String,
    /// The workspace.
    pub workspace_id: String,
    /// Everything up to this message is to be answered.
    pub upto_seq: i64,
    /// Texts to answer, oldest first; `None`: read them from the store (messages after `answered_seq`).
    pub unanswered: Option<Vec<String>>,
    /// Everything up to this message has been answered.
    pub answered_seq: i64,
    /// The contact's display name.
    pub contact_name: Option<String>,
    /// The channel.
    pub channel_id: String,
    /// Fires when the turn must stop.
    pub cancel: CancellationToken,
}

/// How a conversation begins with something that we say.
#[derive(Debug, Clone)]
pub struct Birth {
    /// The channel.
    pub channel: Arc<Channel>,
    /// The person, and the thread.
    pub origin: Origin,
    /// What the channel calls the person.
    pub to: Identity,
    /// Display name, where the person is new.
    pub name: Option<String>,
}

impl Birth {
    /// The conversation that begins with it.
    #[must_use]
    pub fn conversation(&self, id: String, now: i64) -> Conversation {
        Conversation::begin(id, &self.channel, self.origin.clone(), now)
    }
}

/// A message that somebody wants to say.
#[derive(Debug)]
pub struct Say {
    /// How the conversation begins, where it is new.
    pub birth: Option<Birth>,
    /// Who.
    pub author: Author,
    /// What, in as many messages as the channel needs.
    pub pieces: Vec<Piece>,
    /// Our id of the message it answers.
    pub reply_to: Option<String>,
    /// The vendor's id of the message it answers.
    pub reply_to_provider: Option<String>,
    /// While the window is closed it waits.
    pub holds: bool,
    /// Seconds after which it is said over another channel, unless it has arrived.
    pub fallback_after: Option<i64>,
    /// It says this one again.
    pub replaces: Option<Unconfirmed>,
    /// The caller's idempotency key with the request's hash; `result_id` is filled in here.
    pub idempotency: Option<Idempotency>,
    /// Most messages that the workspace may have this month with this one; none: it is said anyway.
    pub most_messages: Option<u64>,
    /// When the channel allows free-form messages.
    pub rule: WindowRule,
}

/// What became of a message that somebody wanted to say.
#[derive(Debug)]
pub enum Said {
    /// It is committed.
    Stored(Box<Message>),
    /// The same request was carried out before; its message has this id.
    Repeated(Idempotency),
    /// It may not be said.
    Refused(Refused),
}

/// What an operator sees of a live conversation.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Observed {
    /// The conversation.
    pub conversation_id: String,
    /// Version of the state it holds; null before its first work.
    pub version: Option<i64>,
    /// Sequence number of its newest message.
    pub last_seq: Option<i64>,
    /// Who answers.
    pub owner: Option<Owner>,
    /// The turn that is due or running.
    pub turn: Option<String>,
    /// Texts that wait for an answer.
    pub unanswered: usize,
    /// Messages it has handled since it lives.
    pub handled: u64,
    /// Times it was revived after a panic.
    pub revivals: u32,
}

/// A finished turn.
#[derive(Debug)]
pub struct TurnAnswer {
    /// Its job.
    pub job_id: String,
    /// Everything up to this message is answered by it.
    pub upto_seq: i64,
    /// The agent.
    pub author: Author,
    /// What it says, in order.
    pub pieces: Vec<Piece>,
    /// What else happened.
    pub events: Vec<NewEvent>,
    /// When the channel allows free-form messages.
    pub rule: WindowRule,
    /// The model failed, and `contents` is the fallback.
    pub failed: bool,
    /// Tokens read and written, where the model says so.
    pub usage: Option<(u64, u64)>,
    /// Ids for the messages of the pieces, chosen beforehand; none: they get new ones.
    pub message_ids: Vec<String>,
    /// To whom the conversation goes after it.
    pub hand_to: Option<Owner>,
}
