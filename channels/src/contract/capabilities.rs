//! What a channel can carry, as data.

use serde::Serialize;

/// The messaging window of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowRule {
    /// Free-form messages at any time.
    None,
    /// Free-form messages only for so long after the person's last message; templates always.
    SinceLastInbound {
        /// Length in milliseconds.
        length_ms: i64,
        /// Length in milliseconds for what a person of ours (never an agent) writes, where the vendor allows more.
        human_length_ms: Option<i64>,
    },
}

/// In what a limit is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// UTF-16 code units: most emoji are two, and a family is eleven.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

/// Longest plain text of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TextRule {
    /// How much.
    pub limit: usize,
    /// Of what.
    pub unit: Unit,
}

impl TextRule {
    /// Whether a text is short enough.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        // Bytes are never fewer than characters or UTF-16 units, so short texts need no count.
        text.len() <= self.limit
            || match self.unit {
                Unit::Characters => text.chars().nth(self.limit).is_none(),
                Unit::Utf16 => text.encode_utf16().nth(self.limit).is_none(),
                Unit::Bytes => false,
            }
    }
}

/// Reply buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ButtonRule {
    /// Most buttons in one message.
    pub most: usize,
    /// Longest label, in characters.
    pub title_limit: usize,
    /// Longest text above them, in characters.
    pub text_limit: usize,
}

/// Lists to pick from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ListRule {
    /// Most rows in one message.
    pub most: usize,
    /// Longest label of a row, in characters.
    pub title_limit: usize,
    /// Longest second line of a row, in characters.
    pub description_limit: usize,
    /// Longest text above the list, in characters.
    pub text_limit: usize,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound file or voice note.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

/// Files of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MediaRule {
    /// The kind.
    pub kind: MediaKind,
    /// MIME types without parameters, `image/*` for all of a family; empty: any.
    pub types: &'static [&'static str],
    /// Largest size in bytes.
    pub most_bytes: u64,
    /// Longest caption in characters; 0: it has none.
    pub caption_limit: usize,
}

/// How a file of ours gets to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaBy {
    /// It is uploaded first and sent by the vendor's id.
    Upload,
    /// The vendor fetches it from a signed address of ours.
    Link,
    /// It travels within the message.
    Attachment,
}

/// What a channel can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that a vendor has or has not")]
pub struct Capabilities {
    /// Longest text.
    pub text: TextRule,
    /// Reply buttons.
    pub buttons: Option<ButtonRule>,
    /// Lists.
    pub list: Option<ListRule>,
    /// A button that opens a link.
    pub link_buttons: bool,
    /// Files, by kind; a kind that is not here cannot be sent.
    pub media: &'static [MediaRule],
    /// How files travel.
    pub media_by: MediaBy,
    /// Places can be sent.
    pub location: bool,
    /// Contact cards can be sent.
    pub contacts: bool,
    /// Approved templates exist.
    pub templates: bool,
    /// Reactions can be sent.
    pub reactions: bool,
    /// A message can quote the one that it answers.
    pub replies: bool,
    /// A typing sign can be shown.
    pub typing: bool,
    /// It can be shown that a message was seen.
    pub seen: bool,
    /// Delivery receipts come back.
    pub receipts: bool,
    /// A person may have several conversations, each a thread of its own.
    pub threads: bool,
    /// When free-form messages are allowed.
    pub window: WindowRule,
}
