//! Vendor bytes to our events and back: pure functions over bytes, no async, no clock, no I/O.
//!
//! `contract` is the vocabulary; each channel is a folder with the same six files. What the channels of one vendor share
//! stands beside them, in a folder of the vendor's name.

pub mod contract;
pub mod email;
pub mod instagram;
pub mod messenger;
mod meta;
mod ours;
pub mod telegram;
pub mod twilio;
pub mod whatsapp;

use serde::{Deserialize, Serialize};

use contract::vendor::Protocol;

/// A kind of channel is one line here: its name, the word for it in addresses, settings and the store, and its rules.
macro_rules! kinds {
    ($($(#[$about:meta])* $kind:ident, $word:tt, $protocol:expr;)+) => {
        /// The kinds of channel that exist.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum Kind {
            $($(#[$about])* #[serde(rename = $word)] $kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The word used in addresses, settings and the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word),+ }
            }

            /// The rules of its vendor.
            #[must_use]
            pub const fn protocol(self) -> &'static Protocol {
                match self { $(Self::$kind => &$protocol),+ }
            }
        }
    };
}

kinds! {
    /// WhatsApp Cloud API.
    Whatsapp, "whatsapp", whatsapp::PROTOCOL;
    /// Direct messages of an Instagram account.
    Instagram, "instagram", instagram::PROTOCOL;
    /// Messages of a Facebook Page.
    Messenger, "messenger", messenger::PROTOCOL;
    /// SMS, MMS and WhatsApp through Twilio.
    Twilio, "twilio", twilio::PROTOCOL;
    /// Chats of a Telegram bot.
    Telegram, "telegram", telegram::PROTOCOL;
    /// Mail: received by HTTP or from a mailbox, sent by SMTP.
    Email, "email", email::PROTOCOL;
    /// Our own web widget: no vendor, messages travel over our socket.
    Widget, "widget", ours::PROTOCOL;
    /// Our own HTTP API: no vendor, the answer travels in the response.
    Api, "api", ours::PROTOCOL;
}

impl Kind {
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
}
