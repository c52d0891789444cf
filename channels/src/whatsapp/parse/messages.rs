//! Messages, echoes, edits and revocations. What only the vendor says about a person becomes an identity change or a
//! note, never a message to answer.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::people::{self, identities};
use super::{Scene, content};
use crate::contract::content::Content;
use crate::contract::inbound::{Deletion, Edit, Event, IdentityChange, Message};
use crate::contract::peer::Peer;
use crate::meta::{self, Raw};
use crate::whatsapp::wire;

/// What every kind of message has.
struct Head {
    id: String,
    at: Option<i64>,
    kind: String,
}

fn head(message: &wire::Message<'_>) -> Result<Head, String> {
    Ok(Head {
        id: meta::id(message.id).ok_or("no usable id: it could not be deduplicated")?.into_owned(),
        at: meta::seconds(message.timestamp),
        kind: meta::filled(message.kind).ok_or("type is no text")?,
    })
}

fn open(raw: &RawValue) -> Result<wire::Message<'_>, String> {
    if !raw.get().starts_with('{') {
        return Err("not an object".to_owned());
    }
    serde_json::from_str(raw.get()).map_err(|error| format!("{:?} error in the object", error.classify()))
}

/// Reads a message of a person.
pub(super) fn inbound(scene: &Scene, raw: &RawValue) -> Result<Event, String> {
    let message = open(raw)?;
    let head = head(&message)?;
    if head.kind == "system" {
        return system(scene, &message, head);
    }
    let phone = people::phone_number(message.from);
    if phone.is_some() && phone == scene.own_number {
        return Err("sent by our own number".to_owned());
    }
    let peer = scene
        .people
        .peer(people::user_id(message.from_user_id), phone, message.group_id)
        .ok_or("no sender: it could not be attributed")?;
    event(head, peer, &message, raw, false)
}

/// Reads a message that one of our people wrote in the vendor's app.
pub(super) fn echo(scene: &Scene, raw: &RawValue) -> Result<Event, String> {
    let message = open(raw)?;
    let head = head(&message)?;
    let peer = scene
        .people
        .peer(people::user_id(message.to_user_id), people::phone_number(message.to), message.group_id)
        .ok_or("no receiver: it could not be attributed")?;
    event(head, peer, &message, raw, true)
}

fn event(head: Head, peer: Peer, message: &wire::Message<'_>, raw: &RawValue, ours: bool) -> Result<Event, String> {
    match head.kind.as_str() {
        "edit" => edit(head, peer, message.edit, ours),
        "revoke" => revocation(head, peer, message.revoke, ours),
        "request_welcome" => {
            let text = "The person opened the chat for the first time.".to_owned();
            Ok(Event::Message(Box::new(note(head.id, peer, head.at, Content::System { kind: head.kind, text }, false))))
        }
        kind => {
            let content = content::read(kind, message, raw)?;
            let context = context(message.context);
            let message = Message {
                id: head.id,
                peer,
                at: head.at,
                reply_to: context.reply_to,
                forwarded: context.forwarded,
                referral: referral(message.referral).or(context.product),
                opens_window: !ours,
                wants_answer: !ours && !matches!(content, Content::Reaction { .. }),
                content,
                thread: None,
            };
            Ok(if ours { Event::Echo(Box::new(message)) } else { Event::Message(Box::new(message)) })
        }
    }
}

/// A message that nobody wrote.
fn note(id: String, peer: Peer, at: Option<i64>, content: Content, opens_window: bool) -> Message {
    Message {
        id,
        peer,
        at,
        content,
        reply_to: None,
        forwarded: false,
        referral: None,
        opens_window,
        wants_answer: false,
        thread: None,
    }
}

#[derive(Default)]
struct Context {
    reply_to: Option<String>,
    forwarded: bool,
    product: Option<Value>,
}

fn context(raw: Raw<'_>) -> Context {
    let Some(wire) = meta::object::<wire::Context<'_>>(raw) else { return Context::default() };
    Context {
        // Inside edits the vendor writes `M0`, which names nothing.
        reply_to: meta::id(wire.id).filter(|id| id.as_ref() != "M0").map(|id| id.into_owned()),
        forwarded: meta::flag(wire.forwarded) || meta::flag(wire.frequently_forwarded),
        product: referral(wire.referred_product).map(|product| json!({ "referred_product": product })),
    }
}

fn referral(raw: Raw<'_>) -> Option<Value> {
    raw.filter(|raw| raw.get().starts_with('{')).map(meta::keep)
}

fn edit(head: Head, peer: Peer, raw: Raw<'_>, ours: bool) -> Result<Event, String> {
    let wire: wire::Alteration<'_> = meta::object(raw).ok_or("edit is not an object")?;
    let target = meta::id(wire.original_message_id).ok_or("edit.original_message_id is no id")?.into_owned();
    let inner = wire.message.ok_or("edit.message is missing")?;
    let message = open(inner)?;
    let kind = meta::filled(message.kind).ok_or("edit.message.type is no text")?;
    let content = content::read(&kind, &message, inner)?;
    Ok(Event::Edit(Box::new(Edit { id: head.id, target, peer, at: head.at, content, ours, opens_window: !ours })))
}

fn revocation(head: Head, peer: Peer, raw: Raw<'_>, ours: bool) -> Result<Event, String> {
    let wire: wire::Alteration<'_> = meta::object(raw).ok_or("revoke is not an object")?;
    let target = meta::id(wire.original_message_id).ok_or("revoke.original_message_id is no id")?.into_owned();
    Ok(Event::Deletion(Deletion { id: head.id, target, peer, at: head.at, ours }))
}

fn system(scene: &Scene, message: &wire::Message<'_>, head: Head) -> Result<Event, String> {
    let wire: wire::System<'_> = meta::object(message.system).ok_or("system is not an object")?;
    let kind = meta::filled(wire.kind).unwrap_or_else(|| "system".to_owned());
    let text = meta::filled(wire.body).unwrap_or_else(|| format!("System message: {kind}"));
    let (user, phone) = (people::user_id(message.from_user_id), people::phone_number(message.from));
    let change = |before, after| {
        let id = Some(head.id.clone());
        Ok(Event::Identity(IdentityChange { id, before, after, at: head.at, text: text.clone() }))
    };
    match kind.as_str() {
        "user_changed_number" | "customer_changed_number" => {
            let number = people::phone_number(wire.wa_id).or_else(|| people::phone_number(wire.new_wa_id));
            change(identities(user, phone), identities(people::user_id(wire.user_id), number))
        }
        // The old id stands in the prose only; the field `user_id_update` tells it properly.
        "user_changed_user_id" => {
            let number = people::phone_number(wire.wa_id).or(phone);
            change(identities(user, number), identities(people::user_id(wire.user_id), None))
        }
        "customer_identity_changed" => change(Vec::new(), Vec::new()),
        _ => {
            let peer = scene.people.peer(user, phone, message.group_id).ok_or("a system note about nobody")?;
            let content = Content::System { kind, text };
            Ok(Event::Message(Box::new(note(head.id, peer, head.at, content, false))))
        }
    }
}

/// Reads the beginning of a person's call as a note that opens the window; other steps of calls are none.
pub(super) fn call(scene: &Scene, raw: &RawValue) -> Option<Event> {
    let wire: wire::Call<'_> = meta::object(Some(raw))?;
    if meta::text(wire.event)? != "connect" || meta::text(wire.direction)? != "USER_INITIATED" {
        return None;
    }
    let id = meta::id(wire.id)?.into_owned();
    let peer = scene.people.peer(people::user_id(wire.from_user_id), people::phone_number(wire.from), None)?;
    let content = Content::System { kind: "call".to_owned(), text: "The person called.".to_owned() };
    Some(Event::Message(Box::new(note(id, peer, meta::seconds(wire.timestamp), content, true))))
}
