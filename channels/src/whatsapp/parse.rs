//! A signed delivery, read into events. Each element stands or falls alone, and what is no event is named with its
//! reason; nothing here decides what an event means for a conversation.

mod content;
mod messages;
mod news;
mod people;
mod statuses;

use serde_json::value::RawValue;

use super::verify::Verified;
use super::wire;
use crate::contract::inbound::{Arrival, Event, Ignored, Notice, Parsed};
pub use crate::meta::envelope::Malformed;
use crate::meta::envelope::{note, read};
use crate::meta::{self, Element};
use people::People;

/// The `object` of this product.
const OBJECT: &str = "whatsapp_business_account";

/// Whom an unverified body claims to be for. Good for choosing secrets to try, and for nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressed {
    /// Ids of numbers, in order of appearance, each once.
    pub phone_number_ids: Vec<String>,
    /// Ids of business accounts, in order of appearance, each once.
    pub business_ids: Vec<String>,
}

/// Peeks at an unverified body to find whose secrets to try. Anything unreadable is nobody's. Takes time in
/// proportion to the body, and memory for the ids only.
#[must_use]
pub fn addressed(body: &[u8]) -> Addressed {
    let mut found = Addressed::default();
    let Ok(envelope) = read::<wire::Envelope<'_>>(body) else { return found };
    meta::each_of(envelope.entry, &mut |raw| {
        let Some(entry) = meta::object::<wire::Account<'_>>(Some(raw)) else { return };
        note(&mut found.business_ids, entry.id);
        meta::each_of(entry.changes, &mut |raw| {
            let change: wire::Change<'_> = meta::object(Some(raw)).unwrap_or_default();
            let value: wire::Addressee<'_> = meta::object(change.value).unwrap_or_default();
            let metadata: wire::Metadata<'_> = meta::object(value.metadata).unwrap_or_default();
            note(&mut found.phone_number_ids, metadata.phone_number_id);
        });
    });
    found
}

/// Reads a signed delivery into events, in wire order.
///
/// # Errors
/// [`Malformed`] when the body is not one JSON object in UTF-8, or nests or repeats members beyond reading.
pub fn delivery(verified: &Verified<'_>) -> Result<Parsed, Malformed> {
    let delivery: wire::Delivery<'_> = read(verified.body())?;
    let mut reading = Reading::default();
    if meta::text(delivery.object).as_deref() != Some(OBJECT) {
        reading.pass_over("object".to_owned(), "not a delivery of this product");
        return Ok(reading.parsed);
    }
    let Some(entries) = delivery.entry.0 else {
        reading.pass_over("entry".to_owned(), "not a list");
        return Ok(reading.parsed);
    };
    for (index, element) in entries.into_iter().enumerate() {
        reading.entry(index, element);
    }
    Ok(reading.parsed)
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    parsed: Parsed,
}

/// Where a change stands and for whom it is.
struct Scene {
    entry: usize,
    change: usize,
    business: Option<String>,
    account: Option<String>,
    own_number: Option<String>,
    people: People,
}

impl Scene {
    fn path(&self, list: &str, index: usize) -> String {
        format!("entry[{}].changes[{}].value.{list}[{index}]", self.entry, self.change)
    }

    fn arrival(&self, event: Event) -> Arrival {
        Arrival { account: self.account.clone(), business: self.business.clone(), event }
    }
}

impl Reading {
    fn pass_over(&mut self, path: String, reason: impl Into<String>) {
        self.parsed.ignored.push(Ignored { path, reason: reason.into() });
    }

    fn entry(&mut self, index: usize, element: Element<wire::Entry<'_>>) {
        let Element::Sound(entry) = element else {
            return self.pass_over(format!("entry[{index}]"), "not an object");
        };
        let business = meta::id(entry.id).map(|id| id.into_owned());
        let Some(changes) = entry.changes.0 else {
            return self.pass_over(format!("entry[{index}].changes"), "not a list");
        };
        for (position, element) in changes.into_iter().enumerate() {
            let Element::Sound(change) = element else {
                self.pass_over(format!("entry[{index}].changes[{position}]"), "not an object");
                continue;
            };
            self.change(index, position, business.clone(), &change);
        }
    }

    fn change(&mut self, entry: usize, position: usize, business: Option<String>, change: &wire::Change<'_>) {
        let path = format!("entry[{entry}].changes[{position}]");
        let Some(field) = meta::filled(change.field) else {
            return self.pass_over(format!("{path}.field"), "no field name");
        };
        let Some(raw) = change.value.filter(|raw| raw.get().starts_with('{')) else {
            return self.pass_over(format!("{path}.value"), "not an object");
        };
        let payload: wire::Payload<'_> = match serde_json::from_str(raw.get()) {
            Ok(payload) => payload,
            Err(error) => return self.pass_over(format!("{path}.value"), format!("{:?} error", error.classify())),
        };
        let metadata: wire::Metadata<'_> = meta::object(payload.metadata).unwrap_or_default();
        let scene = Scene {
            entry,
            change: position,
            business,
            account: meta::id(metadata.phone_number_id).map(|id| id.into_owned()),
            own_number: meta::text(metadata.display_phone_number).and_then(|number| people::phone(&number)),
            people: People::new(payload.contacts.0.unwrap_or_default()),
        };
        let before = self.parsed.events.len() + self.parsed.ignored.len();
        match field.as_str() {
            "messages" => {
                self.each(&scene, "messages", payload.messages.0, messages::inbound);
                self.each(&scene, "statuses", payload.statuses.0, statuses::receipt);
                self.errors(&scene, payload.errors);
            }
            "smb_message_echoes" => self.each(&scene, "message_echoes", payload.message_echoes.0, messages::echo),
            "user_id_update" => self.each(&scene, "user_id_update", payload.user_id_update.0, news::moved),
            "user_preferences" => self.each(&scene, "user_preferences", payload.user_preferences.0, news::preference),
            "history" => self.push(&scene, Event::History(history(raw))),
            "calls" => {
                self.push(&scene, Event::Account(news::notice(&field, raw)));
                self.calls(&scene, payload.calls.0);
            }
            _ => self.push(&scene, Event::Account(news::notice(&field, raw))),
        }
        if before == self.parsed.events.len() + self.parsed.ignored.len() {
            self.pass_over(format!("{path}.value"), format!("nothing of the field {field} in it"));
        }
    }

    fn push(&mut self, scene: &Scene, event: Event) {
        self.parsed.events.push(scene.arrival(event));
    }

    /// Reads every element of a list on its own. Without the number's id nothing can be routed or deduplicated.
    fn each(
        &mut self,
        scene: &Scene,
        list: &str,
        elements: Option<Vec<&RawValue>>,
        read: fn(&Scene, &RawValue) -> Result<Event, String>,
    ) {
        for (index, raw) in elements.into_iter().flatten().enumerate() {
            let outcome =
                if scene.account.is_none() { Err("no phone number id beside it".to_owned()) } else { read(scene, raw) };
            match outcome {
                Ok(event) => self.push(scene, event),
                Err(reason) => self.pass_over(scene.path(list, index), reason),
            }
        }
    }

    /// The call itself stands in the notice; a person's call opens the window, so it is a note in the conversation.
    fn calls(&mut self, scene: &Scene, calls: Option<Vec<&RawValue>>) {
        if scene.account.is_some() {
            for raw in calls.into_iter().flatten() {
                if let Some(event) = messages::call(scene, raw) {
                    self.push(scene, event);
                }
            }
        }
    }

    fn errors(&mut self, scene: &Scene, errors: meta::Raw<'_>) {
        if let Some(raw) = errors {
            self.push(scene, Event::Account(news::trouble(raw)));
        }
    }
}

fn history(raw: &RawValue) -> Notice {
    Notice { kind: "history".to_owned(), detail: meta::keep(raw), alarming: false }
}
