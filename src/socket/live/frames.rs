//! The frames of `docs/live-events.md`, and what a line that opens may ask for. It sends nothing.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::events;
use crate::store::events::EventFilter;
use crate::usecases::authenticating::Credential;

/// What a line that opens asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Question {
    /// The last number seen; none: only what happens from now on.
    pub(super) since: Option<i64>,
    /// The words of the events; none: all.
    #[serde(default)]
    events: Vec<String>,
    /// Those of this conversation only.
    conversation_id: Option<String>,
    /// The workspace that is meant, by a member who belongs to several.
    pub(super) workspace_id: Option<String>,
}

impl Question {
    /// Which events are wanted.
    ///
    /// # Errors
    /// Why that cannot be, for people.
    pub(super) fn filter(&self) -> Result<EventFilter, String> {
        if let Some(unknown) = self.events.iter().find(|word| events::word(word).is_none()) {
            return Err(format!("events: {unknown} is none of {}", events::WORDS.join(", ")));
        }
        if self.since.is_some_and(|since| since < 0) {
            return Err("since: a whole number from 0".to_owned());
        }
        Ok(EventFilter { kinds: self.events.clone(), conversation_id: self.conversation_id.clone() })
    }
}

/// What a client presents for itself.
#[derive(Clone)]
pub(in crate::socket) enum Presented {
    /// An API key or an access token.
    Bearer(Box<str>),
    /// The token of a session, from the cookie.
    Session(Box<str>),
}

impl Presented {
    pub(super) fn credential(&self) -> Credential<'_> {
        match self {
            Self::Bearer(token) => Credential::Bearer(token),
            Self::Session(token) => Credential::Session(token),
        }
    }
}

/// How a line opens: by its request, by its first frame, or by both.
#[derive(Default)]
pub(in crate::socket) struct Opening {
    pub(super) presented: Option<Presented>,
    pub(super) question: Question,
}

impl Opening {
    /// What a request says.
    pub(in crate::socket) fn of(query: &str, presented: Option<Presented>) -> Self {
        let mut question = Question::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                // What is no number is refused as a number below all.
                "since" => question.since = Some(value.parse().unwrap_or(-1)),
                "events" => question.events = value.split(',').map(str::to_owned).collect(),
                "conversation_id" => question.conversation_id = Some(value.into_owned()),
                "workspace_id" => question.workspace_id = Some(value.into_owned()),
                _ => {}
            }
        }
        Self { presented, question }
    }

    /// Whether the request says all. A browser sends the cookie whether it is meant or not, so there the first frame does.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.presented, Some(Presented::Bearer(_)))
    }

    /// The same with what the first frame says, which counts where both do.
    pub(super) fn with(self, token: Option<String>, said: Question) -> Self {
        let own = self.question;
        Self {
            presented: token.map(|token| Presented::Bearer(token.into_boxed_str())).or(self.presented),
            question: Question {
                since: said.since.or(own.since),
                events: if said.events.is_empty() { own.events } else { said.events },
                conversation_id: said.conversation_id.or(own.conversation_id),
                workspace_id: said.workspace_id.or(own.workspace_id),
            },
        }
    }
}

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientFrame {
    /// Opens the line.
    Hello {
        token: Option<String>,
        #[serde(flatten)]
        question: Question,
    },
    /// The member is writing there.
    Typing { conversation_id: String },
    /// Does the line live?
    Ping,
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    /// The line is open.
    Welcome { workspace_id: &'a str, seq: i64, heartbeat_ms: u64 },
    /// Something happened.
    Event { seq: i64, event: &'a str, conversation_id: Option<&'a str>, at: i64, data: &'a RawValue },
    /// Everything up to here was told; what follows is live.
    Live { seq: i64 },
    /// Too much was missed: read anew; the line goes on from here.
    Resync { seq: i64 },
    /// Somebody is writing.
    Typing {
        conversation_id: &'a str,
        from: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
    },
    /// Who has a line on this node.
    Presence { members: Vec<Name<'a>> },
    /// Something was refused.
    Error { code: &'a str, message: &'a str },
    /// The line lives.
    Pong,
}

/// A member.
#[derive(Serialize)]
pub(super) struct Name<'a> {
    pub(super) name: &'a str,
}

impl ServerFrame<'_> {
    /// The frame's text; empty only if it could not be written, which no frame of ours is.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The text of an event's frame, its snapshot as it is stored.
    pub(super) fn event(seq: i64, event: &str, conversation_id: Option<&str>, at: i64, data: &str) -> String {
        let data = serde_json::from_str::<&RawValue>(data).unwrap_or(RawValue::NULL);
        ServerFrame::Event { seq, event, conversation_id, at, data }.text()
    }
}
