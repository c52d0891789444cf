//! The business accounts of every channel: what they have in common, and those of `WhatsApp`. It knows no customer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What becomes of templates that are handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// They are approved.
    #[default]
    Approve,
    /// They are rejected.
    Reject,
    /// Nobody looks at them.
    Never,
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
    /// What becomes of templates that are handed in.
    pub template_review: Review,
    /// Milliseconds until somebody has looked at them; 0: the answer says it already.
    pub template_review_ms: u64,
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
            template_review: Review::Approve,
            template_review_ms: 50,
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

/// What every business account has, whatever its channel.
pub trait Business {
    /// The id by which calls, books and the control API name it.
    fn id(&self) -> &str;
    /// How its webhooks travel.
    fn gateway(&self) -> Gateway;
}

/// Where webhooks of one account go and how patiently.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub callback_url: Option<String>,
    /// Key of the signatures.
    pub secret: String,
    /// POSTs that may be under way at once.
    pub parallel: usize,
    /// How long an unacknowledged webhook is tried again; `None` leaves it to the rules of the vendor.
    pub retry_for_ms: Option<u64>,
    /// Receipts that fall due within so many milliseconds travel in one POST.
    pub batch_window_ms: u64,
    /// Most receipts in one POST.
    pub batch_max: usize,
}

impl Business for Account {
    fn id(&self) -> &str {
        &self.phone_number_id
    }

    fn gateway(&self) -> Gateway {
        Gateway {
            callback_url: self.callback_url.clone(),
            secret: self.app_secret.clone(),
            parallel: self.parallel,
            retry_for_ms: Some(self.retry_for_ms),
            batch_window_ms: self.batch_window_ms,
            batch_max: self.batch_max,
        }
    }
}

/// All accounts of one kind, by their id.
#[derive(Debug)]
pub struct Accounts<T> {
    by_id: RwLock<HashMap<String, Arc<T>>>,
}

impl<T> Default for Accounts<T> {
    fn default() -> Self {
        Self { by_id: RwLock::default() }
    }
}

impl<T: Business> Accounts<T> {
    pub fn put(&self, account: T) {
        let mut all = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(account.id().to_owned(), Arc::new(account));
    }

    /// Changes an account in place, so that two changes at once do not lose each other.
    pub fn change<R>(&self, id: &str, change: impl FnOnce(&mut T) -> R) -> Option<R>
    where
        T: Clone,
    {
        let mut all = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        all.get_mut(id).map(|account| change(Arc::make_mut(account)))
    }

    pub fn remove(&self, id: &str) -> bool {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).remove(id).is_some()
    }

    pub fn get(&self, id: &str) -> Option<Arc<T>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub fn list(&self) -> Vec<Arc<T>> {
        let mut all: Vec<_> = self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by(|a, b| a.id().cmp(b.id()));
        all
    }

    pub fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().find(|a| is_it(a)).cloned()
    }
}
