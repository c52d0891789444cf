//! The books: what was sent, what was delivered and how often it was tried. They only record, and stay bounded.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::channel::Channel;
use crate::webhooks::Letter;

/// How much the books keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BooksOptions {
    /// Most messages, deliveries and events kept; the oldest go first.
    pub capacity: usize,
    /// Keep counts and times only, no messages and no events.
    pub count_only: bool,
}

impl Default for BooksOptions {
    fn default() -> Self {
        Self { capacity: 20_000, count_only: false }
    }
}

/// One accepted outbound message.
#[derive(Debug, Clone, Serialize)]
pub struct SentMessage {
    /// Position among all accepted messages, from 1.
    pub seq: u64,
    /// The channel it went out by.
    pub channel: Channel,
    /// The account it was sent from: number id, page id, Instagram account id, account SID or mail address.
    pub account: String,
    /// The vendor's id of it; of a mail its `Message-ID` without brackets.
    pub id: String,
    /// Address as the sender wrote it: phone number, group, scoped user id, mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Business-scoped user id as the sender wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The simulator's key of the customer, when the address is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// `text`, `image`, `interactive`, `template`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The words that the customer reads first, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The whole request; a form becomes an object, a mail its envelope, headers and parts.
    pub body: Value,
    /// What the sender gave to know the message again: `biz_opaque_callback_data`, `metadata`, the query of a
    /// `StatusCallback`, a `Message-ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// Real time of arrival, Unix milliseconds.
    pub arrived_ms: i64,
    /// The same on the simulated clock.
    pub at_ms: i64,
    /// Whether a message with the same tracking came before.
    pub duplicate: bool,
}

/// One webhook POST and how it went.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub id: u64,
    pub channel: Channel,
    pub account: String,
    /// `inbound`, `receipts` or `echoes`.
    pub kind: &'static str,
    /// The messages it is about.
    pub ids: Vec<String>,
    /// `pending`, `acknowledged`, `given_up` or `no_callback`.
    pub state: &'static str,
    pub tries: u32,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub created_ms: i64,
    pub settled_ms: Option<i64>,
}

/// Totals of one account, kept in every mode.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    pub messages: u64,
    pub duplicates: u64,
    pub first_arrival_ms: Option<i64>,
    pub last_arrival_ms: Option<i64>,
    pub deliveries: u64,
    pub acknowledged: u64,
    pub given_up: u64,
    pub tries: u64,
}

/// Something that happened, for listeners.
#[derive(Debug, Clone)]
pub struct Event {
    pub seq: u64,
    pub name: &'static str,
    pub data: EventData,
}

/// What an event says. A sent message is shared rather than written out, because most are never listened to.
#[derive(Debug, Clone)]
pub enum EventData {
    Sent(Arc<SentMessage>),
    Json(Value),
}

impl Event {
    pub fn json(&self) -> Value {
        match &self.data {
            EventData::Sent(message) => serde_json::to_value(message.as_ref()).unwrap_or_default(),
            EventData::Json(value) => value.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct Pages {
    counts: HashMap<String, Counts>,
    seen: HashSet<u64>,
    seen_order: VecDeque<u64>,
    next_message: u64,
    messages: VecDeque<Arc<SentMessage>>,
    next_delivery: u64,
    deliveries: VecDeque<Delivery>,
    next_event: u64,
    events: VecDeque<Event>,
}

/// The books of all accounts.
#[derive(Debug)]
pub struct Books {
    options: BooksOptions,
    pages: Mutex<Pages>,
    changed: watch::Sender<u64>,
}

impl Books {
    pub fn new(options: BooksOptions) -> Self {
        Self { options, pages: Mutex::default(), changed: watch::Sender::new(0) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells listeners that something was written.
    fn announce(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// A receiver that wakes at each change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Enters an accepted message: gives it its number and tells whether it is a repetition.
    pub fn enter(&self, mut message: SentMessage) -> Arc<SentMessage> {
        let mut pages = self.lock();
        pages.next_message += 1;
        message.seq = pages.next_message;
        message.duplicate = message.tracking.as_deref().is_some_and(|tracking| {
            let mut hasher = DefaultHasher::new();
            (&message.account, tracking).hash(&mut hasher);
            !pages.is_new(hasher.finish(), self.options.capacity.max(1_000_000))
        });
        let counts = pages.counts_of(&message.account);
        counts.messages += 1;
        counts.duplicates += u64::from(message.duplicate);
        counts.first_arrival_ms.get_or_insert(message.arrived_ms);
        counts.last_arrival_ms = Some(message.arrived_ms);
        let message = Arc::new(message);
        if !self.options.count_only {
            pages.messages.push_back(Arc::clone(&message));
            if pages.messages.len() > self.options.capacity {
                pages.messages.pop_front();
            }
            pages.push_event("outbound", EventData::Sent(Arc::clone(&message)), self.options.capacity);
        }
        drop(pages);
        self.announce();
        message
    }

    /// Notes an event that is not an accepted message.
    pub fn note(&self, name: &'static str, data: Value) {
        if self.options.count_only {
            return;
        }
        self.lock().push_event(name, EventData::Json(data), self.options.capacity);
        self.announce();
    }

    /// Opens the record of a webhook before its first try.
    pub fn open_delivery(&self, letter: &Letter, now_ms: i64) -> u64 {
        let account = letter.account.as_str();
        let mut pages = self.lock();
        pages.next_delivery += 1;
        let id = pages.next_delivery;
        pages.counts_of(account).deliveries += 1;
        pages.deliveries.push_back(Delivery {
            id,
            channel: letter.channel,
            account: account.to_owned(),
            kind: letter.kind,
            ids: if self.options.count_only { Vec::new() } else { letter.ids.clone() },
            state: "pending",
            tries: 0,
            status: None,
            error: None,
            created_ms: now_ms,
            settled_ms: None,
        });
        let most = if self.options.count_only { 1_000 } else { self.options.capacity };
        if pages.deliveries.len() > most {
            pages.deliveries.pop_front();
        }
        id
    }

    /// Writes down one try of a webhook. `state` stays `pending` while it is going to be tried again.
    pub fn record_try(&self, to: &str, id: u64, result: Result<u16, String>, state: &'static str, now_ms: i64) {
        let mut pages = self.lock();
        let counts = pages.counts_of(to);
        counts.tries += u64::from(state != "no_callback");
        counts.acknowledged += u64::from(state == "acknowledged");
        counts.given_up += u64::from(state == "given_up");
        let first = pages.deliveries.front().map_or(id, |delivery| delivery.id);
        let index = usize::try_from(id.wrapping_sub(first)).unwrap_or(usize::MAX);
        let shown = pages.deliveries.get_mut(index).map(|delivery| {
            delivery.tries += u32::from(state != "no_callback");
            delivery.state = state;
            delivery.settled_ms = (state != "pending").then_some(now_ms);
            match result {
                Ok(status) => (delivery.status, delivery.error) = (Some(status), None),
                Err(error) => (delivery.status, delivery.error) = (None, Some(error)),
            }
            delivery.clone()
        });
        if let (Some(delivery), false) = (shown, self.options.count_only) {
            let data = serde_json::to_value(&delivery).unwrap_or_default();
            pages.push_event("delivery", EventData::Json(data), self.options.capacity);
        }
        drop(pages);
        self.announce();
    }

    /// The record of one webhook, while it is kept.
    pub fn delivery(&self, id: u64) -> Option<Delivery> {
        let pages = self.lock();
        let first = pages.deliveries.front()?.id;
        pages.deliveries.get(usize::try_from(id.checked_sub(first)?).ok()?).cloned()
    }

    pub fn counts(&self, account: &str) -> Counts {
        self.lock().counts.get(account).cloned().unwrap_or_default()
    }

    /// Everything kept about one account.
    pub fn of(&self, account: &str) -> Value {
        let pages = self.lock();
        let messages: Vec<_> = pages.messages.iter().filter(|m| m.account == account).map(Arc::as_ref).collect();
        let deliveries: Vec<_> = pages.deliveries.iter().filter(|d| d.account == account).collect();
        json!({
            "counts": pages.counts.get(account).cloned().unwrap_or_default(),
            "messages": messages,
            "deliveries": deliveries,
        })
    }

    /// Everything kept about every account.
    pub fn all(&self) -> Value {
        let pages = self.lock();
        let messages: Vec<_> = pages.messages.iter().map(Arc::as_ref).collect();
        json!({"counts": pages.counts, "messages": messages, "deliveries": pages.deliveries,
               "last_event": pages.next_event})
    }

    /// Events after `after`, at most `most` of them.
    pub fn events_after(&self, after: u64, most: usize) -> Vec<Event> {
        let pages = self.lock();
        let start = pages.events.partition_point(|event| event.seq <= after);
        pages.events.iter().skip(start).take(most).cloned().collect()
    }

    /// Number of the newest event.
    pub fn last_event(&self) -> u64 {
        self.lock().next_event
    }

    /// Empties the books. Numbering goes on, so that listeners notice nothing but the event.
    pub fn clear(&self) {
        let mut pages = self.lock();
        let fresh = Pages {
            next_message: pages.next_message,
            next_delivery: pages.next_delivery,
            next_event: pages.next_event,
            ..Pages::default()
        };
        *pages = fresh;
        pages.push_event("cleared", EventData::Json(json!({})), self.options.capacity);
        drop(pages);
        self.announce();
    }
}

impl Pages {
    fn counts_of(&mut self, account: &str) -> &mut Counts {
        if !self.counts.contains_key(account) {
            self.counts.insert(account.to_owned(), Counts::default());
        }
        self.counts.entry(account.to_owned()).or_default()
    }

    fn is_new(&mut self, hash: u64, most: usize) -> bool {
        if !self.seen.insert(hash) {
            return false;
        }
        self.seen_order.push_back(hash);
        if self.seen_order.len() > most
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    fn push_event(&mut self, name: &'static str, data: EventData, capacity: usize) {
        self.next_event += 1;
        self.events.push_back(Event { seq: self.next_event, name, data });
        if self.events.len() > capacity {
            self.events.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tracking: Option<&str>) -> SentMessage {
        SentMessage {
            seq: 0,
            channel: Channel::Whatsapp,
            account: "1".to_owned(),
            id: "wamid.x".to_owned(),
            to: Some("2".to_owned()),
            recipient: None,
            customer: None,
            kind: "text".to_owned(),
            text: None,
            body: json!({}),
            tracking: tracking.map(str::to_owned),
            arrived_ms: 5,
            at_ms: 5,
            duplicate: false,
        }
    }

    #[test]
    fn repetitions_are_seen_by_their_tracking() {
        let books = Books::new(BooksOptions::default());
        let flags: Vec<_> = [Some("a"), Some("b"), Some("a"), None, None]
            .into_iter()
            .map(|tracking| books.enter(message(tracking)).duplicate)
            .collect();
        assert_eq!(flags, [false, false, true, false, false]);
        assert_eq!(books.counts("1").duplicates, 1);
    }

    #[test]
    fn the_books_stay_bounded() {
        let books = Books::new(BooksOptions { capacity: 10, count_only: false });
        let letter = Letter {
            channel: Channel::Whatsapp,
            account: "1".to_owned(),
            kind: "inbound",
            ids: Vec::new(),
            body: bytes::Bytes::new(),
            seal: crate::webhooks::Seal::Graph,
        };
        for _ in 0..100 {
            books.enter(message(None));
            books.open_delivery(&letter, 0);
        }
        assert_eq!(books.of("1")["messages"].as_array().map(Vec::len), Some(10));
        assert_eq!(books.of("1")["deliveries"].as_array().map(Vec::len), Some(10));
        assert_eq!(books.events_after(0, 1_000).len(), 10);
        assert_eq!(books.counts("1").messages, 100);
        assert!(books.delivery(1).is_none() && books.delivery(100).is_some());
    }

    #[test]
    fn counting_only_keeps_no_message() {
        let books = Books::new(BooksOptions { capacity: 10, count_only: true });
        books.enter(message(Some("a")));
        books.enter(message(Some("a")));
        assert_eq!(books.of("1")["messages"].as_array().map(Vec::len), Some(0));
        assert_eq!((books.counts("1").messages, books.counts("1").duplicates), (2, 1));
    }
}
