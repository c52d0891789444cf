//! Telegram: the chats of a bot, and how a channel of it is set up.
//!
//! People are known by their id, which is the id of their chat with the bot, too; groups and channels by the id of the
//! chat. A message is counted within its chat only, so its id here is `chat:message`.

pub mod outcome;
pub mod parse;
pub mod render;
mod vendor;
pub mod verify;
mod wire;

use serde::{Deserialize, Serialize};

use crate::contract::capabilities::{
    ButtonRule, Capabilities, ListRule, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule,
};
use crate::contract::credentials::Secret;
use crate::contract::vendor::Problem;
use crate::meta::settings::{is_base, one_or_many};
pub use vendor::PROTOCOL;

const DEFAULT_BASE_URL: &str = "https://api.telegram.org";
const KILOBYTE: u64 = 1024;
const MEGABYTE: u64 = 1024 * KILOBYTE;
/// Longest text of one message, in UTF-16 units.
const LONGEST_TEXT: usize = 4_096;
/// Longest caption, in characters.
const LONGEST_CAPTION: usize = 1_024;
/// Longest label of a button that a phone shows in one line, in characters.
const LONGEST_TITLE: usize = 64;
/// Longest id of a button, in bytes.
const LONGEST_CHOICE_ID: usize = 64;
/// What stands before the id of a pressed button, which is no message.
const CALLBACK: &str = "callback:";

/// What every bot can carry. The vendor fetches files itself, and takes less of what it fetches than of what is
/// uploaded to it.
const CAPABILITIES: Capabilities = Capabilities {
    text: TextRule { limit: LONGEST_TEXT, unit: Unit::Utf16 },
    buttons: Some(ButtonRule { most: 20, title_limit: LONGEST_TITLE, text_limit: LONGEST_CAPTION }),
    list: Some(ListRule { most: 20, title_limit: LONGEST_TITLE, description_limit: 72, text_limit: LONGEST_CAPTION }),
    link_buttons: true,
    media: &[
        file(MediaKind::Image, &["image/jpeg", "image/png", "image/webp", "image/gif"], 5 * MEGABYTE, LONGEST_CAPTION),
        file(MediaKind::Video, &["video/mp4"], 20 * MEGABYTE, LONGEST_CAPTION),
        file(
            MediaKind::Audio,
            &["audio/mpeg", "audio/mp3", "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/ogg"],
            20 * MEGABYTE,
            LONGEST_CAPTION,
        ),
        file(MediaKind::Document, &["application/pdf", "application/zip"], 20 * MEGABYTE, LONGEST_CAPTION),
        file(MediaKind::Sticker, &["image/webp"], 512 * KILOBYTE, 0),
    ],
    media_by: MediaBy::Link,
    location: true,
    contacts: true,
    templates: false,
    reactions: true,
    replies: true,
    typing: true,
    seen: false,
    receipts: false,
    threads: false,
    window: WindowRule::None,
};

const fn file(kind: MediaKind, types: &'static [&'static str], most_bytes: u64, caption_limit: usize) -> MediaRule {
    MediaRule { kind, types, most_bytes, caption_limit }
}

/// How one bot is reached. Absent members take their default, so that [`Settings::problems`] can name every problem at
/// once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The token that `BotFather` gave: the bot's id, a colon and a secret.
    pub bot_token: Secret,
    /// The words by which deliveries prove themselves, all of them accepted. Also read from `secret_token` and a single
    /// string.
    #[serde(alias = "secret_token", deserialize_with = "one_or_many")]
    pub secret_tokens: Vec<Secret>,
    /// Where the API is.
    pub base_url: String,
    /// The public address of our callback, against which the vendor's is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_callback: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bot_token: Secret::new(""),
            secret_tokens: Vec::new(),
            base_url: DEFAULT_BASE_URL.to_owned(),
            status_callback: None,
        }
    }
}

impl Settings {
    /// The bot's id: what stands before the colon of its token.
    #[must_use]
    pub fn bot_id(&self) -> Option<&str> {
        let (id, _) = self.bot_token.reveal().split_once(':')?;
        ((1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
    }

    /// Names every setting that cannot work; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let secret = self.bot_token.reveal().split_once(':').map_or("", |(_, secret)| secret);
        let callback = self.status_callback.as_deref();
        let words = &self.secret_tokens;
        let checks = [
            (
                self.bot_id().is_some() && is_word(secret),
                "bot_token",
                "the bot's token: its id in digits, a colon, and letters, digits, _ and -",
            ),
            (
                !words.is_empty() && words.iter().all(|word| word.reveal().len() <= 256 && is_word(word.reveal())),
                "secret_token",
                "1 to 256 letters, digits, _ and -, the same as secret_token of setWebhook",
            ),
            (is_base(&self.base_url), "base_url", "an http or https address without query, fragment and user"),
            (callback.is_none_or(is_base), "status_callback", "the public address of this channel's callback"),
        ];
        let bad = checks.into_iter().filter(|(sound, ..)| !sound);
        bad.map(|(_, field, expected)| Problem { field, expected }).collect()
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The id of a message within a chat, as it is unique within the account.
fn message_id(chat: i64, message: i64) -> String {
    format!("{chat}:{message}")
}

/// The chat and the message that such an id names; nothing for the ids of what is no message.
fn message_of(id: &str) -> Option<(i64, i64)> {
    let (chat, message) = id.split_once(':')?;
    Some((chat.parse().ok()?, message.parse().ok()?))
}
