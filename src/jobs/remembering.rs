//! Takes messages into the index of what is remembered, behind the event sequence and in small steps, so that nobody who
//! writes a message waits for it; before that, has memories embedded that were there before their model.

use std::time::Duration;

use crate::store::StoreError;
use crate::store::remembered::Taken;
use crate::usecases::Switchboard;

/// How often it is looked at whether there are new messages.
const EVERY: Duration = Duration::from_secs(5);
/// The pause between two steps, in which others write.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes in messages until it is dropped. How far it has come is in the database, so that any node goes on from there.
pub async fn keep(switchboard: Switchboard) {
    if let Err(error) = switchboard.embed_what_is_left().await {
        tracing::warn!(%error, "memories that are not embedded yet are looked for when the process starts again");
    }
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = round(&switchboard).await {
            tracing::warn!(%error, "messages could not be taken into the index; it is tried again");
        }
    }
}

async fn round(switchboard: &Switchboard) -> Result<(), StoreError> {
    for workspace_id in switchboard.store.workspaces_to_remember().await? {
        while switchboard.store.remember_messages(&workspace_id).await? == Taken::Some {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
