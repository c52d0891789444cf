//! What a sender can carry: it depends on what carries its messages.

use super::{Carrier, Settings};
use crate::contract::capabilities::{Capabilities, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule};

const KILOBYTE: u64 = 1024;
const MEGABYTE: u64 = 1024 * KILOBYTE;
/// A text with a file: the same field as a text alone.
const CAPTION: usize = 1_600;
/// WhatsApp's own limit of captions.
const WHATSAPP_CAPTION: usize = 1_024;

/// Pictures are fitted to the phone by the vendor; everything else must be small enough for every carrier.
const MMS: &[MediaRule] = &[
    rule(MediaKind::Image, &["image/jpeg", "image/png", "image/gif"], 5 * MEGABYTE, CAPTION),
    rule(MediaKind::Video, &["video/mp4", "video/3gpp", "video/mpeg", "video/quicktime"], 500 * KILOBYTE, CAPTION),
    rule(
        MediaKind::Audio,
        &["audio/mpeg", "audio/mp4", "audio/ogg", "audio/amr", "audio/3gpp", "audio/basic"],
        500 * KILOBYTE,
        CAPTION,
    ),
    rule(
        MediaKind::Document,
        &["application/pdf", "text/vcard", "text/x-vcard", "text/calendar", "text/csv", "text/plain"],
        500 * KILOBYTE,
        CAPTION,
    ),
];

const WHATSAPP: &[MediaRule] = &[
    rule(MediaKind::Image, &["image/jpeg", "image/png"], 5 * MEGABYTE, WHATSAPP_CAPTION),
    rule(MediaKind::Video, &["video/mp4", "video/3gpp"], 16 * MEGABYTE, WHATSAPP_CAPTION),
    rule(
        MediaKind::Audio,
        &["audio/ogg", "audio/amr", "audio/3gpp", "audio/aac", "audio/mpeg", "audio/mp4"],
        16 * MEGABYTE,
        0,
    ),
    rule(MediaKind::Document, &[], 16 * MEGABYTE, WHATSAPP_CAPTION),
    rule(MediaKind::Sticker, &["image/webp"], 100 * KILOBYTE, 0),
];

const RCS: &[MediaRule] = &[
    rule(MediaKind::Image, &["image/jpeg", "image/png", "image/gif"], 16 * MEGABYTE, CAPTION),
    rule(MediaKind::Video, &["video/mp4", "video/mpeg", "video/quicktime"], 16 * MEGABYTE, CAPTION),
    rule(MediaKind::Document, &["application/pdf"], 16 * MEGABYTE, CAPTION),
];

const fn rule(kind: MediaKind, types: &'static [&'static str], most_bytes: u64, caption_limit: usize) -> MediaRule {
    MediaRule { kind, types, most_bytes, caption_limit }
}

/// What this sender can carry. Buttons and lists exist within approved templates only.
pub(super) fn of(settings: &Settings) -> Capabilities {
    let carrier = settings.carrier();
    let whatsapp = carrier == Carrier::Whatsapp;
    Capabilities {
        text: TextRule { limit: settings.text_limit, unit: Unit::Utf16 },
        buttons: None,
        list: None,
        link_buttons: false,
        media: match carrier {
            Carrier::Whatsapp => WHATSAPP,
            Carrier::Rcs => RCS,
            Carrier::Sms if settings.mms.unwrap_or_else(|| takes_files(settings)) => MMS,
            Carrier::Sms => &[],
        },
        media_by: MediaBy::Link,
        location: whatsapp,
        contacts: false,
        templates: true,
        reactions: false,
        replies: false,
        typing: whatsapp,
        seen: false,
        receipts: true,
        threads: false,
        window: if whatsapp {
            WindowRule::SinceLastInbound { length_ms: 24 * 60 * 60 * 1_000, human_length_ms: None }
        } else {
            WindowRule::None
        },
    }
}

/// MMS exists in North America only; a messaging service turns files into links where there is none.
fn takes_files(settings: &Settings) -> bool {
    match settings.sender.as_deref().map(str::trim) {
        Some(sender) => sender.starts_with("+1") || is_short_code(sender),
        None => settings.messaging_service_sid.is_some(),
    }
}

fn is_short_code(sender: &str) -> bool {
    (5..=6).contains(&sender.len()) && sender.bytes().all(|byte| byte.is_ascii_digit())
}
