//! The frames of `docs/widget-protocol.md`, and what a client's message must be like. It sends nothing.

use serde::{Deserialize, Serialize};
use switchboard_channels::contract::content::Content;

use super::visible::VisibleMessage;
use crate::domain::messages::Status;

/// Longest text of a visitor, in characters.
const LONGEST_TEXT: usize = 16_000;

/// Longest id or title that a client may give, in characters.
const LONGEST_WORD: usize = 256;

/// Longest client id, in characters; a UUID has 36.
const LONGEST_CLIENT_ID: usize = 64;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientFrame {
    /// Opens the line.
    Hello {
        token: String,
        #[serde(default)]
        since: i64,
    },
    /// A message.
    Send {
        client_id: String,
        content: Said,
        #[serde(default)]
        reply_to: Option<String>,
    },
    /// Everything up to here is before the visitor's eyes.
    Seen { seq: i64 },
    /// The visitor is writing.
    Typing,
    /// Does the line live?
    Ping,
}

/// What a visitor may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    /// A text.
    Text { text: String },
    /// A picked button or row.
    Choice { id: String, title: String },
}

/// The client id of a frame that is otherwise not understood.
#[derive(Deserialize)]
struct Named {
    client_id: String,
}

/// Why a client's frame was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is no JSON.
    NoJson,
    /// It is no frame of the protocol; with the client id, if it has a good one.
    NoFrame(Option<String>),
}

/// Reads a frame.
pub(super) fn read(text: &str) -> Result<ClientFrame, Unread> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            let named = serde_json::from_str::<Named>(text).ok().map(|named| named.client_id);
            Unread::NoFrame(named.filter(|id| is_client_id(id)))
        }
        _ => Unread::NoJson,
    })
}

/// A client id goes into our id of the message, so it is a short word.
pub(super) fn is_client_id(text: &str) -> bool {
    (1..=LONGEST_CLIENT_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text can be the id of a message.
pub(super) fn is_message_id(text: &str) -> bool {
    (1..=LONGEST_WORD).contains(&text.len()) && !text.contains(char::is_control)
}

impl Said {
    /// The content, when it is one that may be stored; else why not, for the visitor to read.
    pub(super) fn content(self) -> Result<Content, &'static str> {
        match self {
            Self::Text { text } if text.trim().is_empty() => Err("The message is empty."),
            Self::Text { text } if text.chars().count() > LONGEST_TEXT => Err("The message is too long."),
            Self::Text { text } => Ok(Content::text(text.replace('\0', "\u{fffd}"))),
            Self::Choice { id, title } => {
                let good = |word: &str| {
                    !word.trim().is_empty() && word.chars().count() <= LONGEST_WORD && !word.contains('\0')
                };
                if good(&id) && good(&title) {
                    Ok(Content::Choice { id, title, description: None })
                } else {
                    Err("The choice is not valid.")
                }
            }
        }
    }
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    /// The line is open.
    Welcome { conversation_id: Option<&'a str>, agent: AgentName<'a>, last_seq: i64, heartbeat_ms: u64 },
    /// A committed message.
    Message {
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
        message: VisibleMessage<'a>,
    },
    /// The agent begins or stops to work on an answer.
    Turn { turn: &'a str, state: TurnState },
    /// The next piece of the answer.
    Delta { turn: &'a str, text: &'a str },
    /// A message's status moved forward.
    Status { id: &'a str, status: Status },
    /// Something was refused.
    Error {
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
    },
    /// Forget the state and connect again.
    Resync,
    /// The line lives.
    Pong,
}

/// Who answers.
#[derive(Debug, Serialize)]
pub(super) struct AgentName<'a> {
    pub(super) name: &'a str,
}

/// How far a turn is.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TurnState {
    Started,
    Ended,
    Cancelled,
    Failed,
}

impl ServerFrame<'_> {
    /// The frame's text; empty only if it could not be written, which no frame of ours is.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientFrame, Said, Unread, read};

    #[test]
    fn what_is_not_understood_is_told_apart() {
        let named = |id: &str| Unread::NoFrame(Some(id.to_owned()));
        for (text, expected) in [
            ("", Unread::NoJson),
            ("{", Unread::NoJson),
            ("hello", Unread::NoJson),
            ("[]", Unread::NoFrame(None)),
            (r#"{"type":"dance"}"#, Unread::NoFrame(None)),
            (r#"{"type":"send","client_id":"a-1"}"#, named("a-1")),
            (r#"{"type":"send","client_id":"a-1","content":{"type":"image"}}"#, named("a-1")),
            (r#"{"type":"send","client_id":"a b","content":{"type":"image"}}"#, Unread::NoFrame(None)),
            (r#"{"type":"seen","seq":"1"}"#, Unread::NoFrame(None)),
        ] {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
        assert!(matches!(read(r#"{"type":"ping","more":1}"#), Ok(ClientFrame::Ping)));
    }

    #[test]
    fn only_sound_content_is_taken() {
        let text = |text: &str| Said::Text { text: text.to_owned() };
        let choice = |id: &str, title: &str| Said::Choice { id: id.to_owned(), title: title.to_owned() };
        for (said, good) in [
            (text("Hi"), true),
            (text(" \n\t"), false),
            (text(&"ä".repeat(16_000)), true),
            (text(&"a".repeat(16_001)), false),
            (choice("am", "Morning"), true),
            (choice("", "Morning"), false),
            (choice("am", " "), false),
            (choice("am", &"a".repeat(257)), false),
            (choice("a\0", "Morning"), false),
        ] {
            let shown = format!("{said:?}");
            assert_eq!(said.content().is_ok(), good, "{shown}");
        }
    }
}
