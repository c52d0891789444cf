//! What other nodes commit, told to this one: each node says on PostgreSQL's own channel which sequences it has moved,
//! after its commits and outside of them, and reads what the others say so of. A word that is lost costs time only: all
//! sequences are compared once in a while. On SQLite there is one node, and nothing to hear.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::db::fetch_all;
use super::{Db, LiveEvent, Store, StoreError, whispers};
use crate::domain::events;

/// The channel's name.
const CHANNEL: &str = "switchboard_events";
/// Workspaces named in one word; a word has at most 8,000 bytes.
const NAMED_AT_ONCE: usize = 100;
/// Events that are read at once.
const PAGE: i64 = 500;
/// How often all sequences are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(15);
/// How long to wait before the channel is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How far a workspace's sequence is known here.
#[derive(Debug, Default)]
struct Known {
    /// Everything up to this number was told here, by this node or as another's.
    seq: i64,
    /// What this node itself committed beyond it.
    own: BTreeSet<i64>,
}

impl Known {
    fn note_own(&mut self, seq: i64) {
        self.own.insert(seq);
        self.close_up();
    }

    fn close_up(&mut self) {
        self.own = self.own.split_off(&(self.seq + 1));
        while self.own.remove(&(self.seq + 1)) {
            self.seq += 1;
        }
    }
}

/// A node's ear and mouth.
struct Follower<W> {
    store: Store,
    own: broadcast::Receiver<Arc<[LiveEvent]>>,
    known: HashMap<String, Known>,
    is_wanted: W,
}

impl Store {
    /// Events that other nodes commit, from now on; while nobody wants them, empty batches say that there were some. In
    /// order among themselves, but not with this node's own, and rarely one of those comes this way, too.
    #[must_use]
    pub fn listen_elsewhere(&self) -> broadcast::Receiver<Arc<[LiveEvent]>> {
        self.inner.elsewhere.subscribe()
    }

    /// Tells other nodes what this one commits, and this one what they do, until it is dropped. `is_wanted` says whether
    /// anybody here wants to know what it was.
    pub async fn follow_other_nodes(self, is_wanted: impl Fn() -> bool) {
        if !self.is_shared() {
            return;
        }
        let own = self.listen();
        let mut follower = Follower { store: self, own, known: HashMap::new(), is_wanted };
        let mut is_new = true;
        loop {
            if let Err(error) = follower.follow(&mut is_new).await {
                tracing::warn!(%error, "other nodes' events are heard of later");
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn event_numbers(&self) -> Result<Vec<(String, i64)>, StoreError> {
        fetch_all!(self.db(), (String, i64), "SELECT id, event_seq FROM workspaces")
    }
}

impl<W: Fn() -> bool> Follower<W> {
    async fn follow(&mut self, is_new: &mut bool) -> Result<(), StoreError> {
        let Db::Postgres(pool) = self.store.db() else { return Ok(()) };
        // A connection of its own: it is held for good, and the pool's are few.
        let ear = PgPoolOptions::new().max_connections(1).connect_with((*pool.connect_options()).clone()).await?;
        let mut listener = PgListener::connect_with(&ear).await?;
        listener.listen_all([CHANNEL, whispers::CHANNEL]).await?;
        if std::mem::take(is_new) {
            for (workspace_id, seq) in self.store.event_numbers().await? {
                self.known.entry(workspace_id).or_default().seq = seq;
            }
        } else {
            self.compare().await?;
        }
        let mut rounds = tokio::time::interval(COMPARE_EVERY);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        rounds.reset();
        loop {
            tokio::select! {
                heard = self.own.recv() => match heard {
                    Ok(batch) => self.announce(&batch).await?,
                    Err(RecvError::Lagged(_)) => self.say("").await?,
                    Err(RecvError::Closed) => return Ok(()),
                },
                heard = listener.try_recv() => match heard? {
                    Some(word) if word.channel() == whispers::CHANNEL => self.store.hear_whisper(word.payload()),
                    Some(word) => self.hear(word.payload()).await?,
                    // The connection broke and is there again; what was said meanwhile is lost.
                    None => self.compare().await?,
                },
                _ = rounds.tick() => self.compare().await?,
            }
        }
    }

    /// Tells the others what this node has committed, together with what it commits just now.
    async fn announce(&mut self, first: &[LiveEvent]) -> Result<(), StoreError> {
        let mut moved: HashMap<Arc<str>, i64> = HashMap::new();
        self.note(first, &mut moved);
        loop {
            match self.own.try_recv() {
                Ok(batch) => self.note(&batch, &mut moved),
                Err(TryRecvError::Lagged(_)) => self.say("").await?,
                Err(_) => break,
            }
        }
        let words: Vec<String> = moved.iter().map(|(workspace_id, seq)| format!("{workspace_id}={seq}")).collect();
        for words in words.chunks(NAMED_AT_ONCE) {
            self.say(&words.join(" ")).await?;
        }
        Ok(())
    }

    fn note(&mut self, batch: &[LiveEvent], moved: &mut HashMap<Arc<str>, i64>) {
        for event in batch {
            if !self.known.contains_key(&*event.workspace_id) {
                self.known.insert(event.workspace_id.to_string(), Known::default());
            }
            if let Some(known) = self.known.get_mut(&*event.workspace_id) {
                known.note_own(event.seq);
            }
            moved.insert(Arc::clone(&event.workspace_id), event.seq);
        }
    }

    async fn say(&self, what: &str) -> Result<(), StoreError> {
        let Db::Postgres(pool) = self.store.db() else { return Ok(()) };
        let payload = format!("{} {what}", self.store.node_id());
        sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(pool).await?;
        Ok(())
    }

    async fn hear(&mut self, payload: &str) -> Result<(), StoreError> {
        let (node_id, words) = payload.split_once(' ').unwrap_or((payload, ""));
        if node_id == self.store.node_id() {
            return Ok(());
        }
        if words.is_empty() {
            return self.compare().await;
        }
        for word in words.split(' ') {
            if let Some((workspace_id, seq)) = word.split_once('=')
                && let Ok(seq) = seq.parse()
            {
                self.reach(workspace_id, seq).await?;
            }
        }
        Ok(())
    }

    /// Compares all sequences with what is known of them.
    async fn compare(&mut self) -> Result<(), StoreError> {
        for (workspace_id, seq) in self.store.event_numbers().await? {
            self.reach(&workspace_id, seq).await?;
        }
        Ok(())
    }

    /// Tells this node what others have committed to a sequence that has come so far.
    async fn reach(&mut self, workspace_id: &str, seq: i64) -> Result<(), StoreError> {
        let known = self.known.entry(workspace_id.to_owned()).or_default();
        if seq <= known.seq {
            return Ok(());
        }
        if !(self.is_wanted)() {
            known.seq = seq;
            known.close_up();
            let _ = self.store.inner.elsewhere.send(Arc::from([]));
            return Ok(());
        }
        let workspace: Arc<str> = workspace_id.into();
        while known.seq < seq {
            let page = self.store.events(workspace_id, known.seq, PAGE).await?;
            let Some(last) = page.last().map(|event| event.seq) else {
                known.seq = seq;
                break;
            };
            let others = page.into_iter().filter(|event| !known.own.contains(&event.seq));
            let live: Vec<LiveEvent> = others
                .filter_map(|event| {
                    Some(LiveEvent {
                        workspace_id: Arc::clone(&workspace),
                        seq: event.seq,
                        // A newer node may know more of them than this one.
                        kind: events::word(&event.kind)?,
                        conversation_id: event.conversation_id.map(Arc::from),
                        at: event.at,
                        data: event.data.into(),
                    })
                })
                .collect();
            known.seq = last;
            known.close_up();
            let _ = self.store.inner.elsewhere.send(live.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn own_numbers_close_up_with_what_others_fill_in() {
        let mut known = Known { seq: 10, ..Known::default() };
        for seq in [11, 13, 14] {
            known.note_own(seq);
        }
        assert_eq!((known.seq, known.own.len()), (11, 2));
        known.seq = 12;
        known.close_up();
        assert_eq!((known.seq, known.own.len()), (14, 0));
        known.note_own(3);
        assert_eq!((known.seq, known.own.len()), (14, 0));
    }
}
