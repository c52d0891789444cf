//! Supervision: a registry on each shard makes actors, revives them from the store after a panic, limits how often,
//! quarantines what keeps dying, and puts the idle to sleep.
//!
//! actix's own supervisor does not bring an actor back after a panic, and what was queued in it is lost. Here the
//! queue is never the only place: inbound is committed before it is acknowledged, and turns are durable jobs.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Arbiter, ArbiterHandle};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::ActorError;
use super::conversations::{Conversation, Errand, Reply, Sleep};
use super::core::Core;
use super::errands::{Begun, News, Observed, Said, Say, Taken, TurnAnswer};
use super::hub::Hub;
use crate::domain::conversations::Amendment;
use crate::store::{LiveEvent, Store};

/// How conversations live.
#[derive(Debug, Clone)]
pub struct Options {
    /// Arbiters that conversations are spread over; 0: half the cores, at least one.
    pub shards: usize,
    /// A conversation without work for so long is put to sleep.
    pub idle_after: Duration,
    /// Deaths within `intensity_window` after which a conversation is quarantined.
    pub most_deaths: u32,
    /// See `most_deaths`.
    pub intensity_window: Duration,
    /// How long a quarantine lasts.
    pub quarantine: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: 0,
            idle_after: Duration::from_secs(600),
            most_deaths: 5,
            intensity_window: Duration::from_secs(60),
            quarantine: Duration::from_secs(300),
        }
    }
}

/// All conversations of this process. Clones share them.
#[derive(Clone)]
pub struct Conversations {
    shards: Arc<[Shard]>,
    hub: Hub,
}

struct Shard {
    arbiter: ArbiterHandle,
    post: mpsc::UnboundedSender<Letter>,
}

enum Letter {
    For(String, Errand),
    /// To a conversation only if it lives here.
    Doubt(Arc<str>),
    Count(oneshot::Sender<(usize, usize)>),
}

struct Entry {
    address: Addr<Conversation>,
    used: Instant,
}

#[derive(Default)]
struct Record {
    deaths: u32,
    first_death: Option<Instant>,
    quarantined_until: Option<Instant>,
}

struct Registry {
    store: Store,
    hub: Hub,
    options: Options,
    living: HashMap<String, Entry>,
    records: HashMap<String, Record>,
}

impl Conversations {
    /// Starts the shards.
    #[must_use]
    pub fn start(store: &Store, hub: &Hub, options: &Options) -> Self {
        let automatic = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        let count = if options.shards == 0 { automatic } else { options.shards };
        let shards = (0..count)
            .map(|_| {
                let (post, letters) = mpsc::unbounded_channel();
                let registry = Registry {
                    store: store.clone(),
                    hub: hub.clone(),
                    options: options.clone(),
                    living: HashMap::new(),
                    records: HashMap::new(),
                };
                let arbiter = Arbiter::new().handle();
                arbiter.spawn(registry.run(letters));
                Shard { arbiter, post }
            })
            .collect();
        Self { shards, hub: hub.clone() }
    }

    /// The arbiters, one a shard, in order.
    pub fn arbiters(&self) -> impl Iterator<Item = &ArbiterHandle> {
        self.shards.iter().map(|shard| &shard.arbiter)
    }

    /// Which shard a conversation lives on.
    #[must_use]
    pub fn shard_of(&self, conversation_id: &str) -> usize {
        let mut hasher = std::hash::DefaultHasher::new();
        conversation_id.hash(&mut hasher);
        let shards = u64::try_from(self.shards.len()).unwrap_or(1).max(1);
        usize::try_from(hasher.finish() % shards).unwrap_or_default()
    }

    /// Who watches what.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    async fn ask<T>(&self, conversation_id: &str, errand: impl FnOnce(Reply<T>) -> Errand) -> Result<T, ActorError> {
        let (reply, answer) = oneshot::channel();
        let shard = self.shards.get(self.shard_of(conversation_id)).ok_or(ActorError::Died)?;
        shard.post.send(Letter::For(conversation_id.to_owned(), errand(reply))).map_err(|_| ActorError::Died)?;
        answer.await.unwrap_or(Err(ActorError::Died))
    }

    /// Hands news to a conversation, which may be new.
    ///
    /// # Errors
    /// See [`ActorError`]; after `Died` it is safe to try again.
    pub async fn receive(&self, conversation_id: &str, news: News) -> Result<Taken, ActorError> {
        self.ask(conversation_id, |reply| Errand::Receive(Box::new(news), reply)).await
    }

    /// Begins the turn of this job; `None` when it is no longer wanted.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn start_turn(&self, conversation_id: &str, job_id: &str) -> Result<Option<Begun>, ActorError> {
        self.ask(conversation_id, |reply| Errand::StartTurn(job_id.to_owned(), reply)).await
    }

    /// Hands a turn's answer over; `false`: it was no longer wanted.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn finish_turn(&self, conversation_id: &str, answer: TurnAnswer) -> Result<bool, ActorError> {
        self.ask(conversation_id, |reply| Errand::FinishTurn(Box::new(answer), reply)).await
    }

    /// Says something for a person or a program.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn say(&self, conversation_id: &str, say: Say) -> Result<Said, ActorError> {
        self.ask(conversation_id, |reply| Errand::Say(Box::new(say), reply)).await
    }

    /// Changes what somebody wants changed of a conversation. `false`: there was nothing to change.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn amend(&self, conversation_id: &str, amendment: Amendment) -> Result<bool, ActorError> {
        self.ask(conversation_id, |reply| Errand::Amend(amendment, reply)).await
    }

    /// Lets a conversation's actor forget what it holds, and stop its turn.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn forget(&self, conversation_id: &str) -> Result<(), ActorError> {
        self.ask(conversation_id, Errand::Forget).await
    }

    /// Lets turns end that other nodes have overtaken, as these events of theirs come, until the store is gone.
    pub async fn follow(self, mut events: broadcast::Receiver<Arc<[LiveEvent]>>) {
        loop {
            let batch = match events.recv().await {
                Ok(batch) => batch,
                // A turn that is missed finds out when it ends.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            for id in batch.iter().filter_map(|event| event.conversation_id.as_ref()) {
                if let Some(shard) = self.shards.get(self.shard_of(id)) {
                    let _ = shard.post.send(Letter::Doubt(Arc::clone(id)));
                }
            }
        }
    }

    /// Shows what a conversation's actor holds. Wakes it if it sleeps, without reading the store.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn observe(&self, conversation_id: &str) -> Result<Observed, ActorError> {
        self.ask(conversation_id, Errand::Observe).await
    }

    /// How many conversations live, and how many of them are quarantined.
    pub async fn count(&self) -> (usize, usize) {
        let mut total = (0, 0);
        for shard in self.shards.iter() {
            let (reply, answer) = oneshot::channel();
            if shard.post.send(Letter::Count(reply)).is_ok()
                && let Ok((living, quarantined)) = answer.await
            {
                total = (total.0 + living, total.1 + quarantined);
            }
        }
        total
    }
}

impl Registry {
    async fn run(mut self, mut letters: mpsc::UnboundedReceiver<Letter>) {
        let mut rounds = tokio::time::interval((self.options.idle_after / 4).max(Duration::from_millis(50)));
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                letter = letters.recv() => match letter {
                    Some(Letter::For(id, errand)) => self.deliver(id, errand),
                    Some(Letter::Doubt(id)) if self.living.contains_key(&*id) => {
                        self.deliver(id.to_string(), Errand::Doubt(oneshot::channel().0));
                    }
                    Some(Letter::Doubt(_)) => {}
                    Some(Letter::Count(reply)) => {
                        let now = Instant::now();
                        let held = self.records.values().filter(|record| record.is_quarantined(now)).count();
                        let _ = reply.send((self.living.len(), held));
                    }
                    None => return,
                },
                _ = rounds.tick() => self.put_idle_to_sleep(),
            }
        }
    }

    fn deliver(&mut self, id: String, errand: Errand) {
        let now = Instant::now();
        let dead = self.living.get(&id).is_some_and(|entry| !entry.address.connected());
        if dead {
            self.living.remove(&id);
            self.bury(&id, now);
        }
        if self.records.get(&id).is_some_and(|record| record.is_quarantined(now)) {
            errand.refuse(ActorError::Quarantined);
            return;
        }
        let revivals = self.records.get(&id).map_or(0, |record| record.deaths);
        let (store, hub) = (&self.store, &self.hub);
        let entry = self.living.entry(id).or_insert_with_key(|id| Entry {
            address: Conversation::new(Core::new(id.clone(), store.clone(), hub.clone()), revivals).start(),
            used: now,
        });
        entry.used = now;
        if let Err(error) = entry.address.try_send(errand) {
            match error {
                actix::prelude::SendError::Full(errand) => errand.refuse(ActorError::Busy),
                actix::prelude::SendError::Closed(errand) => errand.refuse(ActorError::Died),
            }
        }
    }

    fn bury(&mut self, id: &str, now: Instant) {
        metrics::counter!("switchboard_conversation_deaths_total").increment(1);
        let record = self.records.entry(id.to_owned()).or_default();
        if record.first_death.is_none_or(|first| now.duration_since(first) > self.options.intensity_window) {
            record.first_death = Some(now);
            record.deaths = 0;
        }
        record.deaths += 1;
        if record.deaths >= self.options.most_deaths {
            record.quarantined_until = Some(now + self.options.quarantine);
            record.deaths = 0;
            record.first_death = None;
            tracing::error!(conversation_id = id, "a conversation keeps dying and is quarantined");
        } else {
            tracing::warn!(conversation_id = id, deaths = record.deaths, "a conversation died and is revived");
        }
    }

    fn put_idle_to_sleep(&mut self) {
        let now = Instant::now();
        let idle_after = self.options.idle_after;
        self.living.retain(|_, entry| {
            let idle = now.duration_since(entry.used) >= idle_after;
            if idle {
                // Work that comes meanwhile goes to a new actor; the store's versions arbitrate.
                entry.address.do_send(Sleep);
            }
            !idle && entry.address.connected()
        });
        let window = self.options.intensity_window;
        self.records.retain(|_, record| {
            record.is_quarantined(now) || record.first_death.is_some_and(|first| now.duration_since(first) < window)
        });
    }
}

impl Record {
    fn is_quarantined(&self, now: Instant) -> bool {
        self.quarantined_until.is_some_and(|until| now < until)
    }
}
