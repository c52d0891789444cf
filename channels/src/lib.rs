//! Vendor bytes to our events and back: pure functions over bytes, no async, no clock, no I/O.
//!
//! `contract` is the vocabulary; each channel is a folder with the same six files.

mod complaint;
pub mod contract;
mod meta;
mod ours;
pub mod twilio;
pub mod whatsapp;

use serde::{Deserialize, Serialize};

use contract::vendor::Protocol;

/// The kinds of channel that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// WhatsApp Cloud API.
    Whatsapp,
    /// SMS, MMS and WhatsApp through Twilio.
    Twilio,
    /// Our own web widget: no vendor, messages travel over our socket.
    Widget,
    /// Our own HTTP API: no vendor, the answer travels in the response.
    Api,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Whatsapp, Self::Twilio, Self::Widget, Self::Api];

    /// The word used in addresses, settings and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Twilio => "twilio",
            Self::Widget => "widget",
            Self::Api => "api",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Whether it is our own: there is no vendor to call.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Widget | Self::Api)
    }

    /// The rules of its vendor.
    #[must_use]
    pub const fn protocol(self) -> &'static Protocol {
        match self {
            Self::Whatsapp => &whatsapp::PROTOCOL,
            Self::Twilio => &twilio::PROTOCOL,
            Self::Widget | Self::Api => &ours::PROTOCOL,
        }
    }
}
