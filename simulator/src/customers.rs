//! The people who write: their addresses on every channel, and when they last wrote. It knows no account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::channel::Channel;
use crate::clock::mix;
use crate::json::{set, set_under};

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
    /// Page-scoped id on Messenger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psid: Option<String>,
    /// Instagram-scoped id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub igsid: Option<String>,
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
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

    /// Everything by which this person can be found.
    fn addresses(&self) -> impl Iterator<Item = &String> {
        [Some(&self.id), self.wa_id.as_ref(), self.user_id.as_ref(), self.psid.as_ref(), self.igsid.as_ref()]
            .into_iter()
            .chain([self.email.as_ref()])
            .flatten()
            .filter(|address| !address.is_empty())
    }

    /// The address of this person on a channel.
    pub fn address_on(&self, channel: Channel) -> Option<&String> {
        match channel {
            Channel::Whatsapp | Channel::Twilio => self.wa_id.as_ref().or(self.user_id.as_ref()),
            Channel::Messenger => self.psid.as_ref(),
            Channel::Instagram => self.igsid.as_ref(),
            Channel::Email => self.email.as_ref(),
        }
    }

    /// The address that stands in message ids.
    pub fn address(&self) -> &str {
        self.wa_id.as_deref().or(self.user_id.as_deref()).unwrap_or(&self.id)
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
        let known = customer.addresses().find_map(|address| people.by_address.get(address).copied());
        let index = known.unwrap_or(people.list.len());
        if customer.id.is_empty() {
            customer.id = format!("c{}", index + 1);
        }
        if customer.name.is_empty() {
            customer.name = customer.username.clone().unwrap_or_else(|| format!("Customer {}", index + 1));
        }
        let customer = Arc::new(customer);
        for address in customer.addresses() {
            people.by_address.insert(address.clone(), index);
        }
        if let Some(slot) = people.list.get_mut(index) {
            *slot = Arc::clone(&customer);
        } else {
            people.list.push(Arc::clone(&customer));
        }
        customer
    }

    /// The customer with this id or one of these addresses.
    pub fn find(&self, address: &str) -> Option<Arc<Customer>> {
        let people = self.lock();
        people.by_address.get(address).and_then(|index| people.list.get(*index)).cloned()
    }

    /// The customer with this address; a stranger becomes a customer, with both kinds of address where there are two.
    pub fn find_or_create(&self, channel: Channel, address: &str) -> Arc<Customer> {
        if let Some(known) = self.find(address) {
            return self.reachable(channel, known);
        }
        let given = Some(address.to_owned());
        let customer = match channel {
            Channel::Messenger => Customer { psid: given, ..Customer::default() },
            Channel::Instagram => Customer { igsid: given, ..Customer::default() },
            Channel::Email => Customer { email: given, ..Customer::default() },
            Channel::Whatsapp | Channel::Twilio if address.bytes().all(|b| b.is_ascii_digit()) => {
                Customer { wa_id: given, user_id: Some(user_id_for(address)), ..Customer::default() }
            }
            Channel::Whatsapp | Channel::Twilio => Customer { user_id: given, ..Customer::default() },
        };
        self.put(customer)
    }

    /// The same customer with an address on the channel; one is made up where there is none.
    fn reachable(&self, channel: Channel, known: Arc<Customer>) -> Arc<Customer> {
        if known.address_on(channel).is_some() {
            return known;
        }
        let seed = known.id.bytes().fold(7, |hash, byte| mix(hash ^ u64::from(byte)));
        let mut customer = known.as_ref().clone();
        match channel {
            Channel::Messenger => customer.psid = Some(format!("724{:013}", seed % 10_000_000_000_000)),
            Channel::Instagram => customer.igsid = Some(format!("924{:013}", seed % 10_000_000_000_000)),
            Channel::Email => {
                let name: String = customer.name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(".");
                let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
                let name = if name.is_empty() { "someone".to_owned() } else { name };
                customer.email = Some(format!("{name}.{}@customer.example", customer.id));
            }
            Channel::Whatsapp | Channel::Twilio => customer.wa_id = Some(format!("165055{:05}", seed % 100_000)),
        }
        self.put(customer)
    }

    pub fn list(&self) -> Vec<Arc<Customer>> {
        self.lock().list.clone()
    }

    /// A message of this customer opens the window of the account, measured from the message's time.
    pub fn wrote(&self, account: &str, who: &str, at_ms: i64) {
        let mut people = self.lock();
        let last = people.last_written.entry((account.to_owned(), who.to_owned())).or_insert(at_ms);
        *last = (*last).max(at_ms);
    }

    /// When this pair's customer last wrote; `None` for never.
    pub fn last_wrote_ms(&self, account: &str, who: &str) -> Option<i64> {
        self.lock().last_written.get(&(account.to_owned(), who.to_owned())).copied()
    }

    /// When the window of this pair closes; `None` when it never opened.
    pub fn window_closes_ms(&self, account: &str, who: &str) -> Option<i64> {
        self.last_wrote_ms(account, who).map(|at| at + 24 * 3_600_000)
    }
}

/// A user id that is always the same for the same address.
pub fn user_id_for(address: &str) -> String {
    let seed = address.bytes().fold(14_695_981_039_346_656_037_u64, |hash, byte| mix(hash ^ u64::from(byte)));
    format!("US.{:020}", seed)
}
