//! The counts that all nodes share, by one script so that nobody comes between looking and counting.

use std::fmt;

use deadpool_redis::redis::{self, Script};
use deadpool_redis::{Config, Pool, Runtime};

use super::PATIENCE;
use super::limits::{Decision, Quota, Refused, SPAN_MS, Standing};

/// How long a running request is believed without a sign, in milliseconds: its node may have died.
const LEASE_MS: i64 = 15 * 60 * 1_000;

/// A connection to Redis and the script.
pub(super) struct Shared {
    pool: Pool,
    admit: Script,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let pool = Config::from_url(url).create_pool(Some(Runtime::Tokio1));
        Ok(Self {
            pool: pool.map_err(|error| format!("the address of Redis: {error}"))?,
            admit: Script::new(include_str!("limits.lua")),
        })
    }

    /// # Errors
    /// A sentence: Redis did not answer in time, or not as it should.
    pub(super) async fn admit(&self, id: &str, quotas: &[&Quota], now: i64) -> Result<Decision, String> {
        let mut call = self.admit.prepare_invoke();
        for quota in quotas {
            call.key(times(&quota.name)).key(running(&quota.name));
        }
        call.arg(now).arg(SPAN_MS).arg(LEASE_MS).arg(id);
        let or_none = |limit: Option<u32>| limit.map_or(-1, i64::from);
        for quota in quotas {
            call.arg(or_none(quota.per_minute)).arg(or_none(quota.at_once));
        }
        let asking = async {
            let mut connection = self.pool.get().await.map_err(|error| error.to_string())?;
            let answer: (i64, i64, i64, i64, i64) =
                call.invoke_async(&mut connection).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(answer)
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await.map_err(|_| "no answer in time".to_owned())??;
        let (outcome, at, limit, remaining, reset_at) = answer;
        let standing = u32::try_from(limit)
            .ok()
            .zip(u32::try_from(remaining).ok())
            .map(|(limit, remaining)| Standing { limit, remaining, reset_at });
        match outcome {
            0 => Ok(Decision::Admitted(standing)),
            1 => Ok(Decision::Refused(Refused::Rate { at }, standing)),
            2 => Ok(Decision::Refused(Refused::Concurrency, standing)),
            other => Err(format!("the script answered {other}")),
        }
    }

    /// Gives a place back, in the background. What fails lapses with its lease.
    pub(super) fn release(&self, id: String, names: Vec<String>) {
        let pool = self.pool.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        drop(runtime.spawn(async move {
            let giving = async {
                let mut connection = pool.get().await.ok()?;
                let mut pipe = redis::pipe();
                for name in &names {
                    pipe.zrem(running(name), &id).ignore();
                }
                pipe.query_async::<()>(&mut connection).await.ok()
            };
            let _ = tokio::time::timeout(PATIENCE, giving).await;
        }));
    }
}

fn times(name: &str) -> String {
    format!("switchboard:{{{name}}}:times")
}

fn running(name: &str) -> String {
    format!("switchboard:{{{name}}}:running")
}
