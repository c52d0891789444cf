//! Instagram's direct messages, and how a channel of it is set up: by Instagram login, or through the Facebook Page that
//! the account is connected with. The settings tell which: the second names the Page.

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
use crate::contract::vendor::Problem;
use crate::meta::messaging::Product;
pub use crate::meta::messaging::access::Access;
use crate::meta::settings::{digits, is_digits, optional_digits};
pub use vendor::PROTOCOL;

const MEGABYTE: u64 = 1024 * 1024;
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Where the vendor's API is for accounts by Instagram login.
const LOGIN_HOST: &str = "https://graph.instagram.com";
/// Where it is for accounts that are reached through their Page.
const PAGE_HOST: &str = "https://graph.facebook.com";
/// Where the vendor keeps files and pictures.
const MEDIA_HOSTS: [&str; 3] = ["lookaside.fbsbx.com", "*.fbcdn.net", "*.cdninstagram.com"];

/// How Instagram differs from its sibling.
static PRODUCT: Product = Product {
    name: "Instagram",
    object: "instagram",
    account_prefix: Some("17841"),
    capabilities: Capabilities {
        text: TextRule { limit: 1_000, unit: Unit::Bytes },
        buttons: Some(ButtonRule { most: 13, title_limit: 20, text_limit: 1_000 }),
        list: Some(ListRule { most: 9, title_limit: 20, description_limit: 80, text_limit: 80 }),
        link_buttons: true,
        media: &[
            MediaRule {
                kind: MediaKind::Image,
                types: &["image/png", "image/jpeg"],
                most_bytes: 8 * MEGABYTE,
                caption_limit: 0,
            },
            MediaRule {
                kind: MediaKind::Video,
                types: &["video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm"],
                most_bytes: 25 * MEGABYTE,
                caption_limit: 0,
            },
            MediaRule {
                kind: MediaKind::Audio,
                types: &["audio/aac", "audio/mp4", "audio/x-m4a", "audio/m4a", "audio/wav", "audio/x-wav"],
                most_bytes: 25 * MEGABYTE,
                caption_limit: 0,
            },
            MediaRule {
                kind: MediaKind::Document,
                types: &["application/pdf"],
                most_bytes: 25 * MEGABYTE,
                caption_limit: 0,
            },
        ],
        media_by: MediaBy::Link,
        location: false,
        contacts: false,
        templates: false,
        reactions: true,
        replies: true,
        typing: true,
        seen: true,
        receipts: true,
        threads: false,
        window: WindowRule::SinceLastInbound { length_ms: 24 * HOUR_MS, human_length_ms: Some(7 * 24 * HOUR_MS) },
    },
    tracks: false,
    keeps_files: false,
};

/// How one Instagram account is reached. Absent members take their default, so that [`Settings::problems`] can name
/// every problem at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The professional account's id as deliveries name it, digits, mostly `17841…`.
    #[serde(deserialize_with = "digits")]
    pub account_id: String,
    /// The id of the Facebook Page that the account is reached through, digits; absent with Instagram login.
    #[serde(deserialize_with = "optional_digits", skip_serializing_if = "Option::is_none")]
    pub page_id: Option<String>,
    /// What both products have.
    #[serde(flatten)]
    pub access: Access,
}

impl Settings {
    /// Names every setting that cannot work; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let checks = [
            (is_digits(&self.account_id), "account_id", "the Instagram account's id: 1 to 32 digits"),
            (self.page_id.as_deref().is_none_or(is_digits), "page_id", "the Page's id: 1 to 32 digits"),
        ];
        let bad = checks.into_iter().filter(|(sound, ..)| !sound);
        bad.map(|(_, field, expected)| Problem { field, expected }).chain(self.access.problems()).collect()
    }

    /// Where the vendor's API is for this account.
    const fn host(&self) -> &'static str {
        if self.page_id.is_some() { PAGE_HOST } else { LOGIN_HOST }
    }
}
