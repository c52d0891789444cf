//! What a message says, in typed form; the same for what comes in and what goes out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The typed content of a message. `type` is the tag, in snake case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text, UTF-8, without NUL.
        text: String,
        /// Ask the vendor to show a preview of the first link.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        preview_url: bool,
    },
    /// A picture.
    Image(Media),
    /// A film.
    Video(Media),
    /// A sound file or voice note.
    Audio(Media),
    /// A file.
    Document(Media),
    /// A sticker.
    Sticker(Media),
    /// A place.
    Location(Location),
    /// Asks the person to share a place.
    LocationRequest {
        /// The text above the button.
        text: String,
    },
    /// Contact cards, as the vendor's address-book objects.
    Contacts {
        /// The cards: `name.formatted_name`, `phones[]`, `emails[]`, …
        contacts: Vec<Value>,
    },
    /// A reaction to another message.
    Reaction {
        /// The vendor's id of the message reacted to (in the API: our message id or the vendor's).
        target: String,
        /// The emoji; absent when the reaction is taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        emoji: Option<String>,
    },
    /// What the person picked from buttons or a list.
    Choice {
        /// The id (payload) that was sent with the button or row.
        id: String,
        /// The label that the person saw.
        title: String,
        /// The row's second line, if it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    /// A text with up to a few reply buttons.
    Buttons {
        /// The text above the buttons.
        text: String,
        /// The buttons, in order.
        buttons: Vec<Button>,
        /// A line or medium above the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        /// A small line below the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<String>,
    },
    /// A text with a list of rows to pick from.
    List {
        /// The text above the list.
        text: String,
        /// The label of the button that opens the list.
        button: String,
        /// The rows by section, in order.
        sections: Vec<Section>,
        /// A line above the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        /// A small line below the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<String>,
    },
    /// A text with one button that opens a link.
    Link {
        /// The text above the button.
        text: String,
        /// The button's label.
        label: String,
        /// The http(s) address it opens.
        url: String,
        /// A line or medium above the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        /// A small line below the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<String>,
    },
    /// An approved template of the vendor.
    Template(Template),
    /// A mail.
    Email(Email),
    /// Several contents that are one message, such as a text with several files.
    Multipart {
        /// The parts, in order; none of them has parts of its own. They go out as one message where the channel can,
        /// else one after the other.
        #[schema(no_recursion)]
        parts: Vec<Content>,
    },
    /// A filled-in form of the vendor.
    Form {
        /// The form's name or kind (`flow`, `address_message`, …).
        name: String,
        /// The text shown in the chat.
        text: String,
        /// The answers: the parsed object, or a string when the vendor's text was no JSON.
        response: Value,
    },
    /// A shopping cart.
    Order {
        /// The catalogue it was ordered from.
        catalog_id: String,
        /// A note by the person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// The items as the vendor gave them (numbers or strings, unjudged).
        items: Vec<Value>,
    },
    /// Not written by the person: the vendor or the gateway says something about the conversation.
    System {
        /// The vendor's word for it.
        kind: String,
        /// A readable sentence.
        text: String,
    },
    /// Something that the channel cannot read; shown as such, never dropped.
    Unsupported {
        /// The vendor's word for it, if it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// The vendor's object, as it came.
        raw: Value,
    },
}

/// A file within a message. Inbound it has a vendor `id` or `url`; outbound one of `id`, `url` or `file_id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Media {
    /// The vendor's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A link: outbound the vendor fetches it; inbound it is the vendor's own and needs its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Our stored file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// MIME type with its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// SHA-256 as lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// File name without path, control or direction characters, at most 240 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Within a mail: by which name its HTML shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// Text below the medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// A voice note.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voice: bool,
    /// An animated sticker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub animated: bool,
}

/// A place on earth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Name of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A reply button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Button {
    /// Comes back in the [`Content::Choice`].
    pub id: String,
    /// The label.
    pub title: String,
}

/// Rows under a heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Section {
    /// The heading; needed when there is more than one section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The rows, in order.
    pub rows: Vec<Row>,
}

/// A row to pick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Row {
    /// Comes back in the [`Content::Choice`].
    pub id: String,
    /// The label.
    pub title: String,
    /// A second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What stands above an interactive message's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Header {
    /// A line of text.
    Text {
        /// The line.
        text: String,
    },
    /// A picture.
    Image(Media),
    /// A film.
    Video(Media),
    /// A file.
    Document(Media),
}

/// An approved template with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Template {
    /// Name at the vendor.
    pub name: String,
    /// Language code, for example `en_US`.
    pub language: String,
    /// The vendor's component objects with parameters; empty when it has no variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Value>,
}

/// A mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Email {
    /// The subject, decoded; outbound: absent to continue the thread's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What the person wrote: quotes and signature folded away. Never empty.
    pub text: String,
    /// The whole plain text, where `text` is less than all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_text: Option<String>,
    /// HTML: inbound sanitised, without scripts, styles and remote contents; outbound as it shall look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Attachments and inline pictures; an inline one is named by `cid:` and its `content_id` in `html`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Media>,
    /// A machine wrote it (an automatic answer, a list, a bounce): the word of the header that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<String>,
    /// Whether the sender's domain vouches for it (DMARC, else DKIM or SPF), as the receiving server judged; absent
    /// when nobody judged. What is not vouched for proves no identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<bool>,
}

impl Content {
    /// Text content without a link preview.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), preview_url: false }
    }

    /// What one message says in these parts; `None` where there are none.
    #[must_use]
    pub fn of_parts(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() > 1 { Some(Self::Multipart { parts }) } else { parts.pop() }
    }

    /// The file within, if there is one.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(media)
            | Self::Video(media)
            | Self::Audio(media)
            | Self::Document(media)
            | Self::Sticker(media) => Some(media),
            _ => None,
        }
    }

    /// All files within.
    pub fn all_media(&self) -> impl Iterator<Item = &Media> {
        let (attached, parts): (&[Media], &[Self]) = match self {
            Self::Email(mail) => (&mail.attachments, &[]),
            Self::Multipart { parts } => (&[], parts),
            _ => (&[], &[]),
        };
        self.media().into_iter().chain(attached).chain(parts.iter().filter_map(Self::media))
    }

    /// All files within, to change.
    pub fn all_media_mut(&mut self) -> Vec<&mut Media> {
        match self {
            Self::Email(mail) => mail.attachments.iter_mut().collect(),
            Self::Multipart { parts } => parts.iter_mut().filter_map(Self::media_mut).collect(),
            other => other.media_mut().into_iter().collect(),
        }
    }

    /// The file within, to change.
    pub fn media_mut(&mut self) -> Option<&mut Media> {
        match self {
            Self::Image(media)
            | Self::Video(media)
            | Self::Audio(media)
            | Self::Document(media)
            | Self::Sticker(media) => Some(media),
            _ => None,
        }
    }

    /// The tag, as it stands in `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Document(_) => "document",
            Self::Sticker(_) => "sticker",
            Self::Location(_) => "location",
            Self::LocationRequest { .. } => "location_request",
            Self::Contacts { .. } => "contacts",
            Self::Reaction { .. } => "reaction",
            Self::Choice { .. } => "choice",
            Self::Buttons { .. } => "buttons",
            Self::List { .. } => "list",
            Self::Link { .. } => "link",
            Self::Template(_) => "template",
            Self::Email(_) => "email",
            Self::Multipart { .. } => "multipart",
            Self::Form { .. } => "form",
            Self::Order { .. } => "order",
            Self::System { .. } => "system",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}
