//! The vendor's accounts and their customers: who may send, where webhooks go, who has which address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::mix;
use crate::json::{set, set_under};

/// Which receipts follow an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Receipts {
    /// No receipts at all: the cheapest, for benchmarks of the send path alone.
    None,
    /// `sent` only.
    Sent,
    /// `sent`, then `delivered`.
    Delivered,
    /// `sent`, `delivered`, then `read`.
    #[default]
    Read,
}

/// What happens to a free-form message outside the customer service window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum WindowRule {
    /// The window is not looked at.
    Off,
    /// The send call answers 400 with code 131047.
    #[default]
    AtOnce,
    /// The send call answers 200 and a `failed` status with code 131047 follows.
    FailedStatus,
}

/// One business phone number as the vendor knows it, and how the simulator treats it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Node id of the number: the path of sends.
    pub phone_number_id: String,
    /// `WhatsApp` Business Account the number belongs to.
    pub waba_id: String,
    /// Digits of the number as they stand in webhooks.
    pub display_phone_number: String,
    /// Business name shown to customers.
    pub verified_name: String,
    /// Bearer token that calls must carry.
    pub access_token: String,
    /// Key of webhook signatures.
    pub app_secret: String,
    /// Token of the verification handshake.
    pub verify_token: String,
    /// The gateway's webhook; without one nothing is delivered.
    pub callback_url: Option<String>,
    /// Message templates, as the template listing shows them.
    pub templates: Vec<Value>,
    /// Which receipts follow an accepted message.
    pub receipts: Receipts,
    /// Milliseconds from acceptance to `sent`, `delivered` and `read`.
    pub receipt_delays_ms: [u64; 3],
    /// Receipts that fall due within so many milliseconds travel in one POST.
    pub batch_window_ms: u64,
    /// Most receipts in one POST.
    pub batch_max: usize,
    /// Webhook POSTs that may be under way at once; 1 keeps first tries in order.
    pub parallel: usize,
    /// How long an unacknowledged webhook is tried again, in milliseconds.
    pub retry_for_ms: u64,
    /// The rule for free-form messages outside the window.
    pub window: WindowRule,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            phone_number_id: "106540352242922".to_owned(),
            waba_id: "102290129340398".to_owned(),
            display_phone_number: "15550783881".to_owned(),
            verified_name: "Lucky Shrub".to_owned(),
            access_token: "TEST-TOKEN".to_owned(),
            app_secret: "switchboard-test-app-secret".to_owned(),
            verify_token: "switchboard-verify".to_owned(),
            callback_url: None,
            templates: crate::graph::templates::samples(),
            receipts: Receipts::Read,
            receipt_delays_ms: [50, 250, 1_500],
            batch_window_ms: 25,
            batch_max: 100,
            parallel: 1,
            retry_for_ms: 180_000,
            window: WindowRule::AtOnce,
        }
    }
}

/// A person who writes to the accounts. A missing `wa_id` makes a customer known by username only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// The simulator's own key, `c1`, `c2`, …
    pub id: String,
    /// Display name.
    pub name: String,
    /// Username, shown beside the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Phone number in digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    /// Business-scoped user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The same across linked portfolios.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<String>,
}

impl Customer {
    /// The entry of `contacts[]` for this person.
    pub fn contact(&self) -> Value {
        let mut contact = json!({"profile": {"name": self.name}});
        if let Some(username) = &self.username {
            set_under(&mut contact, "/profile", "username", json!(username));
        }
        for (key, value) in
            [("wa_id", &self.wa_id), ("user_id", &self.user_id), ("parent_user_id", &self.parent_user_id)]
        {
            if let Some(value) = value {
                set(&mut contact, key, json!(value));
            }
        }
        contact
    }

    /// The address that stands in message ids.
    pub fn address(&self) -> &str {
        self.wa_id.as_deref().or(self.user_id.as_deref()).unwrap_or(&self.id)
    }
}

/// All accounts, by phone number id.
#[derive(Debug, Default)]
pub struct Accounts {
    by_number: RwLock<HashMap<String, Arc<Account>>>,
}

impl Accounts {
    pub fn put(&self, account: Account) {
        let mut all = self.by_number.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(account.phone_number_id.clone(), Arc::new(account));
    }

    pub fn remove(&self, phone_number_id: &str) -> bool {
        self.by_number.write().unwrap_or_else(PoisonError::into_inner).remove(phone_number_id).is_some()
    }

    pub fn get(&self, phone_number_id: &str) -> Option<Arc<Account>> {
        self.by_number.read().unwrap_or_else(PoisonError::into_inner).get(phone_number_id).cloned()
    }

    pub fn list(&self) -> Vec<Arc<Account>> {
        let mut all: Vec<_> = self.by_number.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by(|a, b| a.phone_number_id.cmp(&b.phone_number_id));
        all
    }

    pub fn find(&self, is_it: impl Fn(&Account) -> bool) -> Option<Arc<Account>> {
        self.by_number.read().unwrap_or_else(PoisonError::into_inner).values().find(|a| is_it(a)).cloned()
    }
}

#[derive(Debug, Default)]
struct People {
    list: Vec<Arc<Customer>>,
    by_address: HashMap<String, usize>,
    /// Time of the last message per number and address, for the window.
    last_written: HashMap<(String, String), i64>,
}

/// All customers, findable by every address they have, and their windows.
#[derive(Debug, Default)]
pub struct Customers {
    people: Mutex<People>,
}

impl Customers {
    fn lock(&self) -> std::sync::MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a customer, or replaces the one with the same id or an address in common.
    pub fn put(&self, mut customer: Customer) -> Arc<Customer> {
        let mut people = self.lock();
        let known = [Some(&customer.id), customer.wa_id.as_ref(), customer.user_id.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|address| people.by_address.get(address).copied());
        let index = known.unwrap_or(people.list.len());
        if customer.id.is_empty() {
            customer.id = format!("c{}", index + 1);
        }
        if customer.name.is_empty() {
            customer.name = customer.username.clone().unwrap_or_else(|| format!("Customer {}", index + 1));
        }
        let customer = Arc::new(customer);
        for address in [Some(&customer.id), customer.wa_id.as_ref(), customer.user_id.as_ref()].into_iter().flatten() {
            people.by_address.insert(address.clone(), index);
        }
        if let Some(slot) = people.list.get_mut(index) {
            *slot = Arc::clone(&customer);
        } else {
            people.list.push(Arc::clone(&customer));
        }
        customer
    }

    /// The customer with this id, phone number or user id.
    pub fn find(&self, address: &str) -> Option<Arc<Customer>> {
        let people = self.lock();
        people.by_address.get(address).and_then(|index| people.list.get(*index)).cloned()
    }

    /// The customer with this address; a stranger becomes a customer with both kinds of address.
    pub fn find_or_create(&self, address: &str) -> Arc<Customer> {
        if let Some(known) = self.find(address) {
            return known;
        }
        let customer = if address.bytes().all(|b| b.is_ascii_digit()) {
            Customer { wa_id: Some(address.to_owned()), user_id: Some(user_id_for(address)), ..Customer::default() }
        } else {
            Customer { user_id: Some(address.to_owned()), ..Customer::default() }
        };
        self.put(customer)
    }

    pub fn list(&self) -> Vec<Arc<Customer>> {
        self.lock().list.clone()
    }

    /// A message of this customer opens the window of the number, measured from the message's time.
    pub fn wrote(&self, phone_number_id: &str, who: &str, at_ms: i64) {
        let mut people = self.lock();
        let last = people.last_written.entry((phone_number_id.to_owned(), who.to_owned())).or_insert(at_ms);
        *last = (*last).max(at_ms);
    }

    /// When the window of this pair closes; `None` when it never opened.
    pub fn window_closes_ms(&self, phone_number_id: &str, who: &str) -> Option<i64> {
        let people = self.lock();
        people.last_written.get(&(phone_number_id.to_owned(), who.to_owned())).map(|at| at + 24 * 3_600_000)
    }
}

/// A user id that is always the same for the same address.
pub fn user_id_for(address: &str) -> String {
    let seed = address.bytes().fold(14_695_981_039_346_656_037_u64, |hash, byte| mix(hash ^ u64::from(byte)));
    format!("US.{:020}", seed)
}
