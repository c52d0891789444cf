//! The one writer: drains the queue and commits many callers' changes in one transaction.
//!
//! Whoever waits in the queue while a batch is being committed forms the next batch: no timer, no tuning. A batch that
//! fails is tried again change by change, so that one bad change takes no other with it.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};

use super::commit::Committer;
use super::{Committed, Db, LiveEvent};
use crate::domain::changes::{Change, Refusal};
use crate::domain::jobs::Job;
use crate::telemetry::crash;

/// Most changes in one transaction.
const LARGEST_BATCH: usize = 512;

type Reply = oneshot::Sender<Result<Committed, Refusal>>;

/// A change on its way to the writer.
pub(super) struct Envelope {
    pub(super) change: Change,
    pub(super) reply: Reply,
    /// Unix milliseconds.
    pub(super) at: i64,
}

/// Starts the writer on the current runtime. It ends when the last store is dropped.
pub(super) fn start(
    db: Db,
    node_id: String,
    mut queue: mpsc::Receiver<Envelope>,
    feed: mpsc::UnboundedSender<Job>,
    live: broadcast::Sender<Arc<[LiveEvent]>>,
) {
    tokio::spawn(async move {
        let mut writer = Writer { committer: Committer::new(db, node_id), feed, live };
        let mut batch = Vec::with_capacity(LARGEST_BATCH);
        while queue.recv_many(&mut batch, LARGEST_BATCH).await > 0 {
            writer.write(&mut batch).await;
        }
    });
}

struct Writer {
    committer: Committer,
    feed: mpsc::UnboundedSender<Job>,
    live: broadcast::Sender<Arc<[LiveEvent]>>,
}

impl Writer {
    async fn write(&mut self, batch: &mut Vec<Envelope>) {
        metrics::histogram!("switchboard_commit_batch_changes").record(count(batch.len()));
        let (mut changes, mut replies) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let at = batch.iter().map(|envelope| envelope.at).max().unwrap_or_default();
        for envelope in batch.drain(..) {
            changes.push(envelope.change);
            replies.push(envelope.reply);
        }
        match self.attempt_twice(&mut changes, at).await {
            Ok(outcomes) => answer(replies, outcomes),
            Err(error) if changes.len() > 1 && !is_gone(&error) => {
                tracing::warn!(%error, changes = changes.len(), "batch failed; committing its changes one by one");
                self.one_by_one(changes, replies, at).await;
            }
            Err(error) => {
                let refusal = unavailable(&error);
                let outcomes = vec![Err(refusal); replies.len()];
                answer(replies, outcomes);
            }
        }
    }

    /// Commits each change alone. Once the database is gone the rest is refused at once: each would wait for it in vain
    /// while everybody else waits behind.
    async fn one_by_one(&mut self, changes: Vec<Change>, replies: Vec<Reply>, at: i64) {
        let mut gone = None;
        for (change, reply) in changes.into_iter().zip(replies) {
            let outcome = match &gone {
                Some(refusal) => Err(Refusal::clone(refusal)),
                None => match self.attempt_twice(&mut [change], at).await {
                    Ok(outcomes) => outcomes.into_iter().next().unwrap_or(Err(Refusal::Stale)),
                    Err(error) => {
                        let refusal = unavailable(&error);
                        if is_gone(&error) {
                            gone = Some(refusal.clone());
                        }
                        Err(refusal)
                    }
                },
            };
            let _ = reply.send(outcome);
        }
    }

    /// Tries once more what may well succeed then: on a fresh connection, or after a race that another node won, whose
    /// rows the second try sees.
    async fn attempt_twice(
        &mut self,
        changes: &mut [Change],
        at: i64,
    ) -> Result<Vec<Result<Committed, Refusal>>, sqlx::Error> {
        match self.attempt(changes, at).await {
            Err(error) if is_gone(&error) || lost_a_race(&error) => {
                tracing::warn!(%error, changes = changes.len(), "batch failed; trying it again");
                self.attempt(changes, at).await
            }
            result => result,
        }
    }

    async fn attempt(
        &mut self,
        changes: &mut [Change],
        at: i64,
    ) -> Result<Vec<Result<Committed, Refusal>>, sqlx::Error> {
        crash::point("store.commit.before");
        let batch = match self.committer.commit(changes, at).await {
            Ok(batch) => batch,
            Err(error) => {
                self.committer.leave_connection().await;
                return Err(error);
            }
        };
        crash::point("store.commit.after");
        for job in batch.jobs {
            let _ = self.feed.send(job);
        }
        if !batch.events.is_empty() && self.live.receiver_count() > 0 {
            let _ = self.live.send(batch.events.into());
        }
        Ok(batch.outcomes)
    }
}

fn answer(replies: Vec<Reply>, outcomes: Vec<Result<Committed, Refusal>>) {
    for (reply, outcome) in replies.into_iter().zip(outcomes) {
        let _ = reply.send(outcome);
    }
}

/// Whether another writer was first: with the same unique name, or in a deadlock.
fn lost_a_race(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.is_unique_violation() || error.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))
    })
}

/// Whether the failure says nothing about the changes: the connection, the server or the lock on the file is not to be
/// had.
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // PostgreSQL's classes, then SQLite's `BUSY`.
            ["08", "53", "57", "58"].iter().any(|class| code.len() == 5 && code.starts_with(class)) || code == "5"
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

fn unavailable(error: &sqlx::Error) -> Refusal {
    metrics::counter!("switchboard_commit_failures_total").increment(1);
    tracing::error!(%error, "a change could not be committed");
    Refusal::Unavailable(error.to_string())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
