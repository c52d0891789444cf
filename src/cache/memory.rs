//! What this process has admitted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::limits::{Decision, Quota, Refused, SPAN_MS, Standing, tightest};

/// Counts after which those that are empty are swept.
const SWEEP_AT: usize = 20_000;

/// One count.
#[derive(Debug, Default)]
struct Count {
    /// When requests of the last minute were admitted, Unix milliseconds, the oldest first.
    admitted: VecDeque<i64>,
    /// Requests that run.
    running: u32,
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    counts: Mutex<HashMap<String, Count>>,
}

impl Count {
    fn forget(&mut self, now: i64) {
        while self.admitted.front().is_some_and(|at| *at <= now - SPAN_MS) {
            self.admitted.pop_front();
        }
    }

    fn used(&self) -> u32 {
        u32::try_from(self.admitted.len()).unwrap_or(u32::MAX)
    }

    fn standing(&self, limit: u32, now: i64) -> Standing {
        let newest = self.admitted.back().copied().unwrap_or(now - SPAN_MS);
        Standing { limit, remaining: limit.saturating_sub(self.used()), reset_at: newest + SPAN_MS }
    }
}

impl Memory {
    fn counts(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn admit(&self, quotas: &[&Quota], now: i64) -> Decision {
        let mut counts = self.counts();
        if counts.len() >= SWEEP_AT {
            counts.retain(|_, count| {
                count.forget(now);
                count.running > 0 || !count.admitted.is_empty()
            });
        }
        for quota in quotas {
            let count = counts.entry(quota.name.clone()).or_default();
            count.forget(now);
            let standing = quota.per_minute.map(|limit| count.standing(limit, now));
            if quota.at_once.is_some_and(|most| count.running >= most) {
                return Decision::Refused(Refused::Concurrency, standing);
            }
            if let Some(standing) = standing.filter(|standing| standing.remaining == 0) {
                let over = count.admitted.len().saturating_sub(usize::try_from(standing.limit).unwrap_or(usize::MAX));
                let at = count.admitted.get(over).map_or(now, |oldest| oldest + SPAN_MS);
                return Decision::Refused(Refused::Rate { at }, Some(standing));
            }
        }
        let standings = quotas.iter().filter_map(|quota| {
            let count = counts.get_mut(&quota.name)?;
            count.running += u32::from(quota.at_once.is_some());
            quota.per_minute.map(|limit| {
                count.admitted.push_back(now);
                count.standing(limit, now)
            })
        });
        Decision::Admitted(tightest(standings))
    }

    /// Takes back what was admitted at this time: somebody else refused it.
    pub(super) fn withdraw(&self, quotas: &[&Quota], now: i64) {
        let mut counts = self.counts();
        for quota in quotas {
            let Some(count) = counts.get_mut(&quota.name) else { continue };
            count.running = count.running.saturating_sub(u32::from(quota.at_once.is_some()));
            if quota.per_minute.is_some()
                && let Some(place) = count.admitted.iter().rposition(|at| *at == now)
            {
                count.admitted.remove(place);
            }
        }
    }

    pub(super) fn release(&self, names: &[String]) {
        let mut counts = self.counts();
        for name in names {
            if let Some(count) = counts.get_mut(name) {
                count.running = count.running.saturating_sub(1);
            }
        }
    }
}
