//! Recently read configuration: channels with their settings understood, agents, and who presents which key. Stale by
//! a few seconds at most, so that a change by `apply` or another node shows without a restart.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::{Capabilities, WindowRule};
use switchboard_channels::contract::vendor::Vendor;

use super::vendors::{self, Surroundings, made};
use crate::domain::agents::Agent;
use crate::domain::channels::Channel;
use crate::domain::members::Membership;
use crate::domain::principals::{Actor, Principal};
use crate::domain::users::User;
use crate::net::Client;
use crate::store::sessions::Session;
use crate::store::{Store, StoreError};
use crate::telemetry::chance;

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

    /// The way out to its vendor.
    #[must_use]
    pub fn way_out<'a>(&self, client: &'a Client) -> &'a Client {
        vendors::way_out(&self.channel, client)
    }

    /// When free-form messages are allowed. Where the settings cannot be read nothing is sent anyway.
    #[must_use]
    pub fn window_rule(&self) -> WindowRule {
        self.capabilities().map_or(WindowRule::None, |capabilities| capabilities.window)
    }
}

/// A user with the workspaces that they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The user.
    pub user: User,
    /// Whether they can sign in with one.
    pub has_password: bool,
    /// Access tokens issued before this time are void, Unix milliseconds.
    pub tokens_from: i64,
    /// Their workspaces, the first joined first.
    pub memberships: Vec<Membership>,
}

/// Remembers for a moment what was read.
struct Memory<K, V> {
    entries: Mutex<Entries<K, V>>,
}

struct Entries<K, V> {
    known: HashMap<K, (Instant, V)>,
    /// Counts what was forgotten: what was read meanwhile may be older than that and is not remembered.
    forgotten: u64,
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    fn new() -> Self {
        Self { entries: Mutex::new(Entries { known: HashMap::new(), forgotten: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered, else what is read now.
    async fn recall<Q>(&self, key: &Q, read: impl Future<Output = Result<V, StoreError>>) -> Result<V, StoreError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let forgotten = {
            let entries = self.lock();
            if let Some((_, value)) = entries.known.get(key).filter(|(since, _)| since.elapsed() < FRESH_FOR) {
                return Ok(value.clone());
            }
            entries.forgotten
        };
        let value = read.await?;
        let mut entries = self.lock();
        if entries.forgotten == forgotten {
            if entries.known.len() >= SWEEP_AT {
                entries.known.retain(|_, (since, _)| since.elapsed() < FRESH_FOR);
            }
            entries.known.insert(key.to_owned(), (Instant::now(), value.clone()));
        }
        Ok(value)
    }

    fn remove<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut entries = self.lock();
        entries.forgotten += 1;
        entries.known.remove(key);
    }

    fn retain(&self, keep: impl Fn(&K, &V) -> bool) {
        let mut entries = self.lock();
        entries.forgotten += 1;
        entries.known.retain(|key, (_, value)| keep(key, value));
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
    /// By channel.
    suppressing: Memory<String, bool>,
    sessions: Memory<String, Option<Session>>,
    people: Memory<String, Option<Arc<Standing>>>,
    /// By workspace.
    plans: Memory<String, Option<String>>,
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
            suppressing: Memory::new(),
            sessions: Memory::new(),
            people: Memory::new(),
            plans: Memory::new(),
            handshakes: Mutex::default(),
            learned: Mutex::default(),
        }
    }

    /// A channel that is not stored like this, with its settings understood.
    ///
    /// # Errors
    /// The store could not keep what the channel needs of its own.
    pub async fn account(&self, channel: Channel) -> Result<Account, StoreError> {
        let channel = self.furnished(channel).await?;
        let vendor = self.surroundings.read(&channel, self.store.clock().now());
        Ok(Account { channel: Arc::new(channel), vendor })
    }

    /// The channel with its own secrets, which are made now if they never were.
    ///
    /// # Errors
    /// The store is not available, or there is no randomness.
    async fn furnished(&self, mut channel: Channel) -> Result<Channel, StoreError> {
        if !made::is_lacking(channel.kind, &channel.settings) {
            return Ok(channel);
        }
        let secret = chance::bytes::<32>().map(hex::encode);
        let secret = secret.map_err(|error| StoreError::Options(format!("no secret can be made: {error}")))?;
        let furnish = |stored: Channel| {
            Ok::<_, Infallible>(Channel { settings: made::furnished(stored.kind, stored.settings, &secret), ..stored })
        };
        let stored = self.store.change_channel(&channel.workspace_id, &channel.id, furnish).await?;
        if let Some(Ok(stored)) = stored {
            channel.settings = stored.settings;
        }
        Ok(channel)
    }

    /// The channel of this id.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channel(&self, id: &str) -> Result<Option<Arc<Account>>, StoreError> {
        let read = async { self.understood(self.store.channel_by_id(id).await?).await };
        self.by_id.recall(id, read).await
    }

    /// The channel of this kind with the vendor's account id.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channel_by_account(&self, kind: Kind, account: &str) -> Result<Option<Arc<Account>>, StoreError> {
        let read = async { self.understood(self.store.channel_by_account(kind, account).await?).await };
        self.by_account.recall(&(kind, account.to_owned()), read).await
    }

    /// The channels of this kind under the vendor's business account.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channels_by_business(&self, kind: Kind, business: &str) -> Result<Vec<Arc<Account>>, StoreError> {
        self.all_understood(self.store.channels_by_business(kind, business).await?).await
    }

    /// All channels of this kind.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn channels_of_kind(&self, kind: Kind) -> Result<Vec<Arc<Account>>, StoreError> {
        self.all_understood(self.store.channels_of_kind(kind).await?).await
    }

    /// The agent of this id.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn agent(&self, id: &str) -> Result<Option<Arc<Agent>>, StoreError> {
        let read = async { Ok(self.store.agent_by_id(id).await?.map(|stored| Arc::new(stored.agent))) };
        self.agents.recall(id, read).await
    }

    /// The name of a workspace's plan.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn plan(&self, workspace_id: &str) -> Result<Option<String>, StoreError> {
        let read = async { Ok(self.store.workspace_by_id(workspace_id).await?.map(|workspace| workspace.plan)) };
        self.plans.recall(workspace_id, read).await
    }

    /// Who presents the key with this hash.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn principal(&self, key_hash: &str) -> Result<Option<Arc<Principal>>, StoreError> {
        let read = async { Ok(self.store.principal_by_key(key_hash).await?.map(Arc::new)) };
        self.principals.recall(key_hash, read).await
    }

    /// Whether there is any address of a channel to which nothing is sent; most have none.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn suppresses(&self, channel: &Channel) -> Result<bool, StoreError> {
        let read = async {
            let any = self.store.suppressions(&channel.workspace_id, &channel.id, 1).await?;
            Ok(!any.is_empty())
        };
        self.suppressing.recall(channel.id.as_str(), read).await
    }

    /// Looks anew next time whether there is any address of this channel to which nothing is sent.
    pub fn forget_suppressions(&self, channel_id: &str) {
        self.suppressing.retain(|id, _| id != channel_id);
    }

    /// The session with this hash.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>, StoreError> {
        self.sessions.recall(hash, self.store.session(hash)).await
    }

    /// The user of this id with the workspaces that they belong to.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn standing(&self, user_id: &str) -> Result<Option<Arc<Standing>>, StoreError> {
        let read = async {
            let Some(stored) = self.store.user(user_id).await? else { return Ok(None) };
            Ok(Some(Arc::new(Standing {
                has_password: stored.password.is_some(),
                tokens_from: stored.tokens_from,
                memberships: self.store.memberships(user_id).await?,
                user: stored.user,
            })))
        };
        self.people.recall(user_id, read).await
    }

    /// Reads this key anew next time.
    pub fn forget_key(&self, id: &str) {
        let is_other = |known: &Option<Arc<Principal>>| {
            known.as_ref().is_some_and(|known| !matches!(&known.actor, Actor::Key { id: own, .. } if own == id))
        };
        self.principals.retain(|_, known| is_other(known));
    }

    /// Reads this session anew next time.
    pub fn forget_session(&self, hash: &str) {
        self.sessions.remove(hash);
    }

    /// Reads this user, their workspaces and their sessions anew next time.
    pub fn forget_person(&self, user_id: &str) {
        self.people.remove(user_id);
        self.sessions.retain(|_, known| known.as_ref().is_some_and(|known| known.user_id != user_id));
    }

    /// Reads this agent anew next time, and those that were not there.
    pub fn forget_agent(&self, id: &str) {
        self.agents.retain(|_, agent| agent.as_ref().is_some_and(|known| known.id != id));
    }

    /// Reads this channel anew next time, and everything that was not there.
    pub fn forget_channel(&self, id: &str) {
        let is_other = |account: &Option<Arc<Account>>| account.as_ref().is_some_and(|known| known.channel.id != id);
        self.by_id.retain(|_, account| is_other(account));
        self.by_account.retain(|_, account| is_other(account));
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

    async fn understood(&self, channel: Option<Channel>) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(self.all_understood(channel).await?.pop())
    }

    async fn all_understood(
        &self,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Result<Vec<Arc<Account>>, StoreError> {
        let mut accounts = Vec::new();
        for channel in channels {
            accounts.push(self.with_learned(self.account(channel).await?));
        }
        Ok(accounts)
    }

    fn with_learned(&self, mut account: Account) -> Arc<Account> {
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

#[cfg(test)]
mod tests {
    use super::Memory;

    #[tokio::test]
    async fn what_is_forgotten_while_it_is_read_is_read_again() {
        let memory: Memory<String, u8> = Memory::new();
        let read = async {
            memory.retain(|_, _| false);
            Ok(1)
        };
        assert_eq!(memory.recall("a", read).await.unwrap(), 1);
        assert_eq!(memory.recall("a", async { Ok(2) }).await.unwrap(), 2);
        assert_eq!(memory.recall("a", async { Ok(3) }).await.unwrap(), 2);
    }
}
