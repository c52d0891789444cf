//! Everything the simulator knows, in one place that all its rooms share. It decides nothing itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::accounts::{Accounts, Customers};
use crate::books::{Books, SentMessage};
use crate::clock::{Clock, Ids};
use crate::faults::Faults;
use crate::graph::media::MediaStore;
use crate::graph::webhooks::Lane;
use crate::model::Model;

/// Called for each accepted message, on the server's thread; it must return quickly.
pub type OnMessage = Arc<dyn Fn(&SentMessage) + Send + Sync>;

/// The shared state of one running simulator.
pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    pub accounts: Accounts,
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
    /// The lane of webhooks of one number; the first caller starts it.
    pub fn lane(self: &Arc<Self>, phone_number_id: &str) -> Lane {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(phone_number_id) {
            return lane.clone();
        }
        let lane = Lane::start(Arc::clone(self), phone_number_id.to_owned());
        lanes.insert(phone_number_id.to_owned(), lane.clone());
        lane
    }
}
