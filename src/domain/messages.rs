//! Messages: who said what, in which order, and how far it has come.

use serde::{Deserialize, Serialize};
use switchboard_channels::contract::content::{Content, Media};
use switchboard_channels::contract::inbound::Progress;

/// Seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The contact wrote.
    Inbound,
    /// Our side wrote.
    Outbound,
}

impl Direction {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// What kind of author wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// The person at the other end.
    Contact,
    /// An AI agent.
    Agent,
    /// One of our people, here or in the vendor's own app.
    Human,
    /// The gateway or the vendor.
    System,
    /// A workflow.
    Workflow,
}

impl AuthorKind {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Agent => "agent",
            Self::Human => "human",
            Self::System => "system",
            Self::Workflow => "workflow",
        }
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Author {
    /// What kind of author.
    pub kind: AuthorKind,
    /// Id of the contact, agent or member, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Display name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How far a message has come. The order of the variants is not their rank: see [`Status::rank`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Inbound: it is stored.
    Received,
    /// It waits for its send job.
    Queued,
    /// It may or may not have reached the vendor; a receipt will tell, or it is sent again.
    Uncertain,
    /// The vendor has it.
    Sent,
    /// It will not arrive.
    Failed,
    /// The person's device has it.
    Delivered,
    /// The person has seen (or heard) it.
    Read,
}

impl Status {
    /// Receipts only move forward: a status replaces one of lower rank. `Failed` stands above `Sent` and below
    /// `Delivered`, because a message that arrived did not fail.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Received | Self::Queued => 0,
            Self::Uncertain => 10,
            Self::Sent => 20,
            Self::Failed => 25,
            Self::Delivered => 30,
            Self::Read => 40,
        }
    }

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued => "queued",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Received, Self::Queued, Self::Uncertain, Self::Sent, Self::Failed, Self::Delivered, Self::Read]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

impl From<Progress> for Status {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Sent => Self::Sent,
            Progress::Delivered => Self::Delivered,
            Progress::Read | Progress::Played => Self::Read,
            Progress::Failed => Self::Failed,
        }
    }
}

/// Why a message failed, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MessageError {
    /// Stable UPPER_SNAKE word.
    pub code: String,
    /// A sentence for the sender.
    pub message: String,
    /// The vendor's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_code: Option<String>,
}

/// Where an attachment's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// A job is fetching it.
    Pending,
    /// It is stored and can be read at its `url`.
    Stored,
    /// It could not be fetched; `error` says why.
    Failed,
}

/// A file that belongs to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attachment {
    /// Our file id, once stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `image`, `video`, `audio`, `document` or `sticker`.
    pub kind: String,
    /// Whether its bytes are here.
    pub state: AttachmentState,
    /// MIME type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// File name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where an authorised reader gets it, relative to the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why it could not be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A message as the API, the events and the sockets show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Message {
    /// Our id.
    pub id: String,
    /// Its place in the conversation, from 1 without gaps.
    pub seq: i64,
    /// Seen from us.
    pub direction: Direction,
    /// Who wrote it.
    pub author: Author,
    /// Typed content.
    pub content: Content,
    /// What was sent in the content's place, where the channel could not carry it as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendering: Option<Content>,
    /// A readable plain-text rendition of the content.
    pub body: String,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// Id of the message it answers (the vendor's id when that message is not known here).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// The vendor's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The vendor's time in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_timestamp: Option<i64>,
    /// When it was stored, Unix milliseconds.
    pub created_at: i64,
    /// When its author last changed it, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<i64>,
    /// When its author took it back, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<MessageError>,
    /// It waits until the person writes again, because the window is closed; left out when it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Seconds after which it is said over the person's next channel, unless a receipt says that it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_after: Option<i64>,
    /// Id of the message that has not arrived and that this one says again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_of: Option<String>,
    /// Id of the message that says this one again over another channel, because it has not arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

/// A message of ours that was not confirmed and is said again over another channel. Names the rows of the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The message.
    pub message_id: String,
    /// Its conversation.
    pub conversation_id: String,
    /// Its channel.
    pub channel_id: String,
    /// It has not left for all we know: it must not any more.
    pub recalled: bool,
    /// The job that would still send it.
    pub send_job: Option<String>,
    /// The job that says it again, which ends with it.
    pub job: String,
}

/// Content on its way into a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// What is said.
    pub content: Content,
    /// What is sent in its place, where the channel cannot carry it as it is.
    pub rendering: Option<Content>,
}

impl From<Content> for Piece {
    fn from(content: Content) -> Self {
        Self { content, rendering: None }
    }
}

/// The attachments that inbound content announces, to be fetched.
#[must_use]
pub fn announced(content: &Content) -> Vec<Attachment> {
    let announced = |part: &Content| part.media().map(|media| attachment(part.kind(), media));
    match content {
        Content::Email(mail) => mail.attachments.iter().map(|media| attachment(kind_of(media), media)).collect(),
        Content::Multipart { parts } => parts.iter().filter_map(announced).collect(),
        single => announced(single).into_iter().collect(),
    }
}

fn attachment(kind: &str, media: &Media) -> Attachment {
    Attachment {
        id: media.file_id.clone(),
        kind: kind.to_owned(),
        state: if media.file_id.is_some() { AttachmentState::Stored } else { AttachmentState::Pending },
        mime_type: media.mime_type.clone(),
        filename: media.filename.clone(),
        size: media.size,
        url: media.file_id.as_ref().map(|id| format!("/api/files/{id}")),
        error: None,
    }
}

/// What a file of a mail is, by the type that it states.
fn kind_of(media: &Media) -> &'static str {
    match media.mime_type.as_deref().and_then(|stated| stated.split('/').next()) {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "document",
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn a_failure_never_hides_an_arrival() {
        assert!(Status::Failed.rank() > Status::Sent.rank());
        assert!(Status::Failed.rank() < Status::Delivered.rank());
        assert!(Status::Uncertain.rank() < Status::Sent.rank());
        assert!(Status::Delivered.rank() < Status::Read.rank());
    }
}
