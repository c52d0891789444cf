//! Requests are counted exactly, wherever they are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use switchboard::cache::Options;
use switchboard::cache::limits::{Admission, Limits, Permit, Quota, Refused};

use crate::support::door::Door;
use crate::support::stage::run;

/// Some minute; the counts do not look at the clock.
const NOW: i64 = 1_800_000_000_000;

static NAMES: AtomicU32 = AtomicU32::new(0);

fn in_memory() -> Limits {
    Limits::new(&Options::default()).unwrap()
}

fn in_redis() -> Limits {
    Limits::new(&Options { url: Some(super::redis_url()) }).unwrap()
}

/// A name that nobody else counts under.
fn name() -> String {
    format!("test:{}:{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed))
}

fn quota(name: &str, per_minute: Option<u32>, at_once: Option<u32>) -> Quota {
    Quota { name: name.to_owned(), per_minute, at_once }
}

/// Ids of requests are unique.
fn id() -> String {
    name()
}

async fn admitted(limits: &Limits, quotas: &[Quota], now: i64) -> (Option<(u32, u32, i64)>, Permit) {
    match limits.admit(&id(), quotas, now).await {
        Admission::Admitted { standing, permit } => {
            (standing.map(|standing| (standing.limit, standing.remaining, standing.reset_at)), permit)
        }
        Admission::Refused { why, .. } => panic!("refused: {why:?}"),
    }
}

async fn refused(limits: &Limits, quotas: &[Quota], now: i64) -> Refused {
    match limits.admit(&id(), quotas, now).await {
        Admission::Refused { why, .. } => why,
        Admission::Admitted { standing, .. } => panic!("admitted: {standing:?}"),
    }
}

/// Makes two tests of each promise, `name::memory` and `name::redis`.
macro_rules! wherever_counted {
    ($(async fn $name:ident($limits:ident) $body:block)+) => { $(
        mod $name {
            use super::*;

            async fn promise($limits: Limits) $body

            #[test]
            fn memory() {
                run(promise(in_memory()));
            }

            #[test]
            fn redis() {
                run(async { promise(in_redis()).await });
            }
        }
    )+ };
}

wherever_counted! {
    async fn no_minute_has_more_than_the_limit(limits) {
        let quotas = [quota(&name(), Some(3), None)];
        for (at, standing) in [(0, (3, 2, 60_000)), (10_000, (3, 1, 70_000)), (20_000, (3, 0, 80_000))] {
            let (limit, remaining, reset_at) = standing;
            assert_eq!(admitted(&limits, &quotas, NOW + at).await.0, Some((limit, remaining, NOW + reset_at)));
        }
        assert_eq!(refused(&limits, &quotas, NOW + 59_999).await, Refused::Rate { at: NOW + 60_000 });
        // What was refused was not counted: one place is free again for each that was taken a minute ago.
        assert_eq!(admitted(&limits, &quotas, NOW + 60_000).await.0, Some((3, 0, NOW + 120_000)));
        assert_eq!(refused(&limits, &quotas, NOW + 60_001).await, Refused::Rate { at: NOW + 70_000 });
    }

    async fn a_place_is_free_when_its_request_has_ended(limits) {
        let quotas = [quota(&name(), None, Some(2))];
        let (standing, first) = admitted(&limits, &quotas, NOW).await;
        let (_, _second) = admitted(&limits, &quotas, NOW).await;
        assert_eq!(standing, None);
        assert_eq!(refused(&limits, &quotas, NOW).await, Refused::Concurrency);
        drop(first);
        // Redis is told in the background.
        let (again, _third) = loop {
            match limits.admit(&id(), &quotas, NOW).await {
                Admission::Admitted { standing, permit } => break (standing, permit),
                Admission::Refused { .. } => tokio::task::yield_now().await,
            }
        };
        assert_eq!(again, None);
        assert_eq!(refused(&limits, &quotas, NOW).await, Refused::Concurrency);
    }

    async fn all_quotas_count_or_none(limits) {
        let (key, plan) = (name(), name());
        let both = [quota(&key, Some(5), None), quota(&plan, Some(1), Some(1))];
        let (standing, permit) = admitted(&limits, &both, NOW).await;
        assert_eq!(standing, Some((1, 0, NOW + 60_000)), "the tighter one is told");
        drop(permit);
        for _ in 0..3 {
            assert!(matches!(limits.admit(&id(), &both, NOW + 1).await, Admission::Refused { .. }));
        }
        let (standing, _) = admitted(&limits, &both[..1], NOW + 2).await;
        assert_eq!(standing, Some((5, 3, NOW + 60_002)), "the refused ones were not counted by the key");
    }

    async fn many_at_once_are_counted_exactly(limits) {
        let names: Arc<Vec<String>> = Arc::new((0..100).map(|_| name()).collect());
        let passed = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..16).map(|worker| {
            let (limits, names, passed) = (limits.clone(), Arc::clone(&names), Arc::clone(&passed));
            tokio::spawn(async move {
                for round in 0..100 {
                    let quotas = [quota(&names[(round + worker * 7) % 100], Some(10), None)];
                    if matches!(limits.admit(&id(), &quotas, NOW + i64::try_from(round).unwrap()).await, Admission::Admitted { .. }) {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        }).collect();
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(passed.load(Ordering::Relaxed), 100 * 10);
    }
}

#[test]
fn what_is_not_limited_is_not_counted() {
    run(async {
        let limits = in_memory();
        for _ in 0..100 {
            assert_eq!(admitted(&limits, &[quota("free", None, None)], NOW).await.0, None);
        }
    });
}

#[test]
fn what_another_node_has_taken_is_not_counted_here() {
    run(async {
        let (one, other, quotas) = (in_redis(), in_redis(), [quota(&name(), Some(2), None)]);
        admitted(&one, &quotas, NOW).await;
        admitted(&other, &quotas, NOW + 1).await;
        for at in 2..5 {
            assert_eq!(refused(&one, &quotas, NOW + at).await, Refused::Rate { at: NOW + 60_000 });
        }
        assert_eq!(admitted(&one, &quotas, NOW + 60_000).await.0, Some((2, 0, NOW + 120_000)));
    });
}

#[test]
fn a_node_never_admits_more_than_the_limit_however_redis_comes_and_goes() {
    run(async {
        let url = url::Url::parse(&super::redis_url()).unwrap();
        let redis = vec![format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(6_379))];
        let door = Door::to(&redis).await;
        let limits = Limits::new(&Options { url: Some(format!("redis://127.0.0.1:{}", door.port)) }).unwrap();
        let quotas = [quota(&name(), Some(3), None)];
        admitted(&limits, &quotas, NOW).await;
        door.turn(&[]);
        admitted(&limits, &quotas, NOW + 1).await;
        door.turn(&redis);
        // Redis knows of one, and the node of two.
        assert_eq!(admitted(&limits, &quotas, NOW + 5_000).await.0, Some((3, 0, NOW + 65_000)));
        assert_eq!(refused(&limits, &quotas, NOW + 10_000).await, Refused::Rate { at: NOW + 60_000 });
    });
}

#[test]
fn without_redis_a_node_counts_by_itself() {
    run(async {
        // Nobody listens there.
        let limits = Limits::new(&Options { url: Some("redis://127.0.0.1:1".to_owned()) }).unwrap();
        let quotas = [quota(&name(), Some(1), None)];
        admitted(&limits, &quotas, NOW).await;
        assert!(matches!(refused(&limits, &quotas, NOW + 1).await, Refused::Rate { .. }));
    });
}
