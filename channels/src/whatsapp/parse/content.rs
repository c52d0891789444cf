//! What a message says: the vendor's typed objects as our content. A known type whose object is broken, and a type
//! that nobody knows, stay visible as unsupported; text without text is no message.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::contract::content::{Content, Location, Media};
use crate::meta::display::{choice, clean, filename, is_node, link};
use crate::meta::{self, Raw};
use crate::whatsapp::wire;

/// Reads the content of a message of this kind; `raw` is the whole message.
///
/// # Errors
/// Why there is nothing to show.
pub(super) fn read(kind: &str, message: &wire::Message<'_>, raw: &RawValue) -> Result<Content, String> {
    let known = match kind {
        "text" => return text(message.text),
        "reaction" => return reaction(message.reaction),
        "image" => media(message.image).map(Content::Image),
        "video" => media(message.video).map(Content::Video),
        "audio" => media(message.audio).map(Content::Audio),
        "document" => media(message.document).map(Content::Document),
        "sticker" => media(message.sticker).map(Content::Sticker),
        "location" => location(message.location),
        "contacts" => contacts(message.contacts),
        "interactive" => interactive(message.interactive),
        "button" => button(message.button),
        "order" => order(message.order),
        _ => None,
    };
    Ok(known.unwrap_or_else(|| unsupported(kind, message, raw)))
}

fn unsupported(kind: &str, message: &wire::Message<'_>, raw: &RawValue) -> Content {
    let named = match kind {
        "unsupported" | "unknown" => meta::object::<wire::Unsupported<'_>>(message.unsupported)
            .and_then(|inner| meta::text(inner.kind).and_then(|kind| clean(&kind, 64))),
        _ => clean(kind, 64),
    };
    Content::Unsupported { kind: named, raw: meta::keep(raw) }
}

fn text(raw: Raw<'_>) -> Result<Content, String> {
    let wire: wire::Text<'_> = meta::object(raw).ok_or("text is not an object")?;
    meta::filled(wire.body).map(Content::text).ok_or_else(|| "text.body is no text".to_owned())
}

fn reaction(raw: Raw<'_>) -> Result<Content, String> {
    let wire: wire::Reaction<'_> = meta::object(raw).ok_or("reaction is not an object")?;
    let target = meta::id(wire.message_id).ok_or("reaction.message_id is no id")?.into_owned();
    Ok(Content::Reaction { target, emoji: meta::filled(wire.emoji) })
}

fn media(raw: Raw<'_>) -> Option<Media> {
    let wire: wire::Media<'_> = meta::object(raw)?;
    let media = Media {
        id: meta::id(wire.id).filter(|id| is_node(id)).map(|id| id.into_owned()),
        url: link(wire.url),
        file_id: None,
        mime_type: meta::text(wire.mime_type).and_then(|mime| clean(&mime, 128)),
        sha256: meta::sha256(wire.sha256),
        size: meta::whole(wire.file_size).and_then(|size| u64::try_from(size).ok()),
        filename: meta::text(wire.filename).and_then(|name| filename(&name)),
        content_id: None,
        caption: meta::filled(wire.caption),
        voice: meta::flag(wire.voice),
        animated: meta::flag(wire.animated),
    };
    // Without either there is nothing that could ever be fetched.
    (media.id.is_some() || media.url.is_some()).then_some(media)
}

fn location(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Location<'_> = meta::object(raw)?;
    Some(Content::Location(Location {
        latitude: meta::number(wire.latitude).filter(|degrees| (-90.0..=90.0).contains(degrees))?,
        longitude: meta::number(wire.longitude).filter(|degrees| (-180.0..=180.0).contains(degrees))?,
        name: meta::filled(wire.name),
        address: meta::filled(wire.address),
        url: link(wire.url),
    }))
}

fn contacts(raw: Raw<'_>) -> Option<Content> {
    let cards = objects(raw)?;
    (!cards.is_empty()).then_some(Content::Contacts { contacts: cards })
}

fn objects(raw: Raw<'_>) -> Option<Vec<Value>> {
    let elements = meta::list(raw)?;
    Some(elements.into_iter().filter(|raw| raw.get().starts_with('{')).map(meta::keep).collect())
}

fn interactive(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Interactive<'_> = meta::object(raw)?;
    match meta::text(wire.kind)?.as_ref() {
        "button_reply" => reply(wire.button_reply),
        "list_reply" => reply(wire.list_reply),
        "nfm_reply" => form(wire.nfm_reply),
        "call_permission_reply" => call_permission(wire.call_permission_reply),
        _ => None,
    }
}

fn reply(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Reply<'_> = meta::object(raw)?;
    choice(meta::filled(wire.id), meta::filled(wire.title), meta::filled(wire.description))
}

fn button(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Button<'_> = meta::object(raw)?;
    choice(meta::filled(wire.payload), meta::filled(wire.text), None)
}

fn form(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Form<'_> = meta::object(raw)?;
    let answers = meta::text(wire.response_json);
    let parsed = answers.as_deref().and_then(|json| serde_json::from_str::<&RawValue>(json).ok()).map(meta::keep);
    let response = match (parsed, answers, wire.response_json) {
        (Some(parsed), ..) => parsed,
        (None, Some(broken), _) => Value::String(broken.into_owned()),
        (None, None, Some(raw)) => meta::keep(raw),
        (None, None, None) => Value::Null,
    };
    Some(Content::Form {
        name: meta::filled(wire.name).unwrap_or_else(|| "form".to_owned()),
        text: meta::filled(wire.body).unwrap_or_default(),
        response,
    })
}

fn call_permission(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::CallPermission<'_> = meta::object(raw)?;
    let text = match meta::text(wire.response)?.as_ref() {
        "accept" => "Calls allowed",
        "reject" => "Calls not allowed",
        _ => return None,
    };
    Some(Content::Form { name: "call_permission_reply".to_owned(), text: text.to_owned(), response: meta::keep(raw?) })
}

fn order(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Order<'_> = meta::object(raw)?;
    Some(Content::Order {
        catalog_id: meta::id(wire.catalog_id)?.into_owned(),
        text: meta::filled(wire.text),
        items: objects(wire.product_items).unwrap_or_default(),
    })
}
