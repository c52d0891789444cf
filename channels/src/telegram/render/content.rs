//! Our content as a call of the Bot API. What Telegram cannot carry is refused with the field's name.

use serde_json::{Value, json};

use super::{CAPABILITIES, Call, choices};
use crate::contract::capabilities::Capabilities;
use crate::contract::content::{Content, Location, Media};
use crate::contract::failure::Failure;
use crate::contract::fitting::options;
use crate::meta::limits::{self, invalid};
use crate::telegram::{LONGEST_CAPTION, LONGEST_CHOICE_ID};

/// Longest part of a contact's name, in characters.
const LONGEST_NAME: usize = 64;
/// The label of the button by which a person shares where they are.
const SHARE: &str = "Share location";
/// The label of the button that opens a place's page.
const OPEN: &str = "Open";

/// What this channel carries of such content, there: cards one at a time and with a number, buttons with short ids,
/// and the question where somebody is not in groups. The rest goes in words.
pub(super) fn carried(content: &Content, shared: bool) -> Capabilities {
    let mut carried = CAPABILITIES;
    if let Content::Contacts { contacts } = content {
        carried.contacts = contacts.len() == 1 && contacts.iter().all(|card| phone(card).is_some());
    }
    if matches!(content, Content::LocationRequest { .. }) {
        carried.location = !shared;
    }
    if options(content).iter().any(|(id, _)| id.len() > LONGEST_CHOICE_ID) {
        (carried.buttons, carried.list) = (None, None);
    }
    carried
}

/// Renders content as a method and what it is told, but for the chat.
pub(super) fn render(content: &Content) -> Result<Call, Failure> {
    match content {
        Content::Text { text, preview_url } => {
            let call = self::text(text)?;
            Ok(call.with("link_preview_options", json!({ "is_disabled": !preview_url })))
        }
        Content::Image(media) => picture(media),
        Content::Video(media) => file("sendVideo", "video", media, true),
        Content::Audio(media) => sound(media),
        Content::Document(media) => file("sendDocument", "document", media, true),
        Content::Sticker(media) => file("sendSticker", "sticker", media, false),
        Content::Location(place) => self::place(place),
        Content::LocationRequest { text } => {
            let button = json!([[{ "text": SHARE, "request_location": true }]]);
            let keyboard = json!({ "keyboard": button, "one_time_keyboard": true, "resize_keyboard": true });
            Ok(self::text(text)?.with("reply_markup", keyboard))
        }
        Content::Contacts { contacts } => card(contacts),
        Content::Buttons { .. } | Content::List { .. } | Content::Link { .. } => choices::render(content),
        Content::Template(_)
        | Content::Reaction { .. }
        | Content::Choice { .. }
        | Content::Email(_)
        | Content::Multipart { .. }
        | Content::Form { .. }
        | Content::Order { .. }
        | Content::System { .. }
        | Content::Unsupported { .. } => {
            Err(invalid("type", &format!("must be another: Telegram carries no {}", content.kind())))
        }
    }
}

/// A plain text, checked.
pub(super) fn text(text: &str) -> Result<Call, Failure> {
    limits::within("text", text, CAPABILITIES.text)?;
    Ok(Call::new("sendMessage", json!({ "text": text })))
}

/// A picture; a moving one has a method of its own.
pub(super) fn picture(media: &Media) -> Result<Call, Failure> {
    match media.mime_type.as_deref() {
        Some("image/gif") => file("sendAnimation", "animation", media, true),
        _ => file("sendPhoto", "photo", media, true),
    }
}

fn sound(media: &Media) -> Result<Call, Failure> {
    let ogg = media.mime_type.as_deref().is_some_and(|mime| mime.starts_with("audio/ogg"));
    // The music player takes MP3 and M4A only.
    if media.voice || ogg { file("sendVoice", "voice", media, true) } else { file("sendAudio", "audio", media, true) }
}

/// A file that the vendor has, or fetches.
pub(super) fn file(
    method: &'static str,
    member: &'static str,
    media: &Media,
    captioned: bool,
) -> Result<Call, Failure> {
    let source = match (media.id.as_deref(), media.url.as_deref()) {
        (Some(id), _) => id,
        (None, Some(url)) => {
            limits::web("url", url)?;
            url
        }
        (None, None) => return Err(invalid("url", "or id must be there")),
    };
    let call = Call::new(method, json!({ member: source }));
    let caption = media.caption.as_deref().filter(|caption| captioned && !caption.trim().is_empty());
    let Some(caption) = caption else { return Ok(call) };
    limits::short("caption", caption, LONGEST_CAPTION)?;
    Ok(call.with("caption", json!(caption)))
}

fn place(place: &Location) -> Result<Call, Failure> {
    let point = json!({ "latitude": place.latitude, "longitude": place.longitude });
    if place.latitude.abs() > 90.0 || place.longitude.abs() > 180.0 {
        return Err(invalid("latitude and longitude", "must name a point on earth"));
    }
    let filled = |words: &Option<String>| words.clone().filter(|words| !words.trim().is_empty());
    let call = match (filled(&place.name), filled(&place.address)) {
        (None, None) => Call::new("sendLocation", point),
        (name, address) => {
            // A venue needs both; the point stands in for an address, and an address for a name.
            let title = name.as_ref().or(address.as_ref()).cloned();
            let address = address.filter(|_| name.is_some());
            let address = address.unwrap_or_else(|| format!("{}, {}", place.latitude, place.longitude));
            Call::new("sendVenue", point).with("title", json!(title)).with("address", json!(address))
        }
    };
    let Some(url) = place.url.as_deref().filter(|url| !url.trim().is_empty()) else { return Ok(call) };
    Ok(call.with("reply_markup", choices::link(OPEN, url)?))
}

fn phone(card: &Value) -> Option<&str> {
    card.pointer("/phones/0/phone").and_then(Value::as_str).filter(|phone| !phone.trim().is_empty())
}

fn card(contacts: &[Value]) -> Result<Call, Failure> {
    let card = contacts.first().ok_or_else(|| invalid("contacts", "must have a card"))?;
    let number = phone(card).ok_or_else(|| invalid("contacts[0].phones[0].phone", "must be there"))?;
    let words = |pointer: &str| {
        let words = card.pointer(pointer).and_then(Value::as_str).filter(|words| !words.trim().is_empty());
        words.map(|words| words.chars().take(LONGEST_NAME).collect::<String>())
    };
    let first = words("/name/first_name").or_else(|| words("/name/formatted_name"));
    let first = first.ok_or_else(|| invalid("contacts[0].name.formatted_name", "must be there"))?;
    let mut call = Call::new("sendContact", json!({ "phone_number": number, "first_name": first }));
    if let Some(last) = words("/name/last_name").filter(|_| words("/name/first_name").is_some()) {
        call = call.with("last_name", json!(last));
    }
    match card.get("vcard").and_then(Value::as_str).filter(|vcard| vcard.len() <= 2_048) {
        Some(vcard) => Ok(call.with("vcard", json!(vcard))),
        None => Ok(call),
    }
}
