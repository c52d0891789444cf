//! Forgets what is older than its workspace keeps it: one node at a time, once in a while.

use std::time::Duration;

use crate::store::StoreError;
use crate::usecases::Switchboard;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// The name under which one node has it.
const CHORE: &str = "retention";

/// Forgets until it is dropped. What is broken off is gone on with in the next round, on whichever node.
pub async fn keep(switchboard: Switchboard) {
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        match round(&switchboard).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "what was older than its time was forgotten"),
            Err(error) => tracing::warn!(%error, "what is too old could not be forgotten; it is tried again"),
        }
    }
}

async fn round(switchboard: &Switchboard) -> Result<u64, StoreError> {
    if !switchboard.store.claim_chore(CHORE).await? {
        return Ok(0);
    }
    switchboard.forget_old(switchboard.now()).await
}
