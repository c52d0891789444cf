//! Conversations: who may speak, in which order, and what follows from what happens.
//!
//! Decisions are pure: they take the state, the news and the time, and give the change to commit and the state after
//! it. The actor only carries them out.

mod holding;
mod receive;
mod reply;
mod standing;

use serde::{Deserialize, Serialize};
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::WindowRule;

pub use holding::{MOST_HELD, WITHDRAWN};
pub use receive::{Received, receive};
pub use reply::{Post, Posted, Refused, Turn, finish_turn, post};
pub use standing::{ConversationStatus, Standing};

/// Who answers in a conversation. Checked whenever something is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Owner {
    /// The channel's agent.
    Agent,
    /// A person; the agent keeps silent.
    Human {
        /// The member's user id; none: whoever of the team takes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Display name, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(format = "filled", max_length = 200)]
        name: Option<String>,
    },
    /// Nobody answers.
    Nobody,
}

impl Owner {
    /// A person of the team, whoever takes it.
    #[must_use]
    pub const fn anybody() -> Self {
        Self::Human { id: None, name: None }
    }

    /// Who answers where nobody has decided otherwise.
    #[must_use]
    pub const fn at_first(agent_id: Option<&str>) -> Self {
        if agent_id.is_some() { Self::Agent } else { Self::Nobody }
    }

    /// Whether it is the same one who answers; a name alone is no difference.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Human { id, .. }, Self::Human { id: other, .. }) => id == other,
            _ => self == other,
        }
    }
}

/// What somebody wants changed of a conversation without saying anything in it.
#[derive(Debug, Clone)]
pub enum Amendment {
    /// It is given to somebody.
    Assign(Owner),
    /// It is settled.
    Close,
    /// It is somebody's matter again.
    Reopen,
    /// A held message of this id is taken back.
    Withdraw(String),
    /// What time has done to its window is told.
    TellWindow,
}

/// Decides on it; `None`: there is nothing to change.
#[must_use]
pub fn amend(conversation: &Conversation, amendment: &Amendment, now: i64) -> Option<Posted> {
    match amendment {
        Amendment::Assign(owner) => Some(reply::assign(conversation, owner.clone(), now)),
        Amendment::Close => standing::close(conversation, now),
        Amendment::Reopen => standing::reopen(conversation, now),
        Amendment::Withdraw(message_id) => holding::withdraw(conversation, message_id, now),
        Amendment::TellWindow => standing::tell_window(conversation, now),
    }
}

/// A conversation's state: what the row holds, and what its actor caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// UUID.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Its channel.
    pub channel_id: String,
    /// The channel's kind.
    pub kind: Kind,
    /// The person.
    pub contact_id: String,
    /// The agent that answers while the agent owns it.
    pub agent_id: Option<String>,
    /// Who answers.
    pub owner: Owner,
    /// Counts commits; compared by every one.
    pub version: i64,
    /// Sequence number of the newest message.
    pub last_seq: i64,
    /// Up to this inbound message everything has been answered (or needs no answer).
    pub answered_seq: i64,
    /// When the window closes, Unix milliseconds.
    pub window_expires_at: Option<i64>,
    /// The job of the turn that is due or running.
    pub turn_job: Option<String>,
    /// Messages of ours that wait until the window opens, in order.
    pub held: Vec<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds of the newest message.
    pub last_message_at: i64,
    /// Which of the person's threads it is, where the channel has threads; else empty.
    pub thread: String,
    /// The thread's subject, without what mail programs put around it.
    pub subject: Option<String>,
    /// Open or closed, and what was told of its window.
    pub standing: Standing,
}

/// How a conversation begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The person.
    pub contact_id: String,
    /// Which of the person's threads it is, where the channel has threads; else empty.
    pub thread: String,
    /// The thread's subject.
    pub subject: Option<String>,
}

/// What a decision needs to know beyond the state.
pub struct Situation<'a> {
    /// Unix milliseconds.
    pub now: i64,
    /// The channel's window rule.
    pub rule: WindowRule,
    /// The vendor can tell who the person is, and the news do not.
    pub nameless: bool,
    /// How long to wait for more before a turn starts, in milliseconds.
    pub quiet_ms: i64,
    /// Makes ids.
    pub new_id: &'a dyn Fn() -> String,
}

impl Conversation {
    /// A conversation that begins now.
    #[must_use]
    pub fn begin(id: String, channel: &super::channels::Channel, origin: Origin, now: i64) -> Self {
        Self {
            id,
            workspace_id: channel.workspace_id.clone(),
            channel_id: channel.id.clone(),
            kind: channel.kind,
            contact_id: origin.contact_id,
            agent_id: channel.agent_id.clone(),
            owner: Owner::at_first(channel.agent_id.as_deref()),
            version: 0,
            last_seq: 0,
            answered_seq: 0,
            window_expires_at: None,
            turn_job: None,
            held: Vec::new(),
            created_at: now,
            last_message_at: now,
            thread: origin.thread,
            subject: origin.subject,
            standing: Standing::begin(now),
        }
    }

    /// The same conversation under its channel's present agent. One that nobody owned for want of an agent goes to it.
    #[must_use]
    pub fn served_by(mut self, channel: &super::channels::Channel) -> Self {
        if self.agent_id != channel.agent_id {
            if self.agent_id.is_none() && self.owner == Owner::Nobody {
                self.owner = Owner::Agent;
            }
            self.agent_id.clone_from(&channel.agent_id);
        }
        self
    }
}

/// The lane in which a conversation's turns run.
#[must_use]
pub fn answer_lane(conversation_id: &str) -> String {
    format!("answer:{conversation_id}")
}

/// The lane in which a conversation's sends leave in order.
#[must_use]
pub fn send_lane(conversation_id: &str) -> String {
    format!("send:{conversation_id}")
}
