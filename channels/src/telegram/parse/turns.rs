//! What people do beside writing: they press buttons, react, block the bot and let it in again.

use serde_json::value::RawValue;

use super::{message_id, news, people, written};
use crate::contract::content::Content;
use crate::contract::inbound::{Consent, Event, Message};
use crate::meta::display::choice;
use crate::meta::{self, Raw};
use crate::telegram::{CALLBACK, wire};

/// What a block is about: the vendor knows no categories.
const EVERYTHING: &str = "all_messages";
/// Words for who is not in a chat.
const OUTSIDE: [&str; 2] = ["left", "kicked"];
/// Words for who is in a chat and may write there.
const INSIDE: [&str; 3] = ["member", "administrator", "creator"];

/// Reads a pressed button.
pub(super) fn press(raw: &RawValue) -> Result<Event, String> {
    let wire: wire::CallbackQuery<'_> = meta::object(Some(raw)).ok_or("not a readable object")?;
    let id = meta::identity(wire.id).ok_or("no id")?;
    // A message that somebody sent through the bot is in a chat that the bot does not see.
    let under: wire::Message<'_> = meta::object(wire.message).unwrap_or_default();
    let chat = people::chat(under.chat).or_else(|| people::of_person(wire.from));
    let chat = chat.ok_or("no sender: it could not be attributed")?;
    let data = meta::filled(wire.data);
    let label = data.as_deref().and_then(|data| label(under.reply_markup, data));
    let content = data.and_then(|data| choice(Some(data), label, None));
    let content = content
        .unwrap_or_else(|| Content::Unsupported { kind: Some("callback_query".to_owned()), raw: meta::keep(raw) });
    let peer = people::peer(&chat, wire.from, None);
    Ok(Event::Message(Box::new(Message {
        reply_to: meta::whole(under.message_id).map(|number| message_id(chat.id, number)),
        ..written(format!("{CALLBACK}{id}"), peer, None, content)
    })))
}

/// What the person read on the button that carries this data.
fn label(markup: Raw<'_>, data: &str) -> Option<String> {
    let markup: wire::Markup<'_> = meta::object(markup)?;
    let mut buttons = meta::list(markup.inline_keyboard)?.into_iter().flat_map(|row| meta::list(Some(row))).flatten();
    buttons.find_map(|raw| {
        let button: wire::Button<'_> = meta::object(Some(raw))?;
        meta::filled(button.text).filter(|_| meta::text(button.callback_data).as_deref() == Some(data))
    })
}

/// Reads changed reactions of one person: what was added, else what is left, else that all are gone.
pub(super) fn reaction(raw: &RawValue, id: String) -> Result<Event, String> {
    let wire: wire::Reaction<'_> = meta::object(Some(raw)).ok_or("not a readable object")?;
    let chat = people::chat(wire.chat).ok_or("no chat: it could not be attributed")?;
    let number = meta::whole(wire.message_id).ok_or("no message_id")?;
    let now = meta::list(wire.new_reaction).ok_or("new_reaction is no list")?;
    let before: Vec<String> =
        meta::list(wire.old_reaction).into_iter().flatten().filter_map(|raw| emoji(Some(raw))).collect();
    let shown: Vec<String> = now.iter().filter_map(|raw| emoji(Some(raw))).collect();
    let added = shown.iter().find(|emoji| !before.contains(emoji)).or(shown.first()).cloned();
    let content = if added.is_none() && !now.is_empty() {
        // A picture of the person's own choice is no character.
        Content::Unsupported { kind: Some("message_reaction".to_owned()), raw: meta::keep(raw) }
    } else {
        Content::Reaction { target: message_id(chat.id, number), emoji: added }
    };
    let peer = people::peer(&chat, wire.user, wire.actor_chat);
    let at = meta::seconds(wire.date);
    let opens_window = !now.is_empty();
    Ok(Event::Message(Box::new(Message { wants_answer: false, opens_window, ..written(id, peer, at, content) })))
}

fn emoji(raw: Raw<'_>) -> Option<String> {
    let wire: wire::ReactionType<'_> = meta::object(raw)?;
    match meta::text(wire.kind)?.as_ref() {
        "emoji" => meta::filled(wire.emoji),
        "paid" => Some("⭐".to_owned()),
        _ => None,
    }
}

/// Reads how the bot stands in a chat. Who blocks it, or throws it out, wants no messages, and may change their mind;
/// that is their word, not the end of an address.
pub(super) fn membership(raw: &RawValue) -> Result<Event, String> {
    let wire: wire::MemberUpdated<'_> = meta::object(Some(raw)).ok_or("not a readable object")?;
    let chat = people::chat(wire.chat).ok_or("no chat: it could not be attributed")?;
    let (was, is) = (status(wire.old_chat_member), status(wire.new_chat_member).ok_or("no status")?);
    let was_outside = was.is_none_or(|was| OUTSIDE.contains(&was.as_str()));
    let granted = match is.as_str() {
        outside if OUTSIDE.contains(&outside) => false,
        inside if INSIDE.contains(&inside) && was_outside => true,
        // Its rights in a group changed.
        _ => return Ok(news("my_chat_member", raw)),
    };
    Ok(Event::Consent(Consent {
        peer: people::peer(&chat, wire.from, None),
        category: EVERYTHING.to_owned(),
        granted,
        at: meta::seconds(wire.date),
    }))
}

fn status(raw: Raw<'_>) -> Option<String> {
    let wire: wire::Member<'_> = meta::object(raw)?;
    meta::filled(wire.status)
}
