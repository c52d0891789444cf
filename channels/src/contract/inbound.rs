//! What a vendor's delivery turns into: events, each for one account of ours, in wire order.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::Content;
use super::failure::Failure;
use super::peer::{Identity, Peer};

/// Everything a delivery holds. Nothing disappears: what is no event stands in `ignored` with its reason.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// The events in wire order.
    pub events: Vec<Arrival>,
    /// What was passed over, and why.
    pub ignored: Vec<Ignored>,
    /// Files whose bytes the delivery itself carries; a [`Media`](super::content::Media) names one by its `id`.
    pub files: Vec<CarriedFile>,
}

/// A file that came within a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedFile {
    /// What the media of the same delivery call it, unique within the delivery, for example `part:3`.
    pub id: String,
    /// Its bytes, decoded.
    pub bytes: Vec<u8>,
}

/// An event and the account it arrived at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// The vendor's id of our number, page or mailbox; absent for events of the whole business account.
    pub account: Option<String>,
    /// The vendor's id of the business account above it.
    pub business: Option<String>,
    /// What happened.
    pub event: Event,
}

/// A part of a delivery that is no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// Where it stood, for example `entry[0].changes[1].value.messages[2]`.
    pub path: String,
    /// Why it was passed over, in words.
    pub reason: String,
}

/// Something that happened at the vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A person wrote.
    Message(Box<Message>),
    /// One of our people wrote in the vendor's own app.
    Echo(Box<Message>),
    /// A sent message moved on.
    Receipt(Box<Receipt>),
    /// All messages to a person up to a moment moved on, where the vendor names no message.
    Watermark(Watermark),
    /// The text of an earlier message was changed by its author.
    Edit(Box<Edit>),
    /// An earlier message was taken back by its author.
    Deletion(Deletion),
    /// A person's identities changed.
    Identity(IdentityChange),
    /// A person's word about what they want to receive.
    Consent(Consent),
    /// An address takes no more messages: it does not exist, or its owner complained.
    Unreachable(Unreachable),
    /// The thread with a person was given to, or taken by, another application of the same account.
    Handover(Handover),
    /// Old messages handed over when the account was connected. Kept in the ledger, never answered.
    History(Notice),
    /// Something about the account itself.
    Account(Notice),
}

/// A message of a person, or (as an echo) of our side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The vendor's id, unique for ever within the account; at most 512 characters.
    pub id: String,
    /// The person: the sender, or for an echo the receiver.
    pub peer: Peer,
    /// The vendor's time in Unix milliseconds; absent when it was not readable.
    pub at: Option<i64>,
    /// What it says.
    pub content: Content,
    /// The vendor's id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// It was forwarded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
    /// The ad, post or product that brought the person here, as the vendor described it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Value>,
    /// It opens or renews the messaging window.
    pub opens_window: bool,
    /// It wants an answer. False for reactions, system notes, the opening of a chat, machines' mail, and for what was
    /// said while another application holds the thread.
    pub wants_answer: bool,
    /// What it belongs to, where the channel has threads; absent where a person is one conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
}

/// How a message says which conversation it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Vendor ids of the messages before it, nearest first.
    pub references: Vec<String>,
    /// The conversation that our own signed address named; verified, and still no proof of who wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// The subject as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The subject without what mail programs put around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_subject: Option<String>,
    /// The subject has the mark of a reply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reply: bool,
    /// Where the writer wants the answer, when that is another address than their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_address: Option<String>,
}

/// How far a sent message has come, in rank order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The vendor has it.
    Sent,
    /// The person's device has it.
    Delivered,
    /// The person has seen it.
    Read,
    /// The person has listened to it.
    Played,
    /// It will not arrive. Wins over `Sent` only.
    Failed,
}

/// News about a message that we (or another tool of the same account) sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The vendor's message id.
    pub id: String,
    /// What the send carried to be recognised by: our message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// How far it has come.
    pub progress: Progress,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
    /// To whom it went, as far as the vendor says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipient: Vec<Identity>,
    /// In a group: the member whose device or eyes this is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participant: Vec<Identity>,
    /// Why it failed; never empty when `progress` is `Failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// The vendor's price note, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Value>,
}

/// A changed message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The vendor's id of the edit itself.
    pub id: String,
    /// The vendor's id of the message that changed.
    pub target: String,
    /// Who changed it.
    pub peer: Peer,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
    /// What it says now.
    pub content: Content,
    /// Our side changed it, in the vendor's own app.
    pub ours: bool,
    /// It opens or renews the messaging window.
    pub opens_window: bool,
}

/// A message taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The vendor's id of the deletion itself.
    pub id: String,
    /// The vendor's id of the message that is gone.
    pub target: String,
    /// Who took it back.
    pub peer: Peer,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
    /// Our side took it back, in the vendor's own app.
    pub ours: bool,
}

/// A person's keys moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityChange {
    /// The vendor's id of the notice, where it has one.
    pub id: Option<String>,
    /// The keys as they were (any of them finds the person). May be empty: then it is a note only.
    pub before: Vec<Identity>,
    /// The keys that hold from now on; they replace those of the same kind.
    pub after: Vec<Identity>,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
    /// A readable sentence.
    pub text: String,
}

/// What a person wants to receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The person.
    pub peer: Peer,
    /// What it is about, for example `marketing_messages`.
    pub category: String,
    /// True: go on; false: stop.
    pub granted: bool,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
}

/// News about the account, kept as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The vendor's word for it, for example `account_update`.
    pub kind: String,
    /// The vendor's object.
    pub detail: Value,
    /// Sends will fail until somebody acts (account disabled, removed, restricted).
    pub alarming: bool,
}

/// What a notice says about a template; what is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateNews {
    /// Its name; together with the language it says which.
    pub name: String,
    /// Its language code.
    pub language: String,
    /// What it is now: a word as [`TemplateInfo::status`](super::outbound::TemplateInfo) has it.
    pub status: Option<String>,
    /// Its category by now.
    pub category: Option<String>,
    /// Why, in the vendor's words.
    pub reason: Option<String>,
}

/// A moment up to which all messages to a person moved on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The person.
    pub peer: Peer,
    /// How far they have come.
    pub progress: Progress,
    /// Unix milliseconds: every message sent at or before it.
    pub until: i64,
}

/// An address that takes no more messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// The address.
    pub identity: Identity,
    /// Why: `code` as a message's failure would have it (`RECIPIENT_UNREACHABLE`, `RECIPIENT_COMPLAINED`).
    pub failure: Failure,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
}

/// Who holds the thread with a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The vendor's id of the notice, where it has one.
    pub id: Option<String>,
    /// The person.
    pub peer: Peer,
    /// True: we hold it from now on; false: another application (or the vendor's inbox) does.
    pub ours: bool,
    /// A readable sentence.
    pub text: String,
    /// The vendor's time in Unix milliseconds.
    pub at: Option<i64>,
}
