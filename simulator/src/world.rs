//! Everything the simulator knows, in one place that all its rooms share. It decides nothing itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::accounts::{Account, Accounts, Business, Gateway};
use crate::books::{Books, SentMessage};
use crate::clock::{Clock, Ids};
use crate::customers::Customers;
use crate::faults::Faults;
use crate::graph::media::MediaStore;
use crate::mail::Mailbox;
use crate::mail::taken::Mails;
use crate::model::Model;
use crate::pages::Page;
use crate::pages::nodes::Attachments;
use crate::pages::threads::Threads;
use crate::twilio::TwilioAccount;
use crate::twilio::state::State;
use crate::webhooks::Lane;

/// Called for each accepted message, on the server's thread; it must return quickly.
pub type OnMessage = Arc<dyn Fn(&SentMessage) + Send + Sync>;

/// The shared state of one running simulator.
pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    /// The numbers of `WhatsApp`.
    pub accounts: Accounts<Account>,
    /// The accounts of Messenger and Instagram.
    pub pages: Accounts<Page>,
    pub threads: Threads,
    pub attachments: Attachments,
    pub twilio: Accounts<TwilioAccount>,
    pub twilio_state: State,
    pub mailboxes: Accounts<Mailbox>,
    pub mails: Mails,
    pub customers: Customers,
    pub books: Books,
    pub count_only: bool,
    pub faults: Faults,
    pub media: MediaStore,
    pub model: Model,
    pub http: reqwest::Client,
    pub runtime: Handle,
    pub base_url: String,
    pub on_message: Option<OnMessage>,
    pub lanes: Mutex<HashMap<String, Lane>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl World {
    /// How webhooks of an account travel, whatever its channel.
    pub fn gateway(&self, account: &str) -> Option<Gateway> {
        let number = self.accounts.get(account).map(|number| number.gateway());
        number
            .or_else(|| self.pages.get(account).map(|page| page.gateway()))
            .or_else(|| self.twilio.get(account).map(|twilio| twilio.gateway()))
            .or_else(|| self.mailboxes.get(account).map(|mailbox| mailbox.gateway()))
    }

    /// Enters an accepted message into the books and tells the hook.
    pub fn enter(&self, mut message: SentMessage) -> Arc<SentMessage> {
        if self.count_only && self.on_message.is_none() {
            message.body = serde_json::Value::Null;
        }
        let message = self.books.enter(message);
        if let Some(hook) = &self.on_message {
            hook(&message);
        }
        message
    }

    /// The lane of webhooks of one account; the first caller starts it.
    pub fn lane(self: &Arc<Self>, account: &str) -> Lane {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(account) {
            return lane.clone();
        }
        let lane = Lane::start(Arc::clone(self), account.to_owned());
        lanes.insert(account.to_owned(), lane.clone());
        lane
    }
}
