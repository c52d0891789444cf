//! What hangs on a message: files, places, and things that somebody shared. A file that cannot be fetched, and a type
//! that nobody knows, stay visible as unsupported.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::contract::content::{Content, Location, Media};
use crate::meta::display::{clean, filename, line, link};
use crate::meta::messaging::wire;
use crate::meta::{self, Raw};

/// Longest title that is taken over, in characters.
const LONGEST_TITLE: usize = 500;
/// Longest word of the vendor that is repeated, in characters.
const LONGEST_WORD: usize = 64;

/// One attachment.
pub(super) struct Part {
    pub(super) content: Content,
    /// What was shared, as the vendor described it.
    pub(super) shared: Option<Value>,
    /// The link whose preview it is.
    pub(super) preview: Option<String>,
}

impl Part {
    fn plain(content: Content) -> Self {
        Self { content, shared: None, preview: None }
    }
}

/// Reads the attachments of a message, one by one. For a while the vendor sent each sticker twice, as a sticker and as
/// an image; it is one.
pub(super) fn read(raw: Raw<'_>, ours: bool) -> Vec<Part> {
    let mut stickers = HashSet::new();
    let mut parts = Vec::new();
    for raw in meta::list(raw).into_iter().flatten() {
        let attachment: wire::Attachment<'_> = meta::object(Some(raw)).unwrap_or_default();
        let payload: wire::Payload<'_> = meta::object(attachment.payload).unwrap_or_default();
        let sticker = meta::identity(payload.sticker_id);
        if sticker.is_none_or(|sticker| stickers.insert(sticker)) {
            parts.push(part(raw, &attachment, &payload, ours));
        }
    }
    parts
}

fn part(raw: &RawValue, attachment: &wire::Attachment<'_>, payload: &wire::Payload<'_>, ours: bool) -> Part {
    let kind = meta::text(attachment.kind).unwrap_or_default();
    let known = match kind.as_ref() {
        "image" if payload.sticker_id.is_some() => file(payload).map(Content::Sticker).map(Part::plain),
        "image" => file(payload).map(Content::Image).map(Part::plain),
        "audio" => file(payload).map(Content::Audio).map(Part::plain),
        "video" => file(payload).map(Content::Video).map(Part::plain),
        "sticker" => file(payload).map(Content::Sticker).map(Part::plain),
        "file" => file(payload).map(|media| Part::plain(Content::Document(named(media)))),
        "location" => location(attachment, payload).map(Part::plain),
        "fallback" => fallback(attachment, payload),
        "template" => template(attachment, payload),
        "reel" | "ig_reel" => shared(&kind, "Shared a reel", "Reel", payload.url, attachment, payload),
        "post" | "ig_post" | "share" => shared(&kind, "Shared a post", "Post", payload.url, attachment, payload),
        "story" | "ig_story" => {
            shared(&kind, "Shared a story", "Story", payload.story_media_url.or(payload.url), attachment, payload)
        }
        // The vendor forbids to keep the story itself, so it is a link and no file.
        "story_mention" => {
            let words = if ours { "Mentioned them in a story" } else { "Mentioned us in a story" };
            shared(&kind, words, "Story", payload.url, attachment, payload)
        }
        "appointment_booking" => attachment.payload.map(|raw| Part::plain(appointment(payload, raw))),
        _ => None,
    };
    known.unwrap_or_else(|| {
        let kind = clean(&kind, LONGEST_WORD);
        Part::plain(Content::Unsupported { kind, raw: meta::keep(raw) })
    })
}

fn file(payload: &wire::Payload<'_>) -> Option<Media> {
    Some(Media { url: Some(link(payload.url)?), ..Media::default() })
}

/// The name that a file's address ends in, where it looks like one.
fn named(media: Media) -> Media {
    let url = media.url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let last = url.as_ref().and_then(|url| url.path_segments()?.next_back());
    let decoded = last.map(|last| percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned());
    let filename = decoded.and_then(|name| filename(&name)).filter(|name| name.contains('.'));
    Media { filename, ..media }
}

fn title(attachment: &wire::Attachment<'_>, payload: &wire::Payload<'_>) -> Option<String> {
    line(payload.title, LONGEST_TITLE).or_else(|| line(attachment.title, LONGEST_TITLE))
}

fn location(attachment: &wire::Attachment<'_>, payload: &wire::Payload<'_>) -> Option<Content> {
    let wire: wire::Coordinates<'_> = meta::object(payload.coordinates)?;
    Some(Content::Location(Location {
        latitude: meta::number(wire.lat).filter(|degrees| (-90.0..=90.0).contains(degrees))?,
        longitude: meta::number(wire.long).filter(|degrees| (-180.0..=180.0).contains(degrees))?,
        name: title(attachment, payload),
        address: None,
        url: link(attachment.url),
    }))
}

/// The preview of a link.
fn fallback(attachment: &wire::Attachment<'_>, payload: &wire::Payload<'_>) -> Option<Part> {
    let url = link(payload.url).or_else(|| link(attachment.url))?;
    let text = title(attachment, payload).unwrap_or_else(|| "Shared a link".to_owned());
    let content = Content::Link { text, label: "Link".to_owned(), url: url.clone(), header: None, footer: None };
    Some(Part { preview: Some(url), ..Part::plain(content) })
}

/// Something of the vendor's own that somebody shared.
fn shared(
    kind: &str,
    words: &str,
    label: &str,
    url: Raw<'_>,
    attachment: &wire::Attachment<'_>,
    payload: &wire::Payload<'_>,
) -> Option<Part> {
    let url = link(url)?;
    let text = match title(attachment, payload) {
        Some(title) => format!("{words}: {title}"),
        None => words.to_owned(),
    };
    let content = Content::Link { text, label: label.to_owned(), url, header: None, footer: None };
    let shared = attachment.payload.map(|raw| json!({ kind: meta::keep(raw) }));
    Some(Part { shared, ..Part::plain(content) })
}

/// A shared product, or a card that another tool of ours sent, in words.
fn template(attachment: &wire::Attachment<'_>, payload: &wire::Payload<'_>) -> Option<Part> {
    let product: wire::Product<'_> = meta::object(payload.product).unwrap_or_default();
    let mut lines: Vec<String> =
        meta::filled(payload.text).or_else(|| title(attachment, payload)).into_iter().collect();
    for raw in meta::list(product.elements.or(payload.elements)).into_iter().flatten() {
        let card: wire::Card<'_> = meta::object(Some(raw)).unwrap_or_default();
        let words = [card.title, card.subtitle].into_iter().filter_map(|raw| line(raw, LONGEST_TITLE));
        lines.push(words.collect::<Vec<_>>().join(", "));
    }
    for raw in meta::list(payload.buttons).into_iter().flatten() {
        let button: wire::Button<'_> = meta::object(Some(raw)).unwrap_or_default();
        let words = line(button.title, LONGEST_TITLE).into_iter().chain(link(button.url));
        lines.push(words.collect::<Vec<_>>().join(": "));
    }
    lines.retain(|line| !line.trim().is_empty());
    let shared = payload.product.map(|raw| json!({ "product": meta::keep(raw) }));
    (!lines.is_empty()).then(|| Part { shared, ..Part::plain(Content::text(lines.join("\n"))) })
}

fn appointment(payload: &wire::Payload<'_>, raw: &RawValue) -> Content {
    let text = match line(payload.status, LONGEST_WORD) {
        Some(status) => format!("Appointment: {status}"),
        None => "Appointment".to_owned(),
    };
    Content::Form { name: "appointment_booking".to_owned(), text, response: meta::keep(raw) }
}
