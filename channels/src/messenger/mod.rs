//! Messenger: the messages of a Facebook Page, and how a channel of it is set up.
//!
//! People are known by a page-scoped id. Guests of a plugin, and who ticked a checkbox, have only a reference until
//! they write: it is kept as [`IdentityKind::UserId`](crate::contract::peer::IdentityKind::UserId).

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
use crate::meta::settings::{digits, is_digits};
pub use vendor::PROTOCOL;

const MEGABYTE: u64 = 1024 * 1024;
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Where the vendor's API is.
const HOST: &str = "https://graph.facebook.com";
/// Where the vendor keeps files and pictures.
const MEDIA_HOSTS: [&str; 3] = ["cdn.fbsbx.com", "*.fbcdn.net", "lookaside.fbsbx.com"];

/// How Messenger differs from its sibling.
static PRODUCT: Product = Product {
    name: "Messenger",
    object: "page",
    account_prefix: None,
    capabilities: Capabilities {
        text: TextRule { limit: 2_000, unit: Unit::Characters },
        buttons: Some(ButtonRule { most: 13, title_limit: 20, text_limit: 2_000 }),
        list: Some(ListRule { most: 9, title_limit: 20, description_limit: 80, text_limit: 80 }),
        link_buttons: true,
        media: &[
            MediaRule {
                kind: MediaKind::Image,
                types: &["image/png", "image/jpeg", "image/gif"],
                most_bytes: 8 * MEGABYTE,
                caption_limit: 0,
            },
            MediaRule { kind: MediaKind::Video, types: &[], most_bytes: 25 * MEGABYTE, caption_limit: 0 },
            MediaRule { kind: MediaKind::Audio, types: &[], most_bytes: 25 * MEGABYTE, caption_limit: 0 },
            MediaRule { kind: MediaKind::Document, types: &[], most_bytes: 25 * MEGABYTE, caption_limit: 0 },
        ],
        media_by: MediaBy::Link,
        location: false,
        contacts: false,
        templates: false,
        reactions: false,
        replies: true,
        typing: true,
        seen: true,
        receipts: true,
        threads: false,
        window: WindowRule::SinceLastInbound { length_ms: 24 * HOUR_MS, human_length_ms: Some(7 * 24 * HOUR_MS) },
    },
    tracks: true,
    keeps_files: true,
};

/// How one Page is reached. Absent members take their default, so that [`Settings::problems`] can name every problem at
/// once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The Page's id, digits.
    #[serde(deserialize_with = "digits")]
    pub page_id: String,
    /// What both products have.
    #[serde(flatten)]
    pub access: Access,
}

impl Settings {
    /// Names every setting that cannot work; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let page = Problem { field: "page_id", expected: "the Page's id: 1 to 32 digits" };
        let page = (!is_digits(&self.page_id)).then_some(page);
        page.into_iter().chain(self.access.problems()).collect()
    }
}
