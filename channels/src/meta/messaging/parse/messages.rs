//! Messages, echoes, pressed buttons, reactions, edits and deletions.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::events::note;
use super::{Reading, Scene, attachments, mid};
use crate::contract::content::Content;
use crate::contract::inbound::{Deletion, Edit, Event, Message, Progress, Receipt};
use crate::meta::display::choice;
use crate::meta::messaging::{MARK, REACTIONS, wire};
use crate::meta::{self, Raw};

/// Reads a message of a person, or what our side sent.
pub(super) fn message(
    reading: &mut Reading<'_>,
    scene: &Scene<'_>,
    raw: &RawValue,
    beside: Raw<'_>,
) -> Result<(), String> {
    let wire: wire::Message<'_> = meta::object(Some(raw)).ok_or("message is not a readable object")?;
    let id = mid(wire.mid)?;
    if meta::flag(wire.is_deleted) {
        return deletion(reading, scene, id);
    }
    if let Some(tracking) = tracked(scene, &wire) {
        let recipient = scene.peer.identities.clone();
        reading.push(
            &scene.account,
            Event::Receipt(Box::new(Receipt { tracking, recipient, ..receipt(id, Progress::Sent, scene.at) })),
        );
        return Ok(());
    }
    let (content, shared) = content(reading, scene, &wire);
    let reply: wire::ReplyTo<'_> = meta::object(wire.reply_to).unwrap_or_default();
    let came_by = kept(wire.referral).or_else(|| kept(beside)).or_else(|| story(reply.story));
    let message = Box::new(Message {
        id,
        peer: scene.person()?,
        at: scene.at,
        content: content.unwrap_or_else(|| Content::Unsupported { kind: None, raw: meta::keep(raw) }),
        reply_to: meta::id(reply.mid).map(|id| id.into_owned()),
        forwarded: false,
        referral: came_by.or(shared),
        opens_window: !scene.ours,
        wants_answer: !scene.ours && !scene.standby,
        thread: None,
    });
    reading.push(&scene.account, if scene.ours { Event::Echo(message) } else { Event::Message(message) });
    Ok(())
}

/// What a message says: a picked reply or its text, and each attachment; the text of a single file is its caption.
/// Beside it what was shared, as the vendor described it.
fn content(reading: &mut Reading<'_>, scene: &Scene<'_>, wire: &wire::Message<'_>) -> (Option<Content>, Option<Value>) {
    let text = meta::filled(wire.text);
    let picked = meta::object::<wire::QuickReply<'_>>(wire.quick_reply).and_then(|reply| meta::filled(reply.payload));
    let mut parts = attachments::read(wire.attachments, scene.ours);
    if let Some(text) = &text {
        let before = parts.len();
        parts.retain(|part| part.preview.as_ref().is_none_or(|url| !text.contains(url.as_str())));
        if parts.len() < before {
            let path = format!("{}.message.attachments", scene.path);
            reading.pass_over(path, "the preview of a link that the text holds");
        }
    }
    let shared = parts.iter_mut().find_map(|part| part.shared.take());
    let mut contents: Vec<Content> = parts.into_iter().map(|part| part.content).collect();
    let single = if let [only] = contents.as_mut_slice() { only.media_mut() } else { None };
    let words = match (picked, text, single) {
        (Some(picked), text, _) => choice(Some(picked), text, None),
        (None, Some(text), Some(media)) => {
            media.caption = Some(text);
            None
        }
        (None, text, _) => text.map(Content::text),
    };
    (Content::of_parts(words.into_iter().chain(contents).collect()), shared)
}

/// Whether a message of our side went out through this app; the inner value is our message id, where it came back.
#[expect(clippy::option_option, reason = "a message of ours may have been sent without our id")]
fn tracked(scene: &Scene<'_>, wire: &wire::Message<'_>) -> Option<Option<String>> {
    if !scene.ours {
        return None;
    }
    let marked = meta::text(wire.metadata)
        .and_then(|metadata| metadata.strip_prefix(MARK).filter(|id| is_message_id(id)).map(str::to_owned));
    let by_us = match (scene.own.app_id, meta::identity(wire.app_id)) {
        (Some(own), Some(app)) => own == app,
        _ => marked.is_some(),
    };
    by_us.then_some(marked)
}

/// Whether it has the form of our message ids.
fn is_message_id(id: &str) -> bool {
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// News about a message, with nothing but what all of it has.
pub(super) fn receipt(id: String, progress: Progress, at: Option<i64>) -> Receipt {
    Receipt {
        id,
        tracking: None,
        progress,
        at,
        recipient: Vec::new(),
        participant: Vec::new(),
        failures: Vec::new(),
        pricing: None,
    }
}

fn deletion(reading: &mut Reading<'_>, scene: &Scene<'_>, target: String) -> Result<(), String> {
    let (id, peer) = (format!("{target}:deleted"), scene.person()?);
    reading.push(&scene.account, Event::Deletion(Deletion { id, target, peer, at: scene.at, ours: scene.ours }));
    Ok(())
}

pub(super) fn kept(raw: Raw<'_>) -> Option<Value> {
    raw.filter(|raw| raw.get().starts_with('{')).map(meta::keep)
}

/// A story of ours that the message answers; only its address may be kept.
fn story(raw: Raw<'_>) -> Option<Value> {
    kept(raw).map(|story| json!({ "story": story }))
}

/// Reads a pressed button. Old ones have no id, and those of a thread that another application holds no payload.
pub(super) fn postback(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Postback<'_> = meta::object(Some(raw)).ok_or("postback is not a readable object")?;
    let (payload, title) = (meta::filled(wire.payload), meta::filled(wire.title));
    let id = match wire.mid {
        Some(id) => mid(Some(id))?,
        None => {
            scene.derived("postback", &[payload.as_deref().unwrap_or_default(), title.as_deref().unwrap_or_default()])
        }
    };
    let content = choice(payload, title, None)
        .unwrap_or_else(|| Content::Unsupported { kind: Some("postback".to_owned()), raw: meta::keep(raw) });
    let message = Message {
        referral: kept(wire.referral),
        opens_window: true,
        wants_answer: !scene.standby,
        ..note(id, scene, content)?
    };
    reading.push(&scene.account, Event::Message(Box::new(message)));
    Ok(())
}

/// Reads a reaction, or that one was taken back.
pub(super) fn reaction(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Reaction<'_> = meta::object(Some(raw)).ok_or("reaction is not a readable object")?;
    let target = mid(wire.mid)?;
    let emoji = match meta::text(wire.action).as_deref() {
        Some("unreact") => None,
        _ => Some(meta::filled(wire.emoji).or_else(|| named(wire.reaction)).ok_or("neither an emoji nor a name")?),
    };
    let id = scene.derived("reaction", &[&target, emoji.as_deref().unwrap_or_default()]);
    let opens_window = emoji.is_some();
    let message = Message { opens_window, ..note(id, scene, Content::Reaction { target, emoji })? };
    reading.push(&scene.account, Event::Message(Box::new(message)));
    Ok(())
}

/// The emoji of a reaction that only has a name.
fn named(raw: Raw<'_>) -> Option<String> {
    let name = meta::text(raw)?;
    let known = REACTIONS.iter().find(|(known, _)| *known == name);
    known.and_then(|(_, emojis)| emojis.first()).map(|emoji| (*emoji).to_owned())
}

/// Reads a changed message. Without a text it is no change: in development the vendor reports messages so that it does
/// not hand over.
pub(super) fn edit(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Edit<'_> = meta::object(Some(raw)).ok_or("message_edit is not a readable object")?;
    let target = mid(wire.mid)?;
    let count = meta::whole(wire.num_edit).unwrap_or_default();
    let id = format!("{target}:edit:{count}");
    let event = match meta::filled(wire.text) {
        Some(text) => Event::Edit(Box::new(Edit {
            id,
            target,
            peer: scene.person()?,
            at: scene.at,
            content: Content::text(text),
            ours: scene.ours,
            opens_window: false,
        })),
        None if scene.ours => return Err("an edit of our own side without a text".to_owned()),
        None => {
            let content = Content::Unsupported { kind: Some("message_edit".to_owned()), raw: meta::keep(raw) };
            Event::Message(Box::new(note(id, scene, content)?))
        }
    };
    reading.push(&scene.account, event);
    Ok(())
}
