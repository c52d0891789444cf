//! What Twilio remembers: messages in both directions and who has opted out. It stays bounded and decides nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::json::set;

/// Most messages kept.
const MOST: usize = 20_000;

#[derive(Debug, Default)]
struct Known {
    messages: HashMap<String, Value>,
    order: VecDeque<String>,
    opted_out: HashSet<(String, String)>,
}

/// The state of all accounts.
#[derive(Debug, Default)]
pub struct State {
    known: Mutex<Known>,
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a message under its SID.
    pub fn keep(&self, sid: &str, message: Value) {
        let mut known = self.lock();
        if known.messages.insert(sid.to_owned(), message).is_none() {
            known.order.push_back(sid.to_owned());
        }
        if known.order.len() > MOST
            && let Some(oldest) = known.order.pop_front()
        {
            known.messages.remove(&oldest);
        }
    }

    /// The message with this SID.
    pub fn message(&self, sid: &str) -> Option<Value> {
        self.lock().messages.get(sid).cloned()
    }

    /// Deletes a message.
    pub fn forget(&self, sid: &str) -> bool {
        let mut known = self.lock();
        known.order.retain(|kept| kept != sid);
        known.messages.remove(sid).is_some()
    }

    /// Writes down the newest status of a message.
    pub fn advance(&self, sid: &str, status: &str, error_code: Option<i64>, date: &str) {
        if let Some(message) = self.lock().messages.get_mut(sid) {
            set(message, "status", json!(status));
            set(message, "error_code", json!(error_code));
            set(message, "date_updated", json!(date));
            if status == "sent" {
                set(message, "date_sent", json!(date));
            }
        }
    }

    /// One page with the newest messages that fit `To`, `From` and `PageSize`.
    pub fn page(&self, account_sid: &str, query: &[(String, String)]) -> Value {
        let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let size = of("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50_usize).clamp(1, 1_000);
        let known = self.lock();
        let fits = |message: &&Value| {
            let same = |key: &str, wanted: Option<&str>| {
                wanted.is_none_or(|wanted| message.get(key).and_then(Value::as_str) == Some(wanted))
            };
            same("account_sid", Some(account_sid)) && same("to", of("To")) && same("from", of("From"))
        };
        let newest = known.order.iter().rev().filter_map(|sid| known.messages.get(sid));
        let messages: Vec<&Value> = newest.filter(fits).take(size).collect();
        json!({"messages": messages, "page": 0, "page_size": size, "next_page_uri": null, "previous_page_uri": null,
            "uri": format!("/2010-04-01/Accounts/{account_sid}/Messages.json")})
    }

    /// Blocks a recipient for a sender, or lifts the block.
    pub fn set_opted_out(&self, sender: &str, customer: &str, out: bool) {
        let pair = (sender.to_owned(), customer.to_owned());
        let mut known = self.lock();
        if out {
            known.opted_out.insert(pair);
        } else {
            known.opted_out.remove(&pair);
        }
    }

    /// Whether a recipient is blocked.
    pub fn is_opted_out(&self, sender: &str, customer: &str) -> bool {
        self.lock().opted_out.contains(&(sender.to_owned(), customer.to_owned()))
    }
}
