//! Recently read configuration: channels with their settings understood, agents, and who presents which key. Stale by
//! a few seconds at most, so that a change by `apply` or another node shows without a restart.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::{Capabilities, WindowRule};
use switchboard_channels::contract::vendor::Vendor;

use super::vendors::Surroundings;
use crate::domain::agents::Agent;
use crate::domain::channels::Channel;
use crate::domain::principals::Principal;
use crate::store::{Store, StoreError};

/// How stale an answer may be.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// Entries after which the memory is swept.
const SWEEP_AT: usize = 10_000;
/// Certificates that are fetched for one channel in [`FETCHES_COUNT_FOR`].
const MOST_FETCHES: usize = 8;
/// How long a fetched certificate counts.
const FETCHES_COUNT_FOR: Duration = Duration::from_secs(60);
/// Certificates that are remembered for one channel.
const MOST_CERTIFICATES: usize = 8;

/// A channel with its vendor's settings understood.
#[derive(Debug)]
pub struct Account {
    /// The channel.
    pub channel: Arc<Channel>,
    /// Its vendor's side; `Err`: the stored settings cannot be read.
    pub vendor: Result<Arc<dyn Vendor>, String>,
}

impl Account {
    /// What the channel can carry; none when its settings cannot be read.
    #[must_use]
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.vendor.as_ref().ok().map(|vendor| vendor.capabilities())
    }

    /// When free-form messages are allowed. Where the settings cannot be read nothing is sent anyway.
    #[must_use]
    pub fn window_rule(&self) -> WindowRule {
        self.capabilities().map_or(WindowRule::None, |capabilities| capabilities.window)
    }
}

/// Remembers for a moment what was read.
struct Memory<K, V> {
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    fn new() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }

    fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(since, _)| since.elapsed() < FRESH_FOR).map(|(_, value)| value.clone())
    }

    fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= SWEEP_AT {
            entries.retain(|_, (since, _)| since.elapsed() < FRESH_FOR);
        }
        entries.insert(key, (Instant::now(), value));
    }

    fn retain(&self, keep: impl Fn(&V) -> bool) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, value)| keep(value));
    }
}

/// What was learned about a channel's vendor since the start.
#[derive(Debug, Default)]
struct Learned {
    /// Certificates that have signed deliveries, in PEM.
    certificates: Vec<String>,
    /// When certificates were fetched.
    fetched: Vec<Instant>,
}

/// The memory in front of the store's configuration.
pub struct Directory {
    store: Store,
    surroundings: Surroundings,
    by_id: Memory<String, Option<Arc<Account>>>,
    by_account: Memory<(Kind, String), Option<Arc<Account>>>,
    agents: Memory<String, Option<Arc<Agent>>>,
    principals: Memory<String, Option<Arc<Principal>>>,
    /// When handshakes were last refused, by callback address: a kind's, or one channel's.
    handshakes: Mutex<HashMap<(Kind, Option<String>), i64>>,
    learned: Mutex<HashMap<String, Learned>>,
}

impl Directory {
    /// An empty memory.
    #[must_use]
    pub fn new(store: Store, surroundings: Surroundings) -> Self {
        Self {
            store,
            surroundings,
            by_id: Memory::new(),
            by_account: Memory::new(),
            agents: Memory::new(),
            principals: Memory::new(),
            handshakes: Mutex::default(),
            learned: Mutex::default(),
        }
    }

    /// A channel that is not stored like this, with its settings understood.
    #[must_use]
    pub fn account(&self, channel: Channel) -> Account {
        let vendor = self.surroundings.read(&channel, self.store.clock().now());
        Account { channel: Arc::new(channel), vendor }
    }

    /// The channel of this id.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channel(&self, id: &str) -> Result<Option<Arc<Account>>, StoreError> {
        let key = id.to_owned();
        if let Some(known) = self.by_id.get(&key) {
            return Ok(known);
        }
        let found = self.store.channel_by_id(id).await?.map(|channel| self.understand(channel));
        self.by_id.put(key, found.clone());
        Ok(found)
    }

    /// The channel of this kind with the vendor's account id.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channel_by_account(&self, kind: Kind, account: &str) -> Result<Option<Arc<Account>>, StoreError> {
        let key = (kind, account.to_owned());
        if let Some(known) = self.by_account.get(&key) {
            return Ok(known);
        }
        let found = self.store.channel_by_account(kind, account).await?.map(|channel| self.understand(channel));
        self.by_account.put(key, found.clone());
        Ok(found)
    }

    /// The channels of this kind under the vendor's business account.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channels_by_business(&self, kind: Kind, business: &str) -> Result<Vec<Arc<Account>>, StoreError> {
        Ok(self
            .store
            .channels_by_business(kind, business)
            .await?
            .into_iter()
            .map(|channel| self.understand(channel))
            .collect())
    }

    /// All channels of this kind.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channels_of_kind(&self, kind: Kind) -> Result<Vec<Arc<Account>>, StoreError> {
        Ok(self.store.channels_of_kind(kind).await?.into_iter().map(|channel| self.understand(channel)).collect())
    }

    /// The agent of this id.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn agent(&self, id: &str) -> Result<Option<Arc<Agent>>, StoreError> {
        let key = id.to_owned();
        if let Some(known) = self.agents.get(&key) {
            return Ok(known);
        }
        let found = self.store.agent_by_id(id).await?.map(|stored| Arc::new(stored.agent));
        self.agents.put(key, found.clone());
        Ok(found)
    }

    /// Who presents the key with this hash.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn principal(&self, key_hash: &str) -> Result<Option<Arc<Principal>>, StoreError> {
        let key = key_hash.to_owned();
        if let Some(known) = self.principals.get(&key) {
            return Ok(known);
        }
        let found = self.store.principal_by_key(key_hash).await?.map(Arc::new);
        self.principals.put(key, found.clone());
        Ok(found)
    }

    /// Reads this agent anew next time, and those that were not there.
    pub fn forget_agent(&self, id: &str) {
        self.agents.retain(|agent| agent.as_ref().is_some_and(|known| known.id != id));
    }

    /// Reads this channel anew next time, and everything that was not there.
    pub fn forget_channel(&self, id: &str) {
        let is_other = |account: &Option<Arc<Account>>| account.as_ref().is_some_and(|known| known.channel.id != id);
        self.by_id.retain(is_other);
        self.by_account.retain(is_other);
    }

    /// Remembers how a handshake ended at a callback address: that of this channel, or that of all of its kind.
    pub fn note_handshake(&self, kind: Kind, channel_id: Option<&str>, accepted: bool) {
        let address = (kind, channel_id.map(str::to_owned));
        let mut handshakes = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted {
            handshakes.remove(&address);
        } else {
            handshakes.insert(address, self.store.clock().now());
        }
    }

    /// When a handshake was last refused that may have been meant for this channel, and none was accepted since; Unix
    /// milliseconds. This process knows of its own only.
    #[must_use]
    pub fn refused_handshake(&self, kind: Kind, channel_id: &str) -> Option<i64> {
        let handshakes = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |channel_id| handshakes.get(&(kind, channel_id)).copied();
        of(Some(channel_id.to_owned())).max(of(None))
    }

    /// Whether a certificate may be fetched for this channel: whoever knows its address can ask for many.
    pub fn may_fetch_certificate(&self, channel_id: &str) -> bool {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let of_channel = learned.entry(channel_id.to_owned()).or_default();
        of_channel.fetched.retain(|at| at.elapsed() < FETCHES_COUNT_FOR);
        let may = of_channel.fetched.len() < MOST_FETCHES;
        if may {
            of_channel.fetched.push(Instant::now());
        }
        may
    }

    /// Takes up a certificate that has signed a delivery to this channel.
    pub fn learn_certificate(&self, channel_id: &str, certificate: String) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let certificates = &mut learned.entry(channel_id.to_owned()).or_default().certificates;
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
            // The oldest have long been replaced.
            let over = certificates.len().saturating_sub(MOST_CERTIFICATES);
            certificates.drain(..over);
        }
        drop(learned);
        self.forget_channel(channel_id);
    }

    fn understand(&self, channel: Channel) -> Arc<Account> {
        let mut account = self.account(channel);
        if let Err(reason) = &account.vendor {
            tracing::error!(channel_id = account.channel.id, reason, "a channel's settings cannot be read");
        }
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let certificates = learned.get(&account.channel.id).map(|learned| learned.certificates.as_slice());
        let vendor = account.vendor.as_ref().ok();
        if let Some(knowing) = vendor.zip(certificates).and_then(|(vendor, known)| vendor.with_certificates(known)) {
            account.vendor = Ok(Arc::from(knowing));
        }
        Arc::new(account)
    }
}
