//! What a message says, by the member that it has. What is in no list here is kept as it came.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::people;
use crate::contract::content::{Content, Location, Media};
use crate::meta::display::{clean, filename, line};
use crate::meta::{self, Raw};
use crate::telegram::wire;

/// Longest name of a place, longest address, in characters.
const LONGEST_PLACE: usize = 512;
/// Longest name of a kind that is taken over, in characters.
const LONGEST_KIND: usize = 64;

/// What happened in a chat without anybody writing, as the vendor names it and in words.
const SERVICE: [(&str, &str); 26] = [
    ("new_chat_members", "Somebody joined the group."),
    ("left_chat_member", "Somebody left the group."),
    ("new_chat_title", "The group got another name."),
    ("new_chat_photo", "The group got another picture."),
    ("delete_chat_photo", "The group's picture was taken away."),
    ("group_chat_created", "The group was opened."),
    ("supergroup_chat_created", "The group was opened."),
    ("channel_chat_created", "The channel was opened."),
    ("message_auto_delete_timer_changed", "Messages are deleted after another time from now on."),
    ("pinned_message", "A message was pinned."),
    ("successful_payment", "A payment was made."),
    ("refunded_payment", "A payment was given back."),
    ("users_shared", "People were shared."),
    ("chat_shared", "A chat was shared."),
    ("connected_website", "A website was connected."),
    ("write_access_allowed", "The bot may write."),
    ("proximity_alert_triggered", "Somebody came near."),
    ("boost_added", "The group was boosted."),
    ("chat_background_set", "The chat got another background."),
    ("forum_topic_created", "A topic was opened."),
    ("forum_topic_edited", "A topic was changed."),
    ("forum_topic_closed", "A topic was closed."),
    ("forum_topic_reopened", "A topic was opened again."),
    ("video_chat_scheduled", "A video chat was planned."),
    ("video_chat_started", "A video chat began."),
    ("video_chat_ended", "A video chat ended."),
];

/// Members that say when, where and by whom, not what.
const FRAME: [&str; 34] = [
    "author_signature",
    "business_connection_id",
    "caption",
    "caption_entities",
    "chat",
    "date",
    "edit_date",
    "effect_id",
    "entities",
    "external_reply",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_origin",
    "forward_sender_name",
    "forward_signature",
    "from",
    "has_media_spoiler",
    "has_protected_content",
    "is_automatic_forward",
    "is_from_offline",
    "is_topic_message",
    "link_preview_options",
    "media_group_id",
    "message_id",
    "message_thread_id",
    "quote",
    "reply_markup",
    "reply_to_message",
    "reply_to_story",
    "sender_boost_count",
    "sender_chat",
    "via_bot",
];

/// Reads what a message says.
pub(super) fn read(wire: &wire::Message<'_>, raw: &RawValue) -> Content {
    if let Some(text) = meta::filled(wire.text) {
        return Content::text(text);
    }
    let caption = || meta::filled(wire.caption);
    let of = |raw: Raw<'_>, mime_type: Option<&str>| file(raw, mime_type, caption());
    // An animation comes as a document, too.
    let animation = || of(wire.animation, Some("video/mp4")).map(Content::Video);
    let picture = || largest(wire.photo).and_then(|raw| of(Some(raw), Some("image/jpeg"))).map(Content::Image);
    let video = || of(wire.video, None).or_else(|| of(wire.video_note, Some("video/mp4"))).map(Content::Video);
    let voice = || of(wire.voice, Some("audio/ogg")).map(|media| Content::Audio(Media { voice: true, ..media }));
    let audio = || of(wire.audio, None).map(Content::Audio);
    let document = || of(wire.document, None).map(Content::Document);
    let known = animation().or_else(picture).or_else(video).or_else(voice).or_else(audio).or_else(document);
    let known = known.or_else(|| sticker(wire.sticker)).or_else(|| place(wire)).or_else(|| card(wire.contact));
    known.unwrap_or_else(|| other(raw))
}

/// How the person came, where a link to the bot carried a word: the vendor hands it over as a command.
pub(super) fn referral(content: &Content) -> Option<Value> {
    let Content::Text { text, .. } = content else { return None };
    let word = text.strip_prefix("/start ")?.trim();
    (!word.is_empty()).then(|| json!({ "source": "start", "payload": word }))
}

/// The size with the most points; the vendor sends several of every picture.
fn largest<'a>(raw: Raw<'a>) -> Option<&'a RawValue> {
    let sizes = meta::list(raw)?;
    sizes.into_iter().max_by_key(|raw| {
        let size: wire::File<'_> = meta::object(Some(raw)).unwrap_or_default();
        let points = |raw: Raw<'_>| meta::whole(raw).unwrap_or_default();
        (meta::id(size.file_id).is_some(), points(size.width).saturating_mul(points(size.height)))
    })
}

fn file(raw: Raw<'_>, mime_type: Option<&str>, caption: Option<String>) -> Option<Media> {
    let wire: wire::File<'_> = meta::object(raw)?;
    Some(Media {
        id: Some(meta::id(wire.file_id)?.into_owned()),
        mime_type: line(wire.mime_type, 128).or_else(|| mime_type.map(str::to_owned)),
        size: meta::whole(wire.file_size).and_then(|size| u64::try_from(size).ok()),
        filename: meta::text(wire.file_name).as_deref().and_then(filename),
        caption,
        ..Media::default()
    })
}

fn sticker(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::File<'_> = meta::object(raw)?;
    let (animated, film) = (meta::flag(wire.is_animated), meta::flag(wire.is_video));
    let mime_type = match (animated, film) {
        (true, _) => "application/x-tgsticker",
        (_, true) => "video/webm",
        _ => "image/webp",
    };
    let media = file(raw, Some(mime_type), None)?;
    Some(Content::Sticker(Media { animated: animated || film, ..media }))
}

fn place(wire: &wire::Message<'_>) -> Option<Content> {
    let venue: wire::Venue<'_> = meta::object(wire.venue).unwrap_or_default();
    let point: wire::Location<'_> = meta::object(venue.location).or_else(|| meta::object(wire.location))?;
    let within = |raw: Raw<'_>, most: f64| meta::number(raw).filter(|degrees| degrees.abs() <= most);
    Some(Content::Location(Location {
        latitude: within(point.latitude, 90.0)?,
        longitude: within(point.longitude, 180.0)?,
        name: line(venue.title, LONGEST_PLACE),
        address: line(venue.address, LONGEST_PLACE),
        url: None,
    }))
}

/// A card in the form that all channels share.
fn card(raw: Raw<'_>) -> Option<Content> {
    let wire: wire::Contact<'_> = meta::object(raw)?;
    let phone = line(wire.phone_number, 64);
    let name = people::full(wire.first_name, wire.last_name).or_else(|| phone.clone())?;
    let mut names = Map::from_iter([("formatted_name".to_owned(), Value::String(name))]);
    for (member, raw) in [("first_name", wire.first_name), ("last_name", wire.last_name)] {
        names.extend(line(raw, 128).map(|part| (member.to_owned(), Value::String(part))));
    }
    let mut card = Map::from_iter([("name".to_owned(), Value::Object(names))]);
    card.extend(phone.map(|phone| ("phones".to_owned(), json!([{ "phone": phone }]))));
    card.extend(meta::filled(wire.vcard).map(|vcard| ("vcard".to_owned(), Value::String(vcard))));
    Some(Content::Contacts { contacts: vec![Value::Object(card)] })
}

/// What happened without anybody writing, in words; or what this reader does not know, as it came.
fn other(raw: &RawValue) -> Content {
    let kept = meta::keep(raw);
    if let Some((kind, text)) = SERVICE.iter().find(|(kind, _)| kept.get(kind).is_some()) {
        return Content::System { kind: (*kind).to_owned(), text: (*text).to_owned() };
    }
    let mut members = kept.as_object().into_iter().flat_map(Map::keys);
    let kind = members.find(|member| !FRAME.contains(&member.as_str()));
    Content::Unsupported { kind: kind.and_then(|kind| clean(kind, LONGEST_KIND)), raw: kept }
}
