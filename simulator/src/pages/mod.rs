//! Messenger and Instagram: their accounts, and which of them a call of the Graph API means. The calls themselves
//! are answered by the rooms below; addresses and tokens are shared with `graph`.

pub mod errors;
pub mod events;
pub mod inbound;
pub mod messages;
pub mod nodes;
pub mod request;
pub mod routes;
pub mod threads;
pub mod validate;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::accounts::{Business, Gateway, Receipts, WindowRule};
use crate::channel::Channel;
use crate::world::World;

/// A Facebook Page on Messenger, or a professional account on Instagram, and how the simulator treats it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// `messenger` or `instagram`.
    pub channel: Channel,
    /// Page id or Instagram account id: the path of sends and the id of webhook entries.
    pub id: String,
    /// The Page through which an Instagram account is connected; sends by its id work too.
    pub page_id: Option<String>,
    /// Name shown to customers.
    pub name: String,
    /// Username of an Instagram account.
    pub username: String,
    /// The app that the gateway is, as echoes and hand-overs name it.
    pub app_id: String,
    /// Token that calls must carry.
    pub access_token: String,
    /// Key of webhook signatures.
    pub app_secret: String,
    /// Token of the verification handshake.
    pub verify_token: String,
    /// The gateway's webhook; without one nothing is delivered.
    pub callback_url: Option<String>,
    /// Whether the account's own sends come back as echoes.
    pub echoes: bool,
    /// Which receipts follow an accepted message; Messenger has `delivered` and `read`, Instagram `read` only.
    pub receipts: Receipts,
    /// Milliseconds from acceptance to the echo, `delivered` and `read`.
    pub receipt_delays_ms: [u64; 3],
    /// Webhook POSTs that may be under way at once; 1 keeps first tries in order.
    pub parallel: usize,
    /// How long an unacknowledged webhook is tried again, in milliseconds.
    pub retry_for_ms: u64,
    /// Whether the window is looked at; `failed_status` is the same as `at_once`, as there are no failed statuses.
    pub window: WindowRule,
    /// Whether the app has the Human Agent feature.
    pub human_agent: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            channel: Channel::Messenger,
            id: "104200000000001".to_owned(),
            page_id: None,
            name: "Lucky Shrub".to_owned(),
            username: "lucky_shrub".to_owned(),
            app_id: "1517000000000111".to_owned(),
            access_token: "TEST-TOKEN".to_owned(),
            app_secret: "switchboard-test-app-secret".to_owned(),
            verify_token: "switchboard-verify".to_owned(),
            callback_url: None,
            echoes: true,
            receipts: Receipts::Read,
            receipt_delays_ms: [50, 250, 1_500],
            parallel: 1,
            retry_for_ms: 180_000,
            window: WindowRule::AtOnce,
            human_agent: true,
        }
    }
}

impl Page {
    /// The usual Instagram account.
    #[must_use]
    pub fn instagram() -> Self {
        Self { channel: Channel::Instagram, id: "17841400000000001".to_owned(), ..Self::default() }
    }

    /// Whether this is an Instagram account.
    #[must_use]
    pub fn is_instagram(&self) -> bool {
        self.channel == Channel::Instagram
    }
}

impl Business for Page {
    fn id(&self) -> &str {
        &self.id
    }

    fn gateway(&self) -> Gateway {
        Gateway {
            callback_url: self.callback_url.clone(),
            secret: self.app_secret.clone(),
            parallel: self.parallel,
            retry_for_ms: Some(self.retry_for_ms),
            batch_window_ms: 0,
            batch_max: 1,
        }
    }
}

/// The account that a node of the Graph API means: by its id, by the Page it is connected to, or, for `me`, by the
/// token. `recipient` decides where a Page and its Instagram account share both.
pub fn account(world: &World, node: &str, token: &str, recipient: Option<&str>) -> Option<Arc<Page>> {
    if let Some(page) = world.pages.get(node)
        && recipient.is_none()
    {
        return Some(page);
    }
    let meant = |page: &Page| {
        if node == "me" { page.access_token == token } else { page.id == node || page.page_id.as_deref() == Some(node) }
    };
    let customer = recipient.and_then(|address| world.customers.find(address));
    let reaches = |page: &Page| {
        let address = customer.as_ref().and_then(|customer| customer.address_on(page.channel));
        address.is_some_and(|address| Some(address.as_str()) == recipient)
    };
    world.pages.find(|page| meant(page) && reaches(page)).or_else(|| world.pages.find(meant))
}

/// The account that may look at this customer: one with the token, on a channel where the address is the customer's.
pub fn acquainted(world: &World, address: &str, token: &str) -> Option<Arc<Page>> {
    let customer = world.customers.find(address);
    world.pages.find(|page| {
        let known = customer.as_ref().and_then(|customer| customer.address_on(page.channel));
        page.access_token == token && known.is_some_and(|known| known == address)
    })
}
