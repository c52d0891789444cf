//! Vendor bytes to our events and back: pure functions over bytes, no async, no clock, no I/O.
//!
//! `contract` is the vocabulary; each channel is a folder with the same six files.

mod complaint;
pub mod contract;
pub mod email;
mod meta;
pub mod whatsapp;

use serde::{Deserialize, Serialize};

use contract::capabilities::{
    ButtonRule, Capabilities, ListRule, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule,
};
use contract::vendor::Protocol;

/// The kinds of channel that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// WhatsApp Cloud API.
    Whatsapp,
    /// Mail: received by HTTP or from a mailbox, sent by SMTP.
    Email,
    /// Our own web widget: no vendor, messages travel over our socket.
    Widget,
    /// Our own HTTP API: no vendor, the answer travels in the response.
    Api,
}

impl Kind {
    /// The word used in addresses, settings and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Email => "email",
            Self::Widget => "widget",
            Self::Api => "api",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Whatsapp, Self::Email, Self::Widget, Self::Api].into_iter().find(|kind| kind.as_str() == word)
    }

    /// The vendor's rules; none for what is our own.
    #[must_use]
    pub const fn protocol(self) -> Option<&'static Protocol> {
        match self {
            Self::Whatsapp => Some(&whatsapp::PROTOCOL),
            Self::Email => Some(&email::PROTOCOL),
            Self::Widget | Self::Api => None,
        }
    }
}

/// What our own channels can carry.
pub const OURS: Capabilities = Capabilities {
    text: TextRule { limit: 65_536, unit: Unit::Characters },
    buttons: Some(ButtonRule { most: 10, title_limit: 100, text_limit: 65_536 }),
    list: Some(ListRule { most: 100, title_limit: 100, description_limit: 200, text_limit: 65_536 }),
    link_buttons: true,
    media: &[
        anything(MediaKind::Image),
        anything(MediaKind::Video),
        anything(MediaKind::Audio),
        anything(MediaKind::Document),
        anything(MediaKind::Sticker),
    ],
    media_by: MediaBy::Attachment,
    location: true,
    contacts: true,
    templates: false,
    reactions: true,
    replies: true,
    typing: true,
    seen: true,
    receipts: true,
    window: WindowRule::None,
};

const fn anything(kind: MediaKind) -> MediaRule {
    MediaRule { kind, types: &[], most_bytes: 100 * 1024 * 1024, caption_limit: 65_536 }
}
