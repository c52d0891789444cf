//! Which kind of event it is. An event has one kind; what else stands beside it is named, not read.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Reading, Scene, messages, news};
use crate::contract::content::Content;
use crate::contract::inbound::{Event, Message};
use crate::meta::display::clean;
use crate::meta::messaging::wire;
use crate::meta::{self, Raw};

/// Longest word of the vendor that is repeated, in characters.
const LONGEST_WORD: usize = 64;
/// Members of an event that are no kind.
const AROUND: [&str; 4] = ["sender", "recipient", "timestamp", "prior_message"];
/// Kinds that concern shops, games and forms, which are no conversation.
const NOT_OURS: [&str; 9] = [
    "checkout_update",
    "game_play",
    "hop_context",
    "lead",
    "order",
    "payment",
    "payment_pre_checkout",
    "pre_checkout",
    "template",
];

/// Kinds that only a person causes; from our own side they say nothing.
const OF_PEOPLE: [&str; 9] = [
    "postback",
    "reaction",
    "read",
    "delivery",
    "optin",
    "referral",
    "account_linking",
    "response_feedback",
    "request_thread_control",
];

type Reader = fn(&mut Reading<'_>, &Scene<'_>, &RawValue) -> Result<(), String>;

/// Reads an event by its kind.
pub(super) fn read(
    reading: &mut Reading<'_>,
    scene: &Scene<'_>,
    event: &wire::Event<'_>,
    raw: &RawValue,
) -> Result<(), String> {
    let mut kinds = kinds(event).into_iter().filter_map(|(kind, raw, read)| raw.map(|raw| (kind, raw, read)));
    let Some((kind, object, read)) = kinds.next() else { return unknown(reading, scene, raw) };
    for (beside, ..) in kinds {
        // How a person came may stand within the message or beside it; both are read with it.
        if !(beside == "referral" && kind == "message") {
            let path = format!("{}.{beside}", scene.path);
            reading.pass_over(path, format!("an event has one kind, and this one is a {kind}"));
        }
    }
    if scene.ours && OF_PEOPLE.contains(&kind) {
        return Err(format!("a {kind} of our own side"));
    }
    if kind == "message" {
        return messages::message(reading, scene, object, event.referral);
    }
    read(reading, scene, object)
}

/// Every kind that is known, in the order in which they count.
fn kinds<'a>(event: &wire::Event<'a>) -> [(&'static str, Raw<'a>, Reader); 15] {
    [
        ("message", event.message, |reading, scene, raw| messages::message(reading, scene, raw, None)),
        ("postback", event.postback, messages::postback),
        ("reaction", event.reaction, messages::reaction),
        ("message_edit", event.message_edit, messages::edit),
        ("read", event.read, news::read),
        ("delivery", event.delivery, news::delivered),
        ("optin", event.optin, news::optin),
        ("referral", event.referral, news::referral),
        ("account_linking", event.account_linking, news::account_linking),
        ("response_feedback", event.response_feedback, news::feedback),
        ("pass_thread_control", event.pass_thread_control, news::passed),
        ("take_thread_control", event.take_thread_control, news::taken),
        ("request_thread_control", event.request_thread_control, news::requested),
        ("app_roles", event.app_roles, news::app_roles),
        ("policy_enforcement", event.policy_enforcement, news::enforcement),
    ]
}

/// A kind that this version does not know stays visible, and wants no answer: nobody knows whether anybody spoke.
fn unknown(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| "not a readable object".to_owned())?;
    let mut kinds = members.iter().filter(|(name, raw)| !AROUND.contains(&name.as_str()) && raw.get() != "null");
    let Some((kind, object)) = kinds.next() else { return Err("no kind of event in it".to_owned()) };
    let word = clean(kind, LONGEST_WORD).unwrap_or_else(|| "unnamed".to_owned());
    if NOT_OURS.contains(&kind.as_str()) {
        return Err(format!("events of the kind {word} are not read"));
    }
    if scene.ours {
        return Err(format!("an event of the unknown kind {word} of our own side"));
    }
    let content = Content::Unsupported { kind: Some(word), raw: meta::keep(raw) };
    let message = note(scene.derived("unknown", &[kind, object.get()]), scene, content)?;
    reading.push(&scene.account, Event::Message(Box::new(message)));
    Ok(())
}

/// A note in the conversation: it wants no answer and opens no window.
pub(super) fn note(id: String, scene: &Scene<'_>, content: Content) -> Result<Message, String> {
    Ok(Message {
        id,
        peer: scene.person()?,
        at: scene.at,
        content,
        reply_to: None,
        forwarded: false,
        referral: None,
        opens_window: false,
        wants_answer: false,
        thread: None,
    })
}
