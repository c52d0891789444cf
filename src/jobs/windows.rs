//! Tells of windows that have closed: each by its conversation's actor, once.

use std::time::Duration;

use crate::domain::conversations::Amendment;
use crate::domain::windows::SAFETY_MARGIN_MS;
use crate::store::StoreError;
use crate::usecases::Switchboard;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// Windows that are told of in one round.
const MOST: i64 = 500;
/// The name under which one node has it.
const CHORE: &str = "windows";

/// Tells until it is dropped.
pub async fn keep(switchboard: Switchboard) {
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = round(&switchboard).await {
            tracing::warn!(%error, "closed windows could not be looked up; it is tried again");
        }
    }
}

async fn round(switchboard: &Switchboard) -> Result<(), StoreError> {
    let before = switchboard.now().saturating_add(SAFETY_MARGIN_MS);
    let due = switchboard.store.windows_to_tell(before, MOST).await?;
    // Nothing would be told twice by two nodes, but all of it would be done twice.
    if due.is_empty() || !switchboard.store.claim_chore(CHORE).await? {
        return Ok(());
    }
    for conversation_id in due {
        if let Err(error) = switchboard.conversations.amend(&conversation_id, Amendment::TellWindow).await {
            tracing::debug!(conversation_id, %error, "that a window has closed could not be told yet");
        }
    }
    Ok(())
}
