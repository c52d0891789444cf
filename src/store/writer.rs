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

/// A change on its way to the writer.
pub(super) struct Envelope {
    pub(super) change: Change,
    pub(super) reply: oneshot::Sender<Result<Committed, Refusal>>,
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
        match self.attempt(&mut changes, at).await {
            Ok(outcomes) => answer(replies, outcomes),
            Err(error) if changes.len() > 1 => {
                tracing::warn!(%error, changes = changes.len(), "batch failed; committing its changes one by one");
                for (change, reply) in changes.into_iter().zip(replies) {
                    let outcome = match self.attempt(&mut vec![change], at).await {
                        Ok(outcomes) => outcomes.into_iter().next().unwrap_or(Err(Refusal::Stale)),
                        Err(error) => Err(unavailable(&error)),
                    };
                    let _ = reply.send(outcome);
                }
            }
            Err(error) => {
                let refusal = unavailable(&error);
                answer(replies, vec![Err(refusal)]);
            }
        }
    }

    async fn attempt(
        &mut self,
        changes: &mut Vec<Change>,
        at: i64,
    ) -> Result<Vec<Result<Committed, Refusal>>, sqlx::Error> {
        crash::point("store.commit.before");
        let batch = self.committer.commit(changes, at).await?;
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

fn answer(
    replies: Vec<oneshot::Sender<Result<Committed, Refusal>>>,
    outcomes: Vec<Result<Committed, Refusal>>,
) {
    for (reply, outcome) in replies.into_iter().zip(outcomes) {
        let _ = reply.send(outcome);
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
