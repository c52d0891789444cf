//! What a message says: the vendor puts a text and up to ten files into one webhook.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::id;
use super::people::clean;
use crate::contract::content::{Content, Location, Media};
use crate::twilio::Carrier;
use crate::twilio::wire::{Fields, MOST_MEDIA, REFERRAL};

/// Longest file name, in characters.
const LONGEST_FILENAME: usize = 240;
/// A text shorter than this is never taken for base64.
const SHORTEST_BASE64: usize = 60;

/// What a webhook's message holds.
pub(super) struct Read {
    pub(super) content: Content,
    /// Fields that promised something that is not there, and why that is so.
    pub(super) lacking: Vec<(String, &'static str)>,
}

/// Reads the content.
pub(super) fn read(carrier: Carrier, fields: &Fields, decode: bool) -> Read {
    let mut lacking = Vec::new();
    let mut body = fields.get("Body").map(|body| decoded(body, decode));
    let mut files = files(carrier, fields, &mut lacking);
    let mut parts = Vec::new();
    if let Some(choice) = choice(fields, body.as_deref()) {
        parts.push(choice);
    } else if let Some(reaction) = reaction(fields, body.as_deref()) {
        parts.push(reaction);
    } else if let Some(place) = location(fields) {
        let known = [place.name.clone(), place.address.clone()];
        parts.push(Content::Location(place));
        let told = body.take().filter(|body| !known.iter().flatten().any(|known| known == body));
        parts.extend(told.map(Content::text));
    } else if let ([file], Some(text)) = (files.as_mut_slice(), &body) {
        describe(carrier, file, text);
    } else {
        parts.extend(body.take().map(Content::text));
    }
    parts.append(&mut files);
    Read { content: Content::of_parts(parts).unwrap_or_else(|| unsupported(fields)), lacking }
}

/// What the vendor tells of the advertisement that brought the person here, by its own names in snake case.
pub(super) fn referral(fields: &Fields) -> Option<Value> {
    let told = fields.iter().filter(|(name, value)| name.starts_with(REFERRAL) && !value.trim().is_empty());
    let told = told.filter_map(|(name, value)| Some((snake(name.strip_prefix(REFERRAL)?), Value::from(value))));
    let told: Map<String, Value> = told.collect();
    // A count of the advertisement's media comes with ordinary messages, too.
    let says_something = told.keys().any(|name| name != "num_media");
    says_something.then_some(Value::Object(told))
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// What the person picked from buttons or a list.
fn choice(fields: &Fields, body: Option<&str>) -> Option<Content> {
    let (payload, label) = [("ButtonPayload", "ButtonText"), ("ListId", "ListTitle")]
        .into_iter()
        .map(|(payload, label)| (fields.get(payload), fields.get(label)))
        .find(|(payload, label)| payload.is_some() || label.is_some())?;
    let title = label.or(body).or(payload)?.to_owned();
    let description = fields.get("ListDescription").filter(|_| fields.get("ListId").is_some()).map(str::to_owned);
    Some(Content::Choice { id: payload.map_or_else(|| title.clone(), str::to_owned), title, description })
}

fn reaction(fields: &Fields, body: Option<&str>) -> Option<Content> {
    fields.get("MessageType").filter(|kind| *kind == "reaction")?;
    let target = fields.get("OriginalRepliedMessageSid").and_then(id)?.to_owned();
    Some(Content::Reaction { target, emoji: body.map(str::to_owned) })
}

fn location(fields: &Fields) -> Option<Location> {
    let degrees = |name: &str, most: f64| {
        let degrees: f64 = fields.get(name)?.trim().parse().ok()?;
        (-most..=most).contains(&degrees).then_some(degrees)
    };
    let words = |name: &str| fields.get(name).map(str::to_owned);
    Some(Location {
        latitude: degrees("Latitude", 90.0)?,
        longitude: degrees("Longitude", 180.0)?,
        name: words("Label"),
        address: words("Address"),
        url: None,
    })
}

/// The files, in order. The count is a hint: what is there is taken.
fn files(carrier: Carrier, fields: &Fields, lacking: &mut Vec<(String, &'static str)>) -> Vec<Content> {
    let announced = fields.get("NumMedia").and_then(|count| count.trim().parse::<usize>().ok()).unwrap_or(0);
    let mut files = Vec::new();
    for index in 0..MOST_MEDIA {
        let name = format!("MediaUrl{index}");
        match fields.get(&name).map(str::trim) {
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                let stated = fields.get(&format!("MediaContentType{index}"));
                files.push(file(carrier, fields, url, stated));
            }
            Some(_) => lacking.push((name, "not an http or https address")),
            None if index < announced => lacking.push((name, "announced, but not there")),
            None => {}
        }
    }
    if announced > MOST_MEDIA {
        lacking.push(("NumMedia".to_owned(), "more files than the vendor carries"));
    }
    files
}

fn file(carrier: Carrier, fields: &Fields, url: &str, stated: Option<&str>) -> Content {
    let mime_type = stated.and_then(|mime| clean(mime, 128)).map(|mime| mime.to_ascii_lowercase());
    let mime = mime_type.clone().unwrap_or_default();
    let whatsapp = carrier == Carrier::Whatsapp;
    let mut media = Media { url: Some(url.to_owned()), mime_type, ..Media::default() };
    let sticker = fields.get("MessageType") == Some("sticker");
    match mime.split('/').next().unwrap_or_default() {
        "image" if sticker => Content::Sticker(media),
        "image" => Content::Image(media),
        "video" => Content::Video(media),
        "audio" => {
            // WhatsApp records in this type; files come in others.
            media.voice = whatsapp && mime.starts_with("audio/ogg");
            Content::Audio(media)
        }
        _ => Content::Document(media),
    }
}

/// Puts the text beside a file where it belongs: WhatsApp gives a document's name as its text.
fn describe(carrier: Carrier, content: &mut Content, text: &str) {
    let document = matches!(content, Content::Document(_));
    let Some(media) = content.media_mut() else { return };
    if document && carrier == Carrier::Whatsapp && is_filename(text) {
        media.filename = Some(text.to_owned());
    } else {
        media.caption = Some(text.to_owned());
    }
}

/// Whether a text is nothing but the name of a file.
fn is_filename(text: &str) -> bool {
    let Some((name, extension)) = text.rsplit_once('.') else { return false };
    !name.trim().is_empty()
        && (1..=5).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !text.contains(['/', '\\'])
        && clean(text, LONGEST_FILENAME).as_deref() == Some(text)
}

fn unsupported(fields: &Fields) -> Content {
    let kind = fields.get("MessageType").and_then(|kind| clean(kind, 64));
    Content::Unsupported { kind, raw: fields.object() }
}

/// The text itself, where some carriers wrap long ones in base64.
fn decoded(body: &str, decode: bool) -> String {
    if !decode || body.len() < SHORTEST_BASE64 || !body.len().is_multiple_of(4) {
        return body.to_owned();
    }
    let decoded = STANDARD.decode(body).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let readable = |text: &String| {
        let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
        text.bytes().filter(plain).count() * 10 >= text.len() * 9 && !text.contains('\0')
    };
    decoded.filter(readable).unwrap_or_else(|| body.to_owned())
}
