//! What we want a vendor to do, and what it answered.

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::failure::Failure;
use super::inbound::Thread;
use super::peer::Identity;

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbound<'a> {
    /// Our message id; travels with the send where the vendor allows, so that a receipt finds it.
    pub id: &'a str,
    /// The recipient's identities within the account; the channel picks the one it sends to.
    pub to: &'a [Identity],
    /// What it says. Files carry a vendor `id` or a public `url` by now.
    pub content: &'a Content,
    /// The vendor's id of the message it answers.
    pub reply_to: Option<&'a str>,
    /// By which right it goes out; see [`Right`].
    pub right: Right,
    /// Our conversation's id; a signed reply address names it.
    pub conversation_id: &'a str,
    /// What it continues, where the channel has threads.
    pub thread: Option<&'a Thread>,
}

impl<'a> Outbound<'a> {
    /// An ordinary message within an open window.
    #[must_use]
    pub const fn new(id: &'a str, to: &'a [Identity], content: &'a Content) -> Self {
        Self { id, to, content, reply_to: None, right: Right::Window, conversation_id: "", thread: None }
    }
}

/// By which right a message goes out on a channel with a messaging window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The window is open, or the channel has none, or it is a template.
    Window,
    /// A person of ours answers after the window has closed, within the vendor's longer limit for people.
    HumanAgent,
}

/// A sign that is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// What the person wrote has been seen.
    Seen,
    /// Somebody is writing.
    Typing,
}

/// What the vendor tells of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name they show.
    pub name: Option<String>,
    /// Their username, for display only.
    pub username: Option<String>,
    /// Where their picture is; short-lived.
    pub picture_url: Option<String>,
    /// Their language, as the vendor writes it.
    pub locale: Option<String>,
}

/// What a vendor said to a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sent {
    /// It took the message.
    Accepted(Accepted),
    /// It did not.
    Refused(Failure),
    /// It said yes in words that hold no message id: whether it went out, only a receipt can tell. Why, in words.
    Unclear(String),
}

/// A taken message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The vendor's message id; empty where the vendor gives none, as some do for reactions.
    pub id: String,
    /// What the vendor told about the recipient (a normalised phone number, a user id).
    pub recipient: Vec<Identity>,
    /// The vendor keeps it back for now (paced templates).
    pub held: bool,
}

/// A file at the vendor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaLink {
    /// Where its bytes are; short-lived, needs the channel's token.
    pub url: String,
    /// MIME type.
    pub mime_type: Option<String>,
    /// SHA-256 as lower-case hex.
    pub sha256: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
}

/// One approved (or not) template, as the vendor lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateInfo {
    /// The vendor's id, where it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name, by which a send names it.
    pub name: String,
    /// Language code.
    pub language: String,
    /// The vendor's word: `APPROVED`, `PAUSED`, …
    pub status: String,
    /// `UTILITY`, `MARKETING`, `AUTHENTICATION`.
    pub category: Option<String>,
    /// Why it was rejected, paused or disabled, in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The component objects.
    pub components: Vec<serde_json::Value>,
}

/// A template that is to be handed in at the vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateDraft {
    /// Name.
    pub name: String,
    /// Language code.
    pub language: String,
    /// `UTILITY`, `MARKETING`, `AUTHENTICATION`.
    pub category: String,
    /// The component objects, as [`TemplateInfo`] shows them.
    pub components: Vec<serde_json::Value>,
}

/// What the vendor says about the account that a channel uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// The vendor's id.
    pub id: Option<String>,
    /// The name that people see.
    pub name: Option<String>,
    /// The address that people see, for example a phone number as the vendor writes it.
    pub address: Option<String>,
    /// The vendor's word for its quality.
    pub quality: Option<String>,
    /// The vendor's word for its verification.
    pub verification: Option<String>,
}
