//! A verified update, read into events: it holds one thing, named by its member. What no event is made of is named with
//! its reason; nothing here decides what an event means for a conversation.

mod content;
mod people;
mod turns;

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::verify::Verified;
use super::{Settings, message_id, wire};
use crate::contract::content::Content;
use crate::contract::inbound::{Arrival, Edit, Event, IdentityChange, Ignored, Message, Notice, Parsed};
use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::meta::display::clean;
pub use crate::meta::envelope::Malformed;
use crate::meta::{self, Raw, envelope};
use people::Chat;
pub(super) use people::{chat, full};

/// Updates that no person addressed to the bot: they are kept as news of the account.
const NEWS: [&str; 16] = [
    "business_connection",
    "business_message",
    "chat_boost",
    "chat_join_request",
    "chat_member",
    "chosen_inline_result",
    "deleted_business_messages",
    "edited_business_message",
    "inline_query",
    "message_reaction_count",
    "poll",
    "poll_answer",
    "pre_checkout_query",
    "purchased_paid_media",
    "removed_chat_boost",
    "shipping_query",
];
/// Longest name of an update that is taken over, in characters.
const LONGEST_KIND: usize = 64;

/// Reads a verified update into events.
///
/// # Errors
/// [`Malformed`] when the body is not one JSON object in UTF-8, or nests beyond reading.
pub fn delivery(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, Malformed> {
    let members: BTreeMap<String, &RawValue> = envelope::read(verified.body())?;
    let update = meta::whole(members.get("update_id").copied());
    let mut reading = Reading { account: settings.bot_id().map(str::to_owned), update, parsed: Parsed::default() };
    for (name, raw) in members.into_iter().filter(|(name, _)| name != "update_id") {
        let name = clean(&name, LONGEST_KIND).unwrap_or_else(|| "update".to_owned());
        match reading.thing(&name, raw) {
            Ok(event) => {
                reading.parsed.events.push(Arrival { account: reading.account.clone(), business: None, event })
            }
            Err(reason) => reading.pass_over(name, reason),
        }
    }
    if reading.parsed.events.is_empty() && reading.parsed.ignored.is_empty() {
        reading.pass_over("update".to_owned(), "it holds nothing".to_owned());
    }
    Ok(reading.parsed)
}

/// What has been read so far.
struct Reading {
    account: Option<String>,
    update: Option<i64>,
    parsed: Parsed,
}

impl Reading {
    fn pass_over(&mut self, path: String, reason: String) {
        self.parsed.ignored.push(Ignored { path, reason });
    }

    /// The id of what has none of its own; the vendor repeats the number of an update when it delivers it again.
    fn own_id(&self, what: &str) -> Result<String, String> {
        self.update.map(|update| format!("{what}:{update}")).ok_or_else(|| "without an update_id".to_owned())
    }

    fn thing(&self, name: &str, raw: &RawValue) -> Result<Event, String> {
        match name {
            "message" | "channel_post" => message(raw, name == "channel_post"),
            "edited_message" | "edited_channel_post" => self.edit(raw),
            "callback_query" => turns::press(raw),
            "message_reaction" => turns::reaction(raw, self.own_id("reaction")?),
            "my_chat_member" => turns::membership(raw),
            known if NEWS.contains(&known) => Ok(news(known, raw)),
            unknown => self.unknown(unknown, raw),
        }
    }

    fn edit(&self, raw: &RawValue) -> Result<Event, String> {
        let wire = readable(raw)?;
        let (chat, number) = named(&wire)?;
        let target = message_id(chat.id, number);
        Ok(Event::Edit(Box::new(Edit {
            id: self.own_id(&format!("{target}:edit"))?,
            target,
            peer: people::peer(&chat, wire.from, wire.sender_chat),
            at: meta::seconds(wire.edit_date),
            content: content::read(&wire, raw),
            ours: false,
            opens_window: false,
        })))
    }

    /// Something newer than this reader: a message if somebody is behind it, else news of the account.
    fn unknown(&self, kind: &str, raw: &RawValue) -> Result<Event, String> {
        let wire: wire::Message<'_> = meta::object(Some(raw)).unwrap_or_default();
        let chat = people::chat(wire.chat).or_else(|| people::of_person(wire.from));
        let Some(chat) = chat else { return Ok(news(kind, raw)) };
        let id = match meta::whole(wire.message_id) {
            Some(number) => message_id(chat.id, number),
            None => self.own_id("update")?,
        };
        let peer = people::peer(&chat, wire.from, wire.sender_chat);
        let content = Content::Unsupported { kind: Some(kind.to_owned()), raw: meta::keep(raw) };
        let at = meta::seconds(wire.date);
        Ok(Event::Message(Box::new(Message { wants_answer: false, ..written(id, peer, at, content) })))
    }
}

fn news(kind: &str, raw: &RawValue) -> Event {
    let detail: Value = meta::keep(raw);
    Event::Account(Notice { kind: kind.to_owned(), detail, alarming: false })
}

fn readable<'a>(raw: &'a RawValue) -> Result<wire::Message<'a>, String> {
    meta::object(Some(raw)).ok_or_else(|| "not a readable object".to_owned())
}

/// The chat and the number of a message: without either it could not be told from others.
fn named(wire: &wire::Message<'_>) -> Result<(Chat, i64), String> {
    let chat = people::chat(wire.chat).ok_or("no chat: it could not be attributed")?;
    let number = meta::whole(wire.message_id).ok_or("no message_id")?;
    Ok((chat, number))
}

fn written(id: String, peer: Peer, at: Option<i64>, content: Content) -> Message {
    Message {
        id,
        peer,
        at,
        content,
        reply_to: None,
        forwarded: false,
        referral: None,
        opens_window: true,
        wants_answer: true,
        thread: None,
    }
}

fn message(raw: &RawValue, posted: bool) -> Result<Event, String> {
    let wire = readable(raw)?;
    let (chat, number) = named(&wire)?;
    let (id, at) = (message_id(chat.id, number), meta::seconds(wire.date));
    if let Some(group) = meta::whole(wire.migrate_to_chat_id) {
        let key = |chat: i64| vec![Identity::new(IdentityKind::Group, chat.to_string())];
        let text = "The group has become a supergroup, with a new id.".to_owned();
        let change = IdentityChange { id: Some(id), before: key(chat.id), after: key(group), at, text };
        return Ok(Event::Identity(change));
    }
    if wire.migrate_from_chat_id.is_some() {
        return Err("the old group's message tells of the same move".to_owned());
    }
    let content = content::read(&wire, raw);
    let referral = content::referral(&content);
    let system = matches!(content, Content::System { .. });
    // An anonymous administrator writes in the name of a chat, and the vendor puts a bot in their place.
    let machine = people::is_bot(wire.from) && wire.sender_chat.is_none();
    let silent = posted || system || machine || meta::flag(wire.is_automatic_forward);
    let peer = people::peer(&chat, wire.from, wire.sender_chat);
    Ok(Event::Message(Box::new(Message {
        reply_to: answered(wire.reply_to_message),
        forwarded: wire.forward_origin.is_some() || wire.forward_date.is_some(),
        referral,
        opens_window: !system,
        wants_answer: !silent,
        ..written(id, peer, at, content)
    })))
}

/// The message that another answers. Whatever stands in a topic answers the opening of the topic, which says nothing.
fn answered(raw: Raw<'_>) -> Option<String> {
    let wire: wire::Message<'_> = meta::object(raw)?;
    let (chat, number) = named(&wire).ok().filter(|_| wire.forum_topic_created.is_none())?;
    Some(message_id(chat.id, number))
}
