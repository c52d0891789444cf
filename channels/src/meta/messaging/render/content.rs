//! Our content as a message of the Send API. What the product cannot carry is refused with the field's name.

use serde_json::{Map, Value, json};

use super::choices::{self, Frame};
use crate::contract::capabilities::MediaKind;
use crate::contract::content::{Content, Media};
use crate::contract::failure::Failure;
use crate::meta::display::is_node;
use crate::meta::limits::{self, invalid};
use crate::meta::messaging::Product;

/// The id of the one sticker that a product without stickers has.
const HEART: &str = "like_heart";

/// Renders content as the members of a message.
pub(super) fn render(product: &Product, content: &Content) -> Result<Map<String, Value>, Failure> {
    match content {
        Content::Text { text, .. } => self::text(product, text),
        Content::Image(media) => file(product, MediaKind::Image, "image", media),
        Content::Video(media) => file(product, MediaKind::Video, "video", media),
        Content::Audio(media) => file(product, MediaKind::Audio, "audio", media),
        Content::Document(media) => file(product, MediaKind::Document, "file", media),
        Content::Sticker(media) => sticker(product, media),
        Content::Buttons { text, buttons, header, footer } => {
            choices::buttons(&Frame { product, text, header: header.as_ref(), footer: footer.as_deref() }, buttons)
        }
        Content::List { text, button, sections, header, footer } => {
            let frame = Frame { product, text, header: header.as_ref(), footer: footer.as_deref() };
            choices::list(&frame, button, sections)
        }
        Content::Link { text, label, url, header, footer } => {
            let frame = Frame { product, text, header: header.as_ref(), footer: footer.as_deref() };
            choices::link(&frame, label, url)
        }
        Content::Location(_)
        | Content::LocationRequest { .. }
        | Content::Contacts { .. }
        | Content::Template(_)
        | Content::Reaction { .. } => {
            Err(invalid("type", &format!("must be another: {} carries no {}", product.name, content.kind())))
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

/// A plain text, checked.
pub(super) fn text(product: &Product, text: &str) -> Result<Map<String, Value>, Failure> {
    limits::within("text", text, product.capabilities.text)?;
    Ok(Map::from_iter([("text".to_owned(), json!(text))]))
}

/// Something that hangs on a message.
pub(super) fn attachment(kind: &str, payload: Value) -> Map<String, Value> {
    Map::from_iter([("attachment".to_owned(), json!({ "type": kind, "payload": payload }))])
}

fn file(product: &Product, kind: MediaKind, word: &str, media: &Media) -> Result<Map<String, Value>, Failure> {
    let Some(rule) = product.capabilities.media.iter().find(|rule| rule.kind == kind) else {
        return Err(invalid("type", &format!("must be another: {} carries no {word}", product.name)));
    };
    let stated = media.mime_type.as_deref().map(|mime| mime.split(';').next().unwrap_or_default().trim());
    if let Some(mime) = stated
        && !rule.types.is_empty()
        && !rule.types.iter().any(|accepted| accepted.eq_ignore_ascii_case(mime))
    {
        return Err(invalid("mime_type", &format!("must be one of {} for this type", rule.types.join(", "))));
    }
    if media.size.is_some_and(|size| size > rule.most_bytes) {
        return Err(invalid("size", &format!("must be at most {} bytes for this type", rule.most_bytes)));
    }
    if media.caption.as_deref().is_some_and(|caption| !caption.is_empty()) {
        return Err(invalid("caption", "must be absent: a file carries none here, send the text by itself"));
    }
    if let Some(id) = media.id.as_deref().filter(|_| product.keeps_files) {
        if !is_node(id) {
            return Err(invalid("id", "must be an id that the vendor gave"));
        }
        return Ok(attachment(word, json!({ "attachment_id": id })));
    }
    let url = media.url.as_deref().ok_or_else(|| invalid("url", "must be there"))?;
    limits::web("url", url)?;
    let payload = if product.keeps_files { json!({ "url": url, "is_reusable": true }) } else { json!({ "url": url }) };
    Ok(attachment(word, payload))
}

fn sticker(product: &Product, media: &Media) -> Result<Map<String, Value>, Failure> {
    if !product.keeps_files && media.id.as_deref() == Some(HEART) {
        return Ok(Map::from_iter([("attachment".to_owned(), json!({ "type": HEART }))]));
    }
    Err(invalid("type", &format!("must be another: {} carries no such sticker", product.name)))
}
