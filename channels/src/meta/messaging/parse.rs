//! A signed delivery of the messaging webhook, read into events. Each element stands or falls alone, and what is no
//! event is named with its reason; nothing here decides what an event means for a conversation.

mod attachments;
mod events;
mod messages;
mod news;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{DERIVED, Product, wire};
use crate::contract::inbound::{Arrival, Event, Ignored, Notice, Parsed};
use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::meta::display::clean;
use crate::meta::envelope::{Malformed, note, read};
use crate::meta::verify::Verified;
use crate::meta::{self, Element, Raw};

/// Longest message id that is taken over, in characters: what is derived from it must be an id, too.
const LONGEST_MID: usize = 400;

/// What is known of the account whose secret signed a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    /// The vendor's id of the account, as deliveries name it.
    pub(crate) account: &'a str,
    /// The vendor's id of our app.
    pub(crate) app_id: Option<&'a str>,
}

/// Peeks at an unverified body to find whose secrets to try. Anything unreadable is nobody's. Takes time in
/// proportion to the body, and memory for the ids only.
pub(crate) fn addressed(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(envelope) = read::<wire::Envelope<'_>>(body) else { return found };
    meta::each_of(envelope.entry, &mut |raw| {
        let Some(entry) = meta::object::<wire::Account<'_>>(Some(raw)) else { return };
        note(&mut found, entry.id);
        for list in [entry.messaging, entry.standby] {
            meta::each_of(list, &mut |raw| note_event(&mut found, raw));
        }
        meta::each_of(entry.changes, &mut |raw| {
            let change: wire::Change<'_> = meta::object(Some(raw)).unwrap_or_default();
            if let Some(value) = change.value {
                note_event(&mut found, value);
            }
        });
    });
    found
}

fn note_event(found: &mut Vec<String>, raw: &RawValue) {
    let event: wire::Event<'_> = meta::object(Some(raw)).unwrap_or_default();
    let echo: wire::Echo<'_> = meta::object(event.message).unwrap_or_default();
    let account = if meta::flag(echo.is_echo) { event.sender } else { event.recipient };
    note(found, meta::object::<wire::Party<'_>>(account).and_then(|party| party.id));
}

/// Reads a signed delivery into events, in wire order.
///
/// # Errors
/// [`Malformed`] when the body is not one JSON object in UTF-8, or nests or repeats members beyond reading.
pub(crate) fn delivery(product: &Product, own: Own<'_>, verified: &Verified<'_>) -> Result<Parsed, Malformed> {
    let delivery: wire::Delivery<'_> = read(verified.body())?;
    let mut reading = Reading { product, own, parsed: Parsed::default() };
    if meta::text(delivery.object).as_deref() != Some(product.object) {
        reading.pass_over("object".to_owned(), "not a delivery of this product");
        return Ok(reading.parsed);
    }
    let Some(entries) = delivery.entry.0 else {
        reading.pass_over("entry".to_owned(), "not a list");
        return Ok(reading.parsed);
    };
    for (index, element) in entries.into_iter().enumerate() {
        reading.entry(&format!("entry[{index}]"), element);
    }
    Ok(reading.parsed)
}

/// What has been read so far.
struct Reading<'a> {
    product: &'a Product,
    own: Own<'a>,
    parsed: Parsed,
}

/// Where an event stands, whom it is about, and when it was.
struct Scene<'a> {
    path: String,
    account: String,
    own: Own<'a>,
    /// The person: the sender, or the receiver of what our side sent.
    peer: Peer,
    at: Option<i64>,
    /// Our own side did it.
    ours: bool,
    /// Another application holds the thread.
    standby: bool,
}

impl Scene<'_> {
    /// The person, or why there is none.
    fn person(&self) -> Result<Peer, String> {
        if self.peer.identities.is_empty() {
            return Err("nobody named: it could not be attributed".to_owned());
        }
        Ok(self.peer.clone())
    }

    /// An id for an event that the vendor gives none: the same for the same event, however often it comes.
    fn derived(&self, kind: &str, parts: &[&str]) -> String {
        let at = self.at.map(|at| at.to_string()).unwrap_or_default();
        let who: Vec<&str> = self.peer.identities.iter().map(|identity| identity.value.as_str()).collect();
        let mut hash = Sha256::new();
        for part in [kind, &at].into_iter().chain(who).chain(parts.iter().copied()) {
            // Lengths keep parts apart whatever they hold.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        format!("{DERIVED}{kind}:{}", hex::encode(hash.finalize()))
    }
}

impl<'a> Reading<'a> {
    fn pass_over(&mut self, path: String, reason: impl Into<String>) {
        self.parsed.ignored.push(Ignored { path, reason: reason.into() });
    }

    fn push(&mut self, account: &str, event: Event) {
        self.parsed.events.push(Arrival { account: Some(account.to_owned()), business: None, event });
    }

    fn entry(&mut self, path: &str, element: Element<wire::Entry<'a>>) {
        let Element::Sound(entry) = element else { return self.pass_over(path.to_owned(), "not an object") };
        let id = meta::identity(entry.id);
        let lists = [("messaging", entry.messaging.0), ("standby", entry.standby.0)];
        let mut empty = true;
        for (list, events) in lists {
            for (index, raw) in events.into_iter().flatten().enumerate() {
                empty = false;
                self.event(format!("{path}.{list}[{index}]"), id.as_deref(), raw, list == "standby");
            }
        }
        for (index, raw) in entry.changes.0.into_iter().flatten().enumerate() {
            empty = false;
            self.change(&format!("{path}.changes[{index}]"), id.as_deref(), raw);
        }
        if empty {
            self.pass_over(path.to_owned(), "neither events nor changes in it");
        }
    }

    /// A change of a subscribed field: an event in another wrapping, or news about the account and what is public.
    fn change(&mut self, path: &str, entry: Option<&str>, raw: &'a RawValue) {
        let change: wire::Change<'_> = meta::object(Some(raw)).unwrap_or_default();
        let Some(field) = meta::filled(change.field) else {
            return self.pass_over(format!("{path}.field"), "no field name");
        };
        let Some(value) = change.value else { return self.pass_over(format!("{path}.value"), "missing") };
        let event: wire::Event<'_> = meta::object(Some(value)).unwrap_or_default();
        if event.sender.is_some() || event.recipient.is_some() || field == "messages" {
            return self.event(format!("{path}.value"), entry, value, field == "standby");
        }
        let Some(account) = entry else { return self.pass_over(path.to_owned(), "no account named") };
        let kind = clean(&field, 128).unwrap_or_else(|| "unnamed".to_owned());
        self.push(account, Event::Account(Notice { kind, detail: meta::keep(value), alarming: false }));
    }

    fn event(&mut self, path: String, entry: Option<&str>, raw: &'a RawValue, standby: bool) {
        let wire: wire::Event<'_> = match raw.get().starts_with('{').then(|| serde_json::from_str(raw.get())) {
            Some(Ok(wire)) => wire,
            Some(Err(error)) => return self.pass_over(path, format!("{:?} error in the object", error.classify())),
            None => return self.pass_over(path, "not an object"),
        };
        let message: wire::Message<'_> = meta::object(wire.message).unwrap_or_default();
        let (sender, recipient) = (account_id(wire.sender), account_id(wire.recipient));
        let ours = meta::flag(message.is_echo) || self.is_ours(entry, sender.as_deref(), recipient.as_deref());
        let (account, person) = if ours { (sender, wire.recipient) } else { (recipient, wire.sender) };
        let Some(account) = account.or_else(|| entry.map(str::to_owned)) else {
            return self.pass_over(path, "no account named: it could not be routed");
        };
        let peer = Peer { identities: identities(person, wire.prior_message), ..Peer::default() };
        let at = meta::moment(wire.timestamp);
        let scene = Scene { path, account, own: self.own, peer, at, ours, standby };
        if let Err(reason) = events::read(self, &scene, &wire, raw) {
            self.pass_over(scene.path, reason);
        }
    }

    /// Whether the sender is the account itself, whatever the flags say: an agent that is handed its own words answers
    /// them for ever.
    fn is_ours(&self, entry: Option<&str>, sender: Option<&str>, recipient: Option<&str>) -> bool {
        let own = Some(self.own.account).filter(|own| !own.is_empty());
        if sender.is_some() && sender == own {
            return true;
        }
        // Some deliveries name the person where the account belongs.
        let is_account = |id: Option<&str>| {
            self.product.account_prefix.is_some_and(|prefix| id.is_some_and(|id| id.starts_with(prefix)))
        };
        let misnamed = recipient.is_some() && recipient == own || is_account(recipient) && !is_account(sender);
        sender.is_some() && sender == entry && !misnamed
    }
}

fn account_id(raw: Raw<'_>) -> Option<String> {
    meta::object::<wire::Party<'_>>(raw).and_then(|party| meta::identity(party.id))
}

/// The names of a person. Guests of a plugin have a reference only; who came from one has both for a while.
fn identities(party: Raw<'_>, prior: Raw<'_>) -> Vec<Identity> {
    let party: wire::Party<'_> = meta::object(party).unwrap_or_default();
    let prior: wire::PriorMessage<'_> = meta::object(prior).unwrap_or_default();
    let from_plugin = meta::text(prior.source).as_deref() == Some("checkbox_plugin");
    let before = if from_plugin { meta::identity(prior.identifier) } else { None };
    let id = meta::identity(party.id).map(|id| Identity::new(IdentityKind::ScopedId, id));
    let guest = meta::identity(party.user_ref).or(before).map(|guest| Identity::new(IdentityKind::UserId, guest));
    id.into_iter().chain(guest).collect()
}

/// Reads the id of a message.
fn mid(raw: Raw<'_>) -> Result<String, String> {
    let id = meta::id(raw).filter(|id| id.chars().count() <= LONGEST_MID && !id.starts_with(DERIVED));
    id.map(|id| id.into_owned()).ok_or_else(|| "no usable id: it could not be deduplicated".to_owned())
}
