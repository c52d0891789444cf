//! Our content as the vendor's typed objects. What WhatsApp cannot carry is refused with the field's name.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::limits::{self, invalid};
use super::{choices, limits::CAPTION, limits::TEXT};
use crate::contract::content::{Content, Location, Media, Template};
use crate::contract::failure::Failure;

/// A vendor object and the name under which it stands.
pub(super) struct Rendered {
    pub(super) kind: &'static str,
    pub(super) object: Value,
}

impl Rendered {
    pub(super) fn new(kind: &'static str, object: Value) -> Self {
        Self { kind, object }
    }

    /// A plain text, checked.
    pub(super) fn text(text: &str, preview_url: bool) -> Result<Self, Failure> {
        limits::text("text", text, TEXT)?;
        let mut object = json!({ "body": text });
        if preview_url && let Some(members) = object.as_object_mut() {
            members.insert("preview_url".to_owned(), json!(true));
        }
        Ok(Self::new("text", object))
    }
}

/// Renders content; groups take text, media and templates only.
pub(super) fn render(content: &Content, group: bool) -> Result<Rendered, Failure> {
    match content {
        Content::Text { text, preview_url } => Rendered::text(text, *preview_url),
        Content::Image(media) => file("image", media),
        Content::Video(media) => file("video", media),
        Content::Audio(media) => file("audio", media),
        Content::Document(media) => file("document", media),
        Content::Sticker(media) => file("sticker", media),
        Content::Template(used) => template(used),
        Content::Buttons { text, buttons, header, footer } => choices::buttons(
            &choices::Frame { text, header: header.as_ref(), footer: footer.as_deref() },
            buttons,
            group,
        ),
        Content::List { text, button, sections, header, footer } => {
            let frame = choices::Frame { text, header: header.as_ref(), footer: footer.as_deref() };
            choices::list(&frame, button, sections, group)
        }
        Content::Link { text, label, url, header, footer } => {
            let frame = choices::Frame { text, header: header.as_ref(), footer: footer.as_deref() };
            choices::link(&frame, label, url, group)
        }
        _ if group => Err(invalid("type", "must be text, a file or a template: groups take nothing else")),
        Content::Location(place) => location(place),
        Content::LocationRequest { text } => choices::location_request(text),
        Content::Contacts { contacts } => cards(contacts),
        Content::Reaction { target, emoji } => {
            limits::text("target", target, 512)?;
            let emoji = emoji.as_deref().unwrap_or_default();
            Ok(Rendered::new("reaction", json!({ "message_id": target, "emoji": emoji })))
        }
        Content::Choice { .. }
        | Content::Email(_)
        | Content::Multipart { .. }
        | Content::Form { .. }
        | Content::Order { .. }
        | Content::System { .. }
        | Content::Unsupported { .. } => {
            Err(invalid("type", &format!("{} only comes in; it cannot be sent", content.kind())))
        }
    }
}

/// The MIME types that the vendor promises to take, and the most bytes of each kind.
fn accepted(kind: &str) -> (&'static [&'static str], u64) {
    match kind {
        "image" => (&["image/jpeg", "image/png"], 5 << 20),
        "video" => (&["video/mp4", "video/3gpp"], 16 << 20),
        "audio" => (&["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"], 16 << 20),
        "sticker" => (&["image/webp"], 500 << 10),
        // Documents of other types go through in practice.
        _ => (&[], 100 << 20),
    }
}

fn file(kind: &'static str, media: &Media) -> Result<Rendered, Failure> {
    let (types, most) = accepted(kind);
    let stated = media.mime_type.as_deref().map(|mime| mime.split(';').next().unwrap_or_default().trim());
    if let Some(mime) = stated
        && !types.is_empty()
        && !types.iter().any(|accepted| accepted.eq_ignore_ascii_case(mime))
    {
        return Err(invalid("mime_type", &format!("must be one of {} for this type", types.join(", "))));
    }
    if media.size.is_some_and(|size| size > most) {
        return Err(invalid("size", &format!("must be at most {most} bytes for this type")));
    }
    let mut object = source(media, "")?;
    if let Some(caption) = media.caption.as_deref().filter(|caption| !caption.is_empty()) {
        if matches!(kind, "audio" | "sticker") {
            return Err(invalid("caption", "must be absent: this type carries none"));
        }
        limits::short("caption", caption, CAPTION)?;
        object.insert("caption".to_owned(), json!(caption));
    }
    if kind == "document"
        && let Some(filename) = &media.filename
    {
        object.insert("filename".to_owned(), json!(filename));
    }
    if kind == "audio" && media.voice {
        object.insert("voice".to_owned(), json!(true));
    }
    Ok(Rendered::new(kind, Value::Object(object)))
}

/// Where the vendor finds the file: its own id before a link. `within` is where the medium stands in the content.
pub(super) fn source(media: &Media, within: &str) -> Result<Map<String, Value>, Failure> {
    let mut object = Map::new();
    if let Some(id) = media.id.as_deref().filter(|id| !id.is_empty()) {
        object.insert("id".to_owned(), json!(id));
    } else if let Some(link) = &media.url {
        limits::web(&format!("{within}url"), link)?;
        object.insert("link".to_owned(), json!(link));
    } else {
        return Err(invalid(&format!("{within}id"), "or url must be there"));
    }
    Ok(object)
}

fn location(place: &Location) -> Result<Rendered, Failure> {
    let within = [("latitude", place.latitude, 90.0), ("longitude", place.longitude, 180.0)];
    let mut object = Map::new();
    for (field, degrees, most) in within {
        // Written so that a number which is none is refused, too.
        if !(-most..=most).contains(&degrees) {
            return Err(invalid(field, &format!("must be between -{most} and {most}")));
        }
        object.insert(field.to_owned(), json!(degrees.to_string()));
    }
    for (field, words) in [("name", &place.name), ("address", &place.address)] {
        if let Some(words) = words {
            limits::short(field, words, CAPTION)?;
            object.insert(field.to_owned(), json!(words));
        }
    }
    Ok(Rendered::new("location", Value::Object(object)))
}

fn cards(contacts: &[Value]) -> Result<Rendered, Failure> {
    if contacts.is_empty() || contacts.len() > limits::CARDS {
        return Err(invalid("contacts", &format!("must have 1 to {} cards", limits::CARDS)));
    }
    let mut cards = contacts.to_vec();
    for (index, card) in cards.iter_mut().enumerate() {
        let name = card.get_mut("name").and_then(Value::as_object_mut);
        let shown = name.as_ref().and_then(|name| name.get("formatted_name")?.as_str()).map(str::to_owned);
        let (Some(name), Some(shown)) = (name, shown.filter(|shown| !shown.trim().is_empty())) else {
            return Err(invalid(&format!("contacts[{index}].name.formatted_name"), "must be there"));
        };
        // The vendor wants one more part of the name; whoever has none is called by the whole of it.
        let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
        if !parts.iter().any(|part| name.get(*part).is_some_and(Value::is_string)) {
            name.insert("first_name".to_owned(), Value::String(shown));
        }
    }
    Ok(Rendered::new("contacts", Value::Array(cards)))
}

fn template(template: &Template) -> Result<Rendered, Failure> {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if template.name.is_empty() || template.name.len() > 512 || !template.name.bytes().all(sound) {
        return Err(invalid("name", "must be 1 to 512 lower-case letters, digits and underscores"));
    }
    limits::text("language", &template.language, 20)?;
    for (index, component) in template.components.iter().enumerate() {
        check_parameters(index, component)?;
    }
    let mut object = json!({ "name": template.name, "language": { "code": template.language } });
    if !template.components.is_empty()
        && let Some(members) = object.as_object_mut()
    {
        members.insert("components".to_owned(), json!(template.components));
    }
    Ok(Rendered::new("template", object))
}

/// Parameters are named all or none, and their text holds no line breaks, tabs or long gaps.
fn check_parameters(index: usize, component: &Value) -> Result<(), Failure> {
    let within = format!("components[{index}]");
    let kind = component.get("type").and_then(Value::as_str);
    if kind.is_none_or(str::is_empty) {
        return Err(invalid(&format!("{within}.type"), "must be there"));
    }
    let Some(parameters) = component.get("parameters") else { return Ok(()) };
    let Some(parameters) = parameters.as_array() else {
        return Err(invalid(&format!("{within}.parameters"), "must be a list"));
    };
    let mut named = HashSet::new();
    for (position, parameter) in parameters.iter().enumerate() {
        let field = format!("{within}.parameters[{position}]");
        if !parameter.is_object() {
            return Err(invalid(&field, "must be an object"));
        }
        named.insert(parameter.get("parameter_name").is_some());
        let text = parameter.get("text").and_then(Value::as_str).unwrap_or_default();
        if text.contains(['\n', '\r', '\t']) || text.contains("     ") {
            return Err(invalid(&format!("{field}.text"), "must hold no line breaks, tabs or more than four blanks"));
        }
    }
    if named.len() > 1 {
        return Err(invalid(&format!("{within}.parameters"), "must all have a parameter_name, or none of them"));
    }
    Ok(())
}
