//! Joins contacts that are one person, by the rules of their workspace: when somebody appears, and once in a while all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::store::LiveEvent;
use crate::usecases::Switchboard;

/// How often everything is looked at: what another node left when it died, or what came without an event.
const EVERYTHING_EVERY: Duration = Duration::from_secs(60 * 60);

/// Joins until it is dropped. The database is what is remembered: whoever was missed is found when all are looked at.
pub async fn keep(switchboard: Switchboard, mut events: broadcast::Receiver<Arc<[LiveEvent]>>) {
    let mut rounds = tokio::time::interval(EVERYTHING_EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = rounds.tick() => join_all(&switchboard).await,
            heard = events.recv() => match heard {
                Ok(batch) => for event in batch.iter() {
                    join(&switchboard, event).await;
                },
                Err(RecvError::Lagged(_)) => join_all(&switchboard).await,
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn join(switchboard: &Switchboard, event: &LiveEvent) {
    if !matches!(event.kind, "conversation.opened" | "contact.updated") {
        return;
    }
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    let Some(contact_id) = data.get("contact_id").and_then(serde_json::Value::as_str) else { return };
    // The merges of this very rule are no news to it, and an undone merge is somebody's wish.
    if data.get("merge_id").is_some() {
        return;
    }
    if let Err(error) = switchboard.join_by_phone(&event.workspace_id, contact_id).await {
        tracing::warn!(contact_id, %error, "a contact could not be joined with others; it is tried again later");
    }
}

async fn join_all(switchboard: &Switchboard) {
    match switchboard.join_all_by_phone().await {
        Ok(0) => {}
        Ok(merged) => tracing::info!(merged, "joined contacts of one phone number"),
        Err(error) => tracing::warn!(%error, "contacts could not be joined; it is tried again later"),
    }
}
