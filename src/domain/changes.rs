//! What a decision wants written, all or nothing. The store turns many of these into few statements.

use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::peer::Identity;

use super::conversations::{Conversation, Standing};
use super::deliveries::{DeliveryOutcome, RawDelivery};
use super::events::EventKind;
use super::jobs::NewJob;
use super::messages::{Attachment, Message, MessageError, Status};

/// One decision's writes: committed together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The tenant everything in here belongs to.
    pub workspace_id: String,
    /// The conversation as it shall be; compared by version.
    pub conversation: Option<ConversationChange>,
    /// Messages to add. The store derives their events.
    pub messages: Vec<NewMessage>,
    /// The messages of the conversation that wait for its window from now on, when these have changed.
    pub holds: Option<Vec<String>>,
    /// Where the conversation stands from now on, when that has changed.
    pub standing: Option<Standing>,
    /// Messages that are held no longer.
    pub released: Vec<String>,
    /// Messages that move forward. The store derives the events of those that really do.
    pub progress: Vec<Progress>,
    /// Messages that shall not leave any more: applied to those only that have not.
    pub recalls: Vec<Progress>,
    /// Edits and deletions of messages by their authors.
    pub revisions: Vec<Revision>,
    /// Attachments that arrived or failed.
    pub attachments: Vec<AttachmentChange>,
    /// Events beyond the derived ones.
    pub events: Vec<NewEvent>,
    /// Jobs that follow; born leased to this node.
    pub jobs: Vec<NewJob>,
    /// The job whose work this is: it ends with this change, and the change is refused when another node took it.
    pub finishes: Option<String>,
    /// Jobs that are no longer wanted; it does not matter whether they still exist.
    pub supersedes: Vec<String>,
    /// The raw delivery that caused it, to be written down.
    pub delivery: Option<NewDelivery>,
    /// The outcome of a delivery that was written down before.
    pub delivered: Option<DeliveryEnd>,
    /// An exchange with a vendor, to be kept.
    pub exchange: Option<NewExchange>,
    /// The idempotency key under which it was asked for.
    pub idempotency: Option<Idempotency>,
    /// Most messages that the workspace may have this month, those in here included; none: they are stored anyway.
    pub most_messages: Option<u64>,
}

/// A conversation's new state.
#[derive(Debug, Clone)]
pub struct ConversationChange {
    /// The version it was decided on; `None`: it is new.
    pub expected: Option<i64>,
    /// The state from now on.
    pub state: Conversation,
    /// Identities to bind to the contact. Each belongs to one contact of the channel only.
    pub identities: Vec<Identity>,
    /// Identities that the contact no longer has.
    pub dropped: Vec<Identity>,
    /// The contact's display name, when it is new or has changed.
    pub contact_name: Option<String>,
}

/// A message to add.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The message.
    pub message: Message,
    /// Its conversation.
    pub conversation_id: String,
    /// Its channel.
    pub channel_id: String,
}

/// A message that moves forward, found by our id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Our message id.
    pub message_id: String,
    /// Its channel: a receipt of another channel moves nothing.
    pub channel_id: String,
    /// Where it stands now; applied only when of higher rank.
    pub status: Status,
    /// The vendor's id, once known.
    pub provider_id: Option<String>,
    /// Unix milliseconds.
    pub at: i64,
    /// Why it failed.
    pub error: Option<MessageError>,
}

/// An edit or a deletion. Kept by its own vendor id, and applied whenever its message is (or becomes) known.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The vendor's id of the edit or deletion.
    pub id: String,
    /// The channel.
    pub channel_id: String,
    /// The vendor's id of the message.
    pub target: String,
    /// The new content; `None`: the message was taken back.
    pub content: Option<Content>,
    /// Unix milliseconds.
    pub at: i64,
}

/// New state of one of a message's attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentChange {
    /// Our message id.
    pub message_id: String,
    /// Which of its attachments, from 0.
    pub index: usize,
    /// The attachment from now on.
    pub attachment: Attachment,
    /// The file that was stored for it.
    pub file: Option<super::files::File>,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// In which conversation.
    pub conversation_id: Option<String>,
    /// The snapshot.
    pub data: serde_json::Value,
}

/// A raw delivery to be written down.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// UUID.
    pub id: String,
    /// The channel it was for, where one was found.
    pub channel_id: Option<String>,
    /// Kind of channel whose address it came to.
    pub kind: String,
    /// Unix milliseconds.
    pub received_at: i64,
    /// The bytes as they came (invalid UTF-8 replaced).
    pub raw: std::sync::Arc<RawDelivery>,
    /// How it ended.
    pub outcome: DeliveryOutcome,
    /// Why, by part.
    pub detail: Option<serde_json::Value>,
}

/// The end of a delivery that was written down before.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryEnd {
    /// The delivery.
    pub id: String,
    /// How it ended.
    pub outcome: DeliveryOutcome,
    /// Why, by part.
    pub detail: Option<serde_json::Value>,
    /// Something in it was erased before: its body is not kept.
    pub forgets: bool,
}

/// One exchange with a vendor, without secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExchange {
    /// UUID.
    pub id: String,
    /// The message it was for.
    pub message_id: String,
    /// Unix milliseconds.
    pub at: i64,
    /// The request: method, address and body, cut to 16 KiB.
    pub request: String,
    /// HTTP status; `None`: no answer.
    pub status: Option<i64>,
    /// The answer's body, or the network's error, cut to 16 KiB.
    pub response: String,
    /// Milliseconds.
    pub duration_ms: i64,
}

/// An idempotency key with what was asked under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key, within the workspace.
    pub key: String,
    /// SHA-256 of the request, lower-case hex.
    pub request_hash: String,
    /// The id of what it made.
    pub result_id: String,
}

/// Why a change was not committed. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The conversation has moved on: read it again and decide again.
    #[error("the conversation has moved on")]
    Stale,
    /// These vendor ids are stored already: decide again without them.
    #[error("already stored: {0:?}")]
    Duplicate(Vec<String>),
    /// One of the identities belongs to this conversation's contact: go there.
    #[error("the contact is known as conversation {0}")]
    Taken(String),
    /// The key was used before.
    #[error("the idempotency key was used before")]
    Repeated(Idempotency),
    /// These vendor ids, or the conversation of this id, were erased: decide again without them.
    #[error("erased before: {0:?}")]
    Erased(Vec<String>),
    /// The job is no longer ours.
    #[error("the job is no longer ours")]
    Fenced,
    /// The workspace has as many messages this month as it may.
    #[error("this month's {0} messages are used up")]
    UsedUp(u64),
    /// The database did not do it. It is not known to have happened.
    #[error("the database is not available: {0}")]
    Unavailable(String),
}
