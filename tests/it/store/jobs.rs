//! Jobs: leased, fenced, adopted once with their lanes whole, put off, given up and revived.

use std::collections::HashSet;

use switchboard::domain::changes::{Change, NewEvent, Refusal};
use switchboard::domain::events::EventKind;
use switchboard::domain::jobs::{NewJob, Work};

use crate::support::databases::{LEASE_MS, TestStore, on_both_databases, workspace};
use crate::support::people::{decide, nothing, text, unwritten};

async fn add_jobs(store: &TestStore, lanes: &[&str]) -> Vec<String> {
    let jobs: Vec<NewJob> = lanes
        .iter()
        .map(|lane| NewJob {
            id: store.id(),
            lane: (*lane).to_owned(),
            work: Work::Download { message_id: "m".to_owned(), index: 0 },
            run_at: 1,
            cargo: None,
        })
        .collect();
    let ids = jobs.iter().map(|job| job.id.clone()).collect();
    store.commit(Change { jobs, ..nothing(&store.channel) }).await.unwrap();
    assert_eq!(store.fed().len(), lanes.len());
    ids
}

fn finishing(store: &TestStore, job: &str) -> Change {
    let event = NewEvent { kind: EventKind::ChannelNotice, conversation_id: None, data: serde_json::json!({}) };
    Change { finishes: Some(job.to_owned()), events: vec![event], ..nothing(&store.channel) }
}

on_both_databases! {
    async fn a_job_is_finished_once(store: TestStore) {
        let jobs = add_jobs(&store, &["a", "a"]).await;
        store.commit(finishing(&store, &jobs[0])).await.unwrap();
        assert_eq!(store.commit(finishing(&store, &jobs[0])).await.unwrap_err(), Refusal::Fenced);
        let (one, other) =
            tokio::join!(store.commit(finishing(&store, &jobs[1])), store.commit(finishing(&store, &jobs[1])));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
        assert_eq!(store.events(&store.workspace.id, 0, 10).await.unwrap().len(), 2);
        assert!(store.count_jobs().await.unwrap().is_empty());
    }

    async fn a_refused_change_ends_no_job(store: TestStore) {
        let jobs = add_jobs(&store, &["a"]).await;
        let conversation = unwritten(&store, &store.channel);
        let mut change = decide(&store, &conversation, &[text("wamid.1", "491", "hello")]).change;
        store.commit(change.clone()).await.unwrap();
        change.finishes = Some(jobs[0].clone());
        assert_eq!(store.commit(change).await.unwrap_err(), Refusal::Stale);
        store.commit(finishing(&store, &jobs[0])).await.unwrap();
    }

    async fn a_fenced_change_hides_nothing_from_others(store: TestStore) {
        for round in 0..20 {
            let event = [text(&format!("wamid.{round}"), &format!("49{round}"), "hello")];
            let mut fenced = decide(&store, &unwritten(&store, &store.channel), &event).change;
            fenced.finishes = Some("nobody's".to_owned());
            let good = decide(&store, &unwritten(&store, &store.channel), &event).change;
            let (fenced, good) = tokio::join!(store.commit(fenced), store.commit(good));
            assert_eq!(fenced.unwrap_err(), Refusal::Fenced);
            good.unwrap();
        }
    }

    async fn a_node_that_lost_its_job_is_fenced(store: TestStore) {
        let jobs = add_jobs(&store, &["a"]).await;
        let other = store.reopen().await;
        other.clock().advance(LEASE_MS * 2);
        assert_eq!(other.adopt_jobs(10).await.unwrap()[0].id, jobs[0]);
        assert_eq!(store.commit(finishing(&store, &jobs[0])).await.unwrap_err(), Refusal::Fenced);
        assert!(!store.put_off_job(&jobs[0], 1, 1, "late").await.unwrap());
        store.bury_job(&jobs[0], 1, "late").await.unwrap();
        store.drop_job(&jobs[0]).await.unwrap();
        other.commit(finishing(&store, &jobs[0])).await.unwrap();
    }

    async fn a_job_knows_that_another_node_has_older_ones_of_its_lane(store: TestStore) {
        let older = add_jobs(&store, &["a", "b"]).await;
        let other = store.reopen().await;
        let job = |lane: &str| NewJob {
            id: other.id(),
            lane: lane.to_owned(),
            work: Work::Download { message_id: "m".to_owned(), index: 0 },
            run_at: 1,
            cargo: None,
        };
        let jobs = vec![job("a"), job("c"), job("")];
        other.commit(Change { jobs, ..nothing(&store.channel) }).await.unwrap();
        let fed = other.fed();
        let behind: Vec<_> = fed.iter().map(|job| job.behind).collect();
        assert_eq!(behind, [store.is_shared(), false, false]);
        assert_eq!(other.leads_lane(&fed[0]).await.unwrap(), !store.is_shared());
        store.commit(finishing(&store, &older[0])).await.unwrap();
        assert!(other.leads_lane(&fed[0]).await.unwrap());
    }

    async fn a_node_that_slept_past_its_lease_asks_which_jobs_are_still_its_own(store: TestStore) {
        let jobs = add_jobs(&store, &["a", "b"]).await;
        assert!(store.holds_job(&jobs[0]).await.unwrap());
        let other = store.reopen().await;
        store.clock().advance(LEASE_MS * 2);
        other.clock().advance(LEASE_MS * 2);
        assert_eq!(other.adopt_jobs(1).await.unwrap()[0].id, jobs[0]);
        for rejoined in [false, true] {
            if rejoined {
                assert!(!store.renew_lease(LEASE_MS).await.unwrap());
                store.rejoin(LEASE_MS).await.unwrap();
            }
            assert_eq!(store.holds_job(&jobs[0]).await.unwrap(), !store.is_shared());
            assert!(store.holds_job(&jobs[1]).await.unwrap());
        }
    }

    async fn jobs_of_a_dead_node_are_adopted_once_with_their_lanes_whole(store: TestStore) {
        let lanes: Vec<String> = (0..200).map(|number| format!("lane {}", number % 23)).collect();
        let lanes: Vec<&str> = lanes.iter().map(String::as_str).collect();
        let jobs = add_jobs(&store, &lanes).await;
        store.release_lease().await.unwrap();
        let (one, other) = (store.reopen().await, store.reopen().await);
        store.release_lease().await.unwrap();
        if store.is_shared() {
            assert_eq!(one.lapsed_nodes().await.unwrap(), [store.node_id()]);
        }
        let adopt = |node: switchboard::store::Store| async move {
            let mut adopted = Vec::new();
            loop {
                let some = node.adopt_jobs(7).await.unwrap();
                if some.is_empty() {
                    return adopted;
                }
                adopted.extend(some);
            }
        };
        let first = tokio::spawn(adopt((*one).clone()));
        let second = tokio::spawn(adopt((*other).clone()));
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        let mut all: Vec<_> = first.iter().chain(&second).map(|job| job.id.clone()).collect();
        all.sort_unstable();
        let distinct: HashSet<_> = all.iter().cloned().collect();
        assert!(distinct == jobs.iter().cloned().collect());
        if store.is_shared() {
            assert_eq!(all, jobs);
            let lanes_of = |jobs: &[switchboard::domain::jobs::Job]| -> HashSet<String> {
                jobs.iter().map(|job| job.lane.clone()).collect()
            };
            assert!(lanes_of(&first).is_disjoint(&lanes_of(&second)));
        }
        for lane in &lanes {
            for node in [&first, &second] {
                let ids: Vec<_> = node.iter().filter(|job| job.lane == *lane).map(|job| &job.id).collect();
                assert!(ids.is_sorted(), "{lane}");
            }
        }
        assert!(first.iter().chain(&second).all(|job| job.reclaimed));
    }

    async fn a_job_is_put_off_given_up_revived_and_dropped(store: TestStore) {
        let jobs = add_jobs(&store, &["a"]).await;
        assert!(store.put_off_job(&jobs[0], 99, 3, "the vendor \0 sleeps").await.unwrap());
        store.bury_job(&jobs[0], 4, "it never woke").await.unwrap();
        assert!(!store.put_off_job(&jobs[0], 100, 5, "dead").await.unwrap());
        let dead = store.dead_jobs(&store.workspace.id, 10, 0).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert_eq!((dead[0].attempts, dead[0].last_error.as_deref()), (4, Some("it never woke")));
        assert_eq!(store.count_dead_jobs(&store.workspace.id).await.unwrap(), 1);
        assert!(store.adopt_jobs(10).await.unwrap().is_empty());

        let stranger = workspace(&store, "stranger").await;
        assert!(!store.revive_job(&stranger.id, &jobs[0]).await.unwrap());
        assert!(store.revive_job(&store.workspace.id, &jobs[0]).await.unwrap());
        assert!(!store.revive_job(&store.workspace.id, &jobs[0]).await.unwrap());
        let revived = store.adopt_jobs(10).await.unwrap();
        assert_eq!((revived.len(), revived[0].attempts), (1, 0));
        assert!(store.adopt_jobs(10).await.unwrap().is_empty());
        store.drop_job(&jobs[0]).await.unwrap();
        assert!(store.count_jobs().await.unwrap().is_empty());
    }

    async fn a_lease_is_renewed_lost_and_taken_again(store: TestStore) {
        assert!(store.renew_lease(LEASE_MS).await.unwrap());
        let other = store.reopen().await;
        other.rejoin(LEASE_MS).await.unwrap();
        store.release_lease().await.unwrap();
        other.clock().advance(1);
        assert!(other.lapsed_nodes().await.unwrap().contains(&store.node_id().to_owned()));
        store.rejoin(LEASE_MS).await.unwrap();
        assert!(other.lapsed_nodes().await.unwrap().is_empty());
    }
}
