//! Durable jobs: what must still happen, written in the transaction of its cause.

use serde::{Deserialize, Serialize};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::outbound::Right;

use super::messages::Message;

/// The work of a job, as stored. Small on purpose: it names rows, it does not copy them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Let the agent answer what is unanswered in a conversation.
    Answer {
        /// The conversation.
        conversation_id: String,
    },
    /// Send a message to its vendor.
    Send {
        /// The conversation, whose sends leave in order.
        conversation_id: String,
        /// The message.
        message_id: String,
    },
    /// See whether a message has arrived, and say it over the person's next channel if not.
    Fallback {
        /// The message.
        message_id: String,
    },
    /// Fetch a file that an inbound message announced.
    Download {
        /// The message.
        message_id: String,
        /// Which of its attachments, from 0.
        #[serde(default)]
        index: usize,
    },
    /// Ask the vendor who the person of a conversation is.
    Profile {
        /// The conversation.
        conversation_id: String,
    },
    /// Visit an address of a channel's vendor, which wants to see that we do.
    Visit {
        /// The channel.
        channel_id: String,
        /// The address.
        address: String,
    },
    /// Bring a sign-in code to the phone that it is for.
    Code {
        /// The code.
        code_id: String,
    },
    /// Bring an invitation to its address.
    Invite {
        /// The invitation.
        invitation_id: String,
    },
    /// Read a document of an agent's knowledge and index it.
    Ingest {
        /// The document.
        document_id: String,
        /// The wish to read it; a newer one makes this job needless.
        revision: String,
    },
    /// Find out where texts lie in the space of a model of embeddings.
    Embed {
        /// Whose texts they are.
        #[serde(default)]
        of: Embeddable,
        /// Its id.
        #[serde(alias = "memory_id")]
        id: String,
    },
    /// Tell that the time of a reminder has come.
    Remind {
        /// What it is about.
        about: Reminded,
        /// Its id.
        id: String,
    },
    /// Erase a person.
    Erase {
        /// The erasure.
        erasure_id: String,
    },
}

/// What is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Embeddable {
    /// A memory, whose text is one.
    #[default]
    Memory,
    /// A document of an agent's knowledge, whose passages are its texts.
    Document,
}

/// What a reminder is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reminded {
    /// A task.
    Task,
    /// A follow-up.
    FollowUp,
}

impl Work {
    /// The stored words of all kinds.
    pub const KINDS: &[&str] = &[
        "answer", "send", "fallback", "download", "profile", "visit", "code", "invite", "ingest", "embed", "remind",
        "erase",
    ];

    /// The stored word for the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Send { .. } => "send",
            Self::Fallback { .. } => "fallback",
            Self::Download { .. } => "download",
            Self::Profile { .. } => "profile",
            Self::Visit { .. } => "visit",
            Self::Code { .. } => "code",
            Self::Invite { .. } => "invite",
            Self::Ingest { .. } => "ingest",
            Self::Embed { .. } => "embed",
            Self::Remind { .. } => "remind",
            Self::Erase { .. } => "erase",
        }
    }
}

/// A job to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// `UUIDv7`: jobs of a lane run in the order of their ids.
    pub id: String,
    /// One job of a lane runs at a time, in order. Empty: no order.
    pub lane: String,
    /// What to do.
    pub work: Work,
    /// Not before this time, Unix milliseconds.
    pub run_at: i64,
    /// What the worker would otherwise read back; handed over in memory, never stored.
    pub cargo: Option<Box<Cargo>>,
}

impl NewJob {
    /// Looks at `run_at` whether this message has arrived.
    #[must_use]
    pub fn fallback(id: String, message_id: &str, run_at: i64) -> Self {
        let work = Work::Fallback { message_id: message_id.to_owned() };
        Self { id, lane: String::new(), work, run_at, cargo: None }
    }
}

/// What a fresh send job carries in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Cargo {
    /// The message to send.
    pub message: Message,
    /// Its conversation.
    pub conversation_id: String,
    /// Its channel.
    pub channel_id: String,
    /// The recipient's identities in the channel account.
    pub to: Vec<switchboard_channels::contract::peer::Identity>,
    /// The vendor's id of the message it answers.
    pub reply_to: Option<String>,
    /// By which right it goes out.
    pub right: Right,
}

impl Cargo {
    /// What is sent.
    #[must_use]
    pub fn content(&self) -> &Content {
        self.message.rendering.as_ref().unwrap_or(&self.message.content)
    }
}

/// A job in a worker's hands.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Its lane.
    pub lane: String,
    /// What to do.
    pub work: Work,
    /// Not before this time, Unix milliseconds.
    pub run_at: i64,
    /// Tries that have failed.
    pub attempts: i64,
    /// Another process held it before and may have done part of it.
    pub reclaimed: bool,
    /// Another node may hold an older job of its lane, which goes first.
    pub behind: bool,
    /// What a fresh send job carries.
    pub cargo: Option<Box<Cargo>>,
}

/// What a worker says at the end of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its effects and its end were committed together.
    Done,
    /// Nothing is left to do; the worker deletes it.
    Drop,
    /// Try again after so many milliseconds; counts as a failed try.
    Retry {
        /// Wait.
        after_ms: u64,
        /// Why.
        reason: String,
    },
    /// Try again after so many milliseconds; does not count (a paused channel, a slow account, a receipt awaited).
    Wait {
        /// Wait.
        after_ms: u64,
        /// Why.
        reason: String,
    },
    /// Give up visibly: it becomes a dead letter.
    Dead {
        /// Why.
        reason: String,
    },
}

/// Failed tries after which a job becomes a dead letter: with the backoff below, about two days.
pub const MOST_ATTEMPTS: i64 = 14;

/// Waiting time before try number `attempts + 1`: doubling from 1 s to 6 h, with up to a quarter of jitter taken off
/// by `chance` (a number below 1,000).
#[must_use]
pub fn backoff_ms(attempts: i64, chance: u64) -> u64 {
    let exponent = u32::try_from(attempts.clamp(0, 20)).unwrap_or(0);
    let full = 1_000_u64.saturating_mul(2_u64.saturating_pow(exponent)).min(6 * 60 * 60 * 1_000);
    full - full / 4 * chance.min(1_000) / 1_000
}

#[cfg(test)]
mod tests {
    use super::{Embeddable, Work, backoff_ms};

    #[test]
    fn jobs_of_an_earlier_version_are_read() {
        let id = || "m1".to_owned();
        for (stored, expected) in [
            (r#"{"kind":"embed","memory_id":"m1"}"#, Work::Embed { of: Embeddable::Memory, id: id() }),
            (r#"{"kind":"embed","of":"document","id":"m1"}"#, Work::Embed { of: Embeddable::Document, id: id() }),
        ] {
            assert_eq!(serde_json::from_str::<Work>(stored).unwrap(), expected, "{stored}");
        }
    }

    #[test]
    fn backoff_doubles_up_to_six_hours_and_jitters_by_a_quarter() {
        let cases =
            [(0, 0, 1_000), (1, 0, 2_000), (3, 0, 8_000), (40, 0, 21_600_000), (1, 1_000, 1_500), (-3, 0, 1_000)];
        for (attempts, chance, expected) in cases {
            assert_eq!(backoff_ms(attempts, chance), expected, "{attempts} {chance}");
        }
    }
}
