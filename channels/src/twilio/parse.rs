//! A signed delivery, read into events: a message or the status of one, by its fields. What is no event is named with
//! its reason; nothing here decides what an event means for a conversation.

mod consent;
mod content;
mod people;
mod statuses;

use serde_json::Value;
use serde_json::value::RawValue;

use super::verify::{self, Verified};
use super::wire::{self, Fields};
use super::{Carrier, Settings};
use crate::contract::content::Content;
use crate::contract::inbound::{Arrival, Event, Ignored, Message, Notice, Parsed};
use crate::contract::vendor::{Addressees, Delivery};
use crate::meta;
pub(super) use people::of_address;

/// Longest id that is taken over, in characters.
const LONGEST_ID: usize = 512;
/// Words of `SmsStatus` that mark a message of a person, not news about one of ours.
const OF_A_PERSON: [&str; 2] = ["received", "receiving"];

/// A signed body that is no delivery at all: the door answers 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is no delivery: {reason}")]
pub struct Malformed {
    /// What is wrong with it, without any of its content.
    pub reason: String,
}

/// Peeks at an unverified delivery to find whose tokens to try: our address in it, and the messaging service.
#[must_use]
pub fn addressed(delivery: &Delivery<'_>) -> Addressees {
    let Some(form) = verify::form(delivery) else { return Addressees::default() };
    let fields = Fields::of_form(form);
    let known = |name: &str| fields.get(name).and_then(id).map(str::to_owned);
    let own = if is_status(&fields) { "From" } else { "To" };
    Addressees {
        accounts: [known(own), known("MessagingServiceSid")].into_iter().flatten().collect(),
        businesses: known("AccountSid").into_iter().collect(),
    }
}

/// Reads a signed delivery into events.
///
/// # Errors
/// [`Malformed`] when a body that is no form is no JSON object or list either.
pub fn delivery(verified: &Verified<'_>, settings: &Settings) -> Result<Parsed, Malformed> {
    let mut reading = Reading { settings, url: verified.url(), parsed: Parsed::default() };
    match verified.form() {
        Some(form) => reading.webhook("body", &Fields::of_form(form), None),
        None => reading.json(verified.body())?,
    }
    Ok(reading.parsed)
}

/// Whether it is news about a message of ours. The body's text says nothing: a picture may have none.
fn is_status(fields: &Fields) -> bool {
    let word = fields.get("MessageStatus").or_else(|| fields.get("SmsStatus"));
    word.is_some_and(|word| !OF_A_PERSON.contains(&word.trim()))
}

/// An opaque id: not endless, without control characters and blanks at its ends.
fn id(text: &str) -> Option<&str> {
    let sound = !text.is_empty()
        && text.trim().len() == text.len()
        && text.chars().count() <= LONGEST_ID
        && !text.chars().any(char::is_control);
    sound.then_some(text)
}

/// The id of a message, under any of its names.
fn message_id(fields: &Fields) -> Option<&str> {
    ["MessageSid", "SmsMessageSid", "SmsSid"].into_iter().find_map(|name| fields.get(name).and_then(id))
}

/// What has been read so far.
struct Reading<'a> {
    settings: &'a Settings,
    url: &'a str,
    parsed: Parsed,
}

impl Reading<'_> {
    fn pass_over(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.parsed.ignored.push(Ignored { path: path.into(), reason: reason.into() });
    }

    fn push(&mut self, account: Option<&str>, business: Option<&str>, event: Event) {
        let (account, business) = (account.map(str::to_owned), business.map(str::to_owned));
        self.parsed.events.push(Arrival { account, business, event });
    }

    /// A webhook of the account's console: one object, or a list of them.
    fn json(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(body).map_err(|error| Malformed { reason: error.to_string() })?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| Malformed {
            reason: format!("{:?} error in line {} column {}", error.classify(), error.line(), error.column()),
        })?;
        match meta::keep(raw) {
            Value::Object(object) => {
                let fields = Fields::of_object(&object);
                self.webhook("body", &fields, Some(Value::Object(object)));
            }
            Value::Array(elements) if elements.is_empty() => self.pass_over("body", "an empty list"),
            Value::Array(elements) => {
                for (index, element) in elements.into_iter().enumerate() {
                    let path = format!("body[{index}]");
                    match element {
                        Value::Object(object) => {
                            let fields = Fields::of_object(&object);
                            self.webhook(&path, &fields, Some(Value::Object(object)));
                        }
                        _ => self.pass_over(path, "not an object"),
                    }
                }
            }
            _ => return Err(Malformed { reason: "neither a form nor a JSON object or list".to_owned() }),
        }
        Ok(())
    }

    /// One webhook, from its fields; `whole` is what they came in, where that is more than they are.
    fn webhook(&mut self, path: &str, fields: &Fields, whole: Option<Value>) {
        if fields.is_empty() {
            return self.pass_over(path, "no fields in it");
        }
        let business = fields.get("AccountSid").and_then(id);
        if business.is_some_and(|sid| sid != self.settings.account_sid) {
            return self.pass_over(format!("{path}.AccountSid"), "of another account than this channel's");
        }
        let Some(id) = message_id(fields) else {
            let (kind, detail) = (notice_kind(fields), whole.unwrap_or_else(|| fields.object()));
            return self.push(None, business, Event::Account(Notice { kind, detail, alarming: false }));
        };
        if is_status(fields) {
            let tracking = wire::parameter(self.url, wire::TRACKING).filter(|tracking| self::id(tracking).is_some());
            let account = self.account(fields, "From", tracking.is_some());
            match statuses::events(id, tracking, fields) {
                Ok(events) => events.into_iter().for_each(|event| self.push(account.as_deref(), business, event)),
                Err(reason) => self.pass_over(format!("{path}.MessageStatus"), reason),
            }
            return;
        }
        let account = self.account(fields, "To", false);
        self.message(path, id, account.as_deref(), business, fields);
    }

    /// The account's id as the channel knows itself, or the address as it stood there.
    fn account(&self, fields: &Fields, own: &str, surely_ours: bool) -> Option<String> {
        let (own, service) = (fields.get(own).map(str::trim), fields.get("MessagingServiceSid").map(str::trim));
        let set = |known: &Option<String>, said: Option<&str>| {
            said.zip(known.as_deref()).is_some_and(|(said, known)| known.trim().eq_ignore_ascii_case(said))
        };
        let ours = set(&self.settings.sender, own) || set(&self.settings.messaging_service_sid, service);
        if ours || surely_ours {
            return self.settings.account_id();
        }
        own.or(service).and_then(self::id).map(str::to_owned)
    }

    fn message(&mut self, path: &str, id: &str, account: Option<&str>, business: Option<&str>, fields: &Fields) {
        let Some(peer) = people::sender(fields) else {
            return self.pass_over(format!("{path}.From"), "no sender: it could not be attributed");
        };
        let from = fields.get("From").map(str::trim);
        if from.is_some() && from == self.settings.sender.as_deref().map(str::trim) {
            return self.pass_over(format!("{path}.From"), "sent by our own sender");
        }
        let carrier = from.map_or(Carrier::Sms, |from| Carrier::of(from).0);
        let read = content::read(carrier, fields, self.settings.decode_base64);
        for (field, reason) in read.lacking {
            self.pass_over(format!("{path}.{field}"), reason);
        }
        let wish = consent::wish(carrier, fields, self.settings);
        let referral = content::referral(fields);
        let forwarded = fields.flag("Forwarded") || fields.flag("FrequentlyForwarded");
        let reply_to = fields.get("OriginalRepliedMessageSid").and_then(self::id);
        let reaction = matches!(read.content, Content::Reaction { .. });
        let message = Message {
            id: id.to_owned(),
            peer: peer.clone(),
            at: None,
            content: read.content,
            reply_to: reply_to.map(str::to_owned).filter(|_| !reaction),
            forwarded,
            referral,
            opens_window: true,
            wants_answer: !reaction && wish.wants_answer,
            thread: None,
        };
        self.push(account, business, Event::Message(Box::new(message)));
        if let Some(granted) = wish.granted {
            self.push(account, business, consent::event(peer, granted));
        }
    }
}

/// The vendor's webhooks name themselves by no field; those of its debugger state a level.
fn notice_kind(fields: &Fields) -> String {
    let kinds = [("Level", "debugger"), ("CallSid", "call"), ("specversion", "event")];
    let kind = kinds.into_iter().find(|(field, _)| fields.raw(field).is_some());
    kind.map_or("webhook", |(_, kind)| kind).to_owned()
}
