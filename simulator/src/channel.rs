//! The channels that are played, each by its one word on every address, in every book and in every rule.

use serde::{Deserialize, Serialize};

/// A channel of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// `WhatsApp` Cloud API.
    Whatsapp,
    /// Facebook Messenger.
    Messenger,
    /// Instagram messaging.
    Instagram,
    /// SMS, MMS and `WhatsApp` by way of Twilio.
    Twilio,
    /// Mail by SMTP.
    Email,
}

impl Channel {
    /// The channel's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Instagram => "instagram",
            Self::Twilio => "twilio",
            Self::Email => "email",
        }
    }
}
