//! How often and how many at once: requests are counted by name, in this process or in Redis, with the same outcome.
//!
//! Within any minute no more than the limit are admitted: the times of admission are kept, not a counter that starts
//! anew. All quotas of a request are looked at together, and one that is refused is counted by none.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::memory::Memory;
use super::redis::Shared;
use super::{Options, PAUSE_MS};

/// The span within which requests are counted, in milliseconds.
pub(super) const SPAN_MS: i64 = 60_000;

/// What a request may use of one count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Who is counted, for example `key:0198…`.
    pub name: String,
    /// Most requests within a minute.
    pub per_minute: Option<u32>,
    /// Most requests at once.
    pub at_once: Option<u32>,
}

/// How a count stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Most requests within a minute.
    pub limit: u32,
    /// Requests that would be admitted now.
    pub remaining: u32,
    /// When all of the limit is free again, if nothing more comes; Unix milliseconds.
    pub reset_at: i64,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Too many within a minute; one more is admitted at this time, Unix milliseconds.
    Rate {
        /// When to come again.
        at: i64,
    },
    /// Too many at once.
    Concurrency,
}

/// What became of a request.
#[derive(Debug)]
pub enum Admission {
    /// It may go on.
    Admitted {
        /// The count with the least left; none where nothing is limited by the minute.
        standing: Option<Standing>,
        /// To be kept as long as the request lasts.
        permit: Permit,
    },
    /// It may not, and nothing was counted.
    Refused {
        /// Why.
        why: Refused,
        /// The count that refused it, where it counts by the minute.
        standing: Option<Standing>,
    },
}

/// What a count decided: [`Admission`] before its permit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Admitted(Option<Standing>),
    Refused(Refused, Option<Standing>),
}

/// A place among those that run at once. Dropping it gives the place back.
#[derive(Debug, Default)]
pub struct Permit {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    id: String,
    names: Vec<String>,
    memory: Arc<Memory>,
    shared: Option<Arc<Shared>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(Held { id, names, memory, shared }) = self.held.take() else { return };
        memory.release(&names);
        if let Some(shared) = shared {
            shared.release(id, names);
        }
    }
}

/// Counts requests. Clones count together.
#[derive(Debug, Clone)]
pub struct Limits {
    memory: Arc<Memory>,
    shared: Option<Arc<Shared>>,
    /// Redis is not asked before this time, Unix milliseconds.
    resume_at: Arc<AtomicI64>,
}

impl Limits {
    /// Counts where `options` say.
    ///
    /// # Errors
    /// A sentence: the address of Redis is none.
    pub fn new(options: &Options) -> Result<Self, String> {
        let shared = options.url.as_deref().map(Shared::new).transpose()?.map(Arc::new);
        Ok(Self { memory: Arc::default(), shared, resume_at: Arc::default() })
    }

    /// Admits a request to all of these counts, or refuses it. `id` is the request's own, `now` Unix milliseconds.
    ///
    /// A node always counts what it admits, and asks Redis only about what it would admit by itself: so it never admits
    /// more than the limit, however often Redis comes and goes.
    pub async fn admit(&self, id: &str, quotas: &[Quota], now: i64) -> Admission {
        let limited: Vec<&Quota> =
            quotas.iter().filter(|quota| quota.per_minute.is_some() || quota.at_once.is_some()).collect();
        if limited.is_empty() {
            return Admission::Admitted { standing: None, permit: Permit::default() };
        }
        let own = match self.memory.admit(&limited, now) {
            Decision::Admitted(standing) => standing,
            Decision::Refused(why, standing) => return Admission::Refused { why, standing },
        };
        let counted = limited.iter().filter(|quota| quota.at_once.is_some());
        let names: Vec<String> = counted.map(|quota| quota.name.clone()).collect();
        let shared = self.shared.as_ref().filter(|_| now >= self.resume_at.load(Ordering::Relaxed));
        let (standing, shared) = match shared {
            None => (own, None),
            Some(shared) => match shared.admit(id, &limited, now).await {
                Ok(Decision::Admitted(standing)) => {
                    (tightest(own.into_iter().chain(standing)), Some(Arc::clone(shared)))
                }
                Ok(Decision::Refused(why, standing)) => {
                    self.memory.withdraw(&limited, now);
                    return Admission::Refused { why, standing };
                }
                Err(reason) => {
                    // Counting by itself a node serves on; the counts of the others are not known to it meanwhile.
                    tracing::warn!(reason, "Redis does not answer; this node counts by itself");
                    metrics::counter!("switchboard_cache_failures_total").increment(1);
                    self.resume_at.store(now.saturating_add(PAUSE_MS), Ordering::Relaxed);
                    // It may have counted all the same, and the place would be held until its lease ends.
                    (own, Some(Arc::clone(shared)))
                }
            },
        };
        let held = Held { id: id.to_owned(), names, memory: Arc::clone(&self.memory), shared };
        Admission::Admitted { standing, permit: Permit { held: (!held.names.is_empty()).then_some(held) } }
    }
}

/// The standing with the least left.
#[must_use]
pub fn tightest(standings: impl Iterator<Item = Standing>) -> Option<Standing> {
    standings.min_by_key(|standing| (standing.remaining, standing.limit))
}
