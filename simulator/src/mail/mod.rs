//! Mail: the mailboxes that a gateway writes from, and the people who write to them. `smtp` takes what the gateway
//! sends, `ingress` hands over what people write, as a mail server's pipe would.

pub mod compose;
pub mod ingress;
pub mod session;
pub mod smtp;
pub mod taken;

use serde::{Deserialize, Serialize};

use crate::accounts::{Business, Gateway};

/// A mailbox that a gateway serves, and how the simulator treats it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Mailbox {
    /// Its address; sends are booked under it when it is their envelope sender, `From` or `Reply-To`.
    pub address: String,
    /// Name shown to people.
    pub name: String,
    /// The gateway's webhook for raw mail; without one nothing is delivered.
    pub callback_url: Option<String>,
    /// Key of the webhooks' signatures.
    pub secret: String,
    /// User that SMTP clients must log in as; without one nobody has to.
    pub username: Option<String>,
    /// The user's password.
    pub password: String,
    /// Webhooks that may be under way at once; 1 keeps first tries in order.
    pub parallel: usize,
    /// How long an unacknowledged webhook is tried again, in milliseconds.
    pub retry_for_ms: u64,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            address: "support@acme.example".to_owned(),
            name: "Acme Support".to_owned(),
            callback_url: None,
            secret: "generic-inbound-secret".to_owned(),
            username: None,
            password: "switchboard-test-password".to_owned(),
            parallel: 1,
            retry_for_ms: 180_000,
        }
    }
}

impl Business for Mailbox {
    fn id(&self) -> &str {
        &self.address
    }

    fn gateway(&self) -> Gateway {
        Gateway {
            callback_url: self.callback_url.clone(),
            secret: self.secret.clone(),
            parallel: self.parallel,
            retry_for_ms: Some(self.retry_for_ms),
            batch_window_ms: 0,
            batch_max: 1,
        }
    }
}

/// An address without its `+tag`, in lower case: what tells mailboxes apart.
pub fn plain(address: &str) -> String {
    let address = address.trim().to_lowercase();
    match address.split_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or_default()),
        None => address,
    }
}
