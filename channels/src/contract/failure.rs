//! Why a vendor refused, in terms that a sender can act on.

use serde::{Deserialize, Serialize};

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It never will.
    Never,
    /// With growing distance.
    Backoff,
    /// The whole account is too fast: pause all its sends, then go on.
    SlowAccount,
    /// This recipient gets too much: pause its sends only.
    SlowRecipient,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The gateway built a wrong request: a bug.
    Gateway,
    /// The sender of the message gave bad content.
    Sender,
    /// The operator must act: token, permission, payment, account.
    Operator,
    /// The recipient cannot or will not be reached.
    Recipient,
    /// The vendor, or the way to it.
    Vendor,
}

/// A refusal. `code` is stable and ours, `vendor_code` is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// A stable UPPER_SNAKE word: `WINDOW_CLOSED`, `RECIPIENT_UNREACHABLE`, `CHANNEL_UNAUTHORISED`, …
    pub code: String,
    /// A sentence for the person who sent the message.
    pub message: String,
    /// Whether to try again.
    pub retry: Retry,
    /// Whose fault it is.
    pub fault: Fault,
    /// The vendor's code, with its subcode after a slash if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_code: Option<String>,
    /// The vendor's words, cut to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_message: Option<String>,
    /// Milliseconds to wait before another try, when the vendor said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The operator must act before anything else can be sent: stop the channel and say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stops_channel: bool,
}

impl Failure {
    /// A refusal of content, decided before anything was sent.
    pub fn content(code: &str, message: impl Into<String>) -> Self {
        Self::new(code, message, Retry::Never, Fault::Sender)
    }

    /// A refusal without vendor details.
    pub fn new(code: &str, message: impl Into<String>, retry: Retry, fault: Fault) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            retry,
            fault,
            vendor_code: None,
            vendor_message: None,
            retry_after_ms: None,
            stops_channel: false,
        }
    }

    /// The same about this field of what was handed in.
    #[must_use]
    pub fn about(self, field: impl Into<String>) -> DraftRefused {
        DraftRefused { field: Some(field.into()), failure: Box::new(self) }
    }
}

/// A refusal of something that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct DraftRefused {
    /// The field that it is about, where that is known: `components[1].text`.
    pub field: Option<String>,
    /// Why.
    pub failure: Box<Failure>,
}

impl From<Failure> for DraftRefused {
    fn from(failure: Failure) -> Self {
        Self { field: None, failure: Box::new(failure) }
    }
}
