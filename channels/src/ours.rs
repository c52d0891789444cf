//! Our own channels, the widget and the API, as a [`Vendor`]: they carry everything and have nobody to call.

use crate::contract::capabilities::{
    ButtonRule, Capabilities, ListRule, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule,
};
use crate::contract::failure::Failure;
use crate::contract::inbound::Parsed;
use crate::contract::outbound::Outbound;
use crate::contract::request::Dispatch;
use crate::contract::vendor::{Acknowledgement, Addressees, Delivery, Problem, Protocol, Untaken, Vendor};

/// Our own channels; their settings are the gateway's affair.
pub const PROTOCOL: Protocol = Protocol {
    settings: &[],
    rotating: &[],
    read: |_| Ok(Box::new(Ours)),
    addressees: |_| Addressees { accounts: Vec::new(), businesses: Vec::new() },
    share: None,
    acknowledgement: Acknowledgement { content_type: "text/plain", body: "" },
    delivers_by_get: false,
    largest_delivery: 0,
};

const CAPABILITIES: Capabilities = Capabilities {
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
    threads: false,
    window: WindowRule::None,
};

const fn anything(kind: MediaKind) -> MediaRule {
    MediaRule { kind, types: &[], most_bytes: 100 * 1024 * 1024, caption_limit: 65_536 }
}

/// A channel without a vendor.
#[derive(Debug, Clone, Copy)]
struct Ours;

impl Vendor for Ours {
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn account(&self) -> Option<String> {
        None
    }

    fn verifies(&self, _delivery: &Delivery<'_>) -> bool {
        false
    }

    fn take(&self, _delivery: &Delivery<'_>) -> Result<Parsed, Untaken> {
        Err(Untaken::Unverified)
    }

    fn take_again(&self, _delivery: &Delivery<'_>) -> Result<Parsed, String> {
        Err("this channel has no vendor that delivers".to_owned())
    }

    fn render(&self, _outbound: &Outbound<'_>) -> Result<Dispatch, Failure> {
        Err(Failure::content("INVALID_CONTENT", "this channel has no vendor to call"))
    }
}
