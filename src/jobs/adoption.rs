//! The lease of this node, and the jobs and deliveries that dead nodes left behind.

use std::time::Duration;

use super::runner::Runners;
use crate::telemetry::crash;
use crate::usecases::Switchboard;

/// Jobs taken over at once.
const BATCH: i64 = 500;
/// A delivery that is still pending after so many leases was cut off by a crash.
const CUT_OFF_AFTER_LEASES: i64 = 2;

/// Takes over what earlier lives of this installation left, before the doors open.
pub async fn begin(switchboard: &Switchboard, runners: &Runners, lease_ms: i64) {
    adopt(switchboard, runners).await;
    repair(switchboard, true, lease_ms).await;
}

/// Renews the lease and takes over what dead nodes left, until it is dropped.
pub async fn keep(switchboard: Switchboard, runners: Runners, lease_ms: i64) {
    let every = Duration::from_millis(u64::try_from(lease_ms / 6).unwrap_or(2_500).max(50));
    let mut rounds = tokio::time::interval(every);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        match switchboard.store.renew_lease(lease_ms).await {
            Ok(true) => {}
            Ok(false) => {
                if let Err(error) = switchboard.store.rejoin(lease_ms).await {
                    tracing::warn!(%error, "this node could not renew its lease");
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "this node could not renew its lease");
                continue;
            }
        }
        adopt(&switchboard, &runners).await;
        repair(&switchboard, false, lease_ms).await;
    }
}

/// Takes over what dead nodes left.
async fn adopt(switchboard: &Switchboard, runners: &Runners) {
    loop {
        match switchboard.store.adopt_jobs(BATCH).await {
            Ok(jobs) => {
                let count = jobs.len();
                if count > 0 {
                    crash::point("jobs.adopted");
                }
                for job in jobs {
                    runners.take(switchboard, job);
                }
                if count > 0 {
                    tracing::info!(jobs = count, "took over jobs of a node that ended");
                }
                if i64::try_from(count).unwrap_or_default() < BATCH {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "jobs of ended nodes could not be taken over");
                return;
            }
        }
    }
}

/// Deliveries that were written down and not handled: a crash came between. Their vendor was not answered and will
/// come again, but need not.
async fn repair(switchboard: &Switchboard, at_start: bool, lease_ms: i64) {
    let age = if at_start && !switchboard.store.is_shared() { 0 } else { CUT_OFF_AFTER_LEASES * lease_ms };
    let before = switchboard.store.clock().now() - age;
    match switchboard.store.unfinished_deliveries(before, 100).await {
        Ok(deliveries) => {
            for delivery in deliveries {
                let id = delivery.id.clone();
                if let Err(turned) = switchboard.take_again(delivery).await {
                    tracing::warn!(delivery_id = id, ?turned, "a cut-off delivery could not be repaired yet");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "cut-off deliveries could not be read"),
    }
}
