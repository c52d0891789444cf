//! Tasks and follow-ups: one transaction with the jobs of their reminders, told once, by the node that holds the job.

use switchboard::domain::changes::Idempotency;
use switchboard::domain::follow_ups::FollowUp;
use switchboard::domain::jobs::{Job, Reminded, Work};
use switchboard::domain::tasks::{Source, Task};
use switchboard::store::follow_ups::FollowUpFilter;
use switchboard::store::idempotency::Unwritten;
use switchboard::store::tasks::TaskFilter;

use crate::support::databases::{LEASE_MS, TestStore, on_both_databases, workspace};

/// A task that is reminded of so many milliseconds from now.
fn task(store: &TestStore, title: &str, in_ms: i64) -> Task {
    let now = store.clock().now();
    let blank = Task::blank(store.id(), Source::Api, now);
    Task { title: title.to_owned(), remind_at: Some(now + in_ms), ..blank }
}

/// Adds it and gives the job of its reminder.
async fn add(store: &TestStore, task: &Task) -> Job {
    store.add_item(&store.workspace.id, task, None).await.unwrap();
    let mut fed = store.fed();
    assert_eq!(fed.len(), 1);
    fed.remove(0)
}

async fn told(store: &TestStore) -> usize {
    let events = store.events(&store.workspace.id, 0, 100).await.unwrap();
    events.iter().filter(|event| event.kind == "reminder.triggered").count()
}

async fn jobs(store: &TestStore) -> i64 {
    store.count_jobs().await.unwrap().iter().map(|jobs| jobs.count).sum()
}

on_both_databases! {
    async fn a_reminder_is_told_once(store: TestStore) {
        let task = task(&store, "Call", 1_000);
        let job = add(&store, &task).await;
        assert_eq!(job.work, Work::Remind { about: Reminded::Task, id: task.id.clone() });
        assert_eq!((job.run_at, jobs(&store).await), (task.remind_at.unwrap(), 1));
        assert!(store.tell_of::<Task>(&job, &task.id).await.unwrap());
        assert!(!store.tell_of::<Task>(&job, &task.id).await.unwrap());
        assert_eq!((told(&store).await, jobs(&store).await), (1, 0));
        let stored = store.task(&store.workspace.id, &task.id).await.unwrap().unwrap();
        assert!(stored.reminded_at.is_some());
        // Set anew, it is told anew.
        let later = store.clock().now() + 5_000;
        let again = |task: &Task| Ok(Task { remind_at: Some(later), reminded_at: None, ..task.clone() });
        store.change_item::<Task>(&store.workspace.id, &task.id, again).await.unwrap();
        assert!(store.tell_of::<Task>(&store.fed()[0], &task.id).await.unwrap());
        assert_eq!(told(&store).await, 2);
    }

    async fn another_time_takes_the_place_of_the_first(store: TestStore) {
        let task = task(&store, "Call", 1_000);
        let first = add(&store, &task).await;
        let same = |task: &Task| Ok(Task { title: "Call again".to_owned(), ..task.clone() });
        store.change_item::<Task>(&store.workspace.id, &task.id, same).await.unwrap();
        assert!(store.fed().is_empty(), "the same time needs no other job");
        let later = task.remind_at.map(|at| at + 9_000);
        store.change_item::<Task>(&store.workspace.id, &task.id, |task| Ok(Task { remind_at: later, ..task.clone() })).await.unwrap();
        let second = store.fed().remove(0);
        assert_eq!((Some(second.run_at), jobs(&store).await), (later, 1));
        assert!(!store.tell_of::<Task>(&first, &task.id).await.unwrap());
        store.remove_item::<Task>(&store.workspace.id, &task.id).await.unwrap();
        assert_eq!(jobs(&store).await, 0);
        assert!(!store.tell_of::<Task>(&second, &task.id).await.unwrap());
        assert_eq!(told(&store).await, 0);
    }

    async fn a_node_that_lost_the_job_tells_nothing(store: TestStore) {
        let task = task(&store, "Call", 1_000);
        let job = add(&store, &task).await;
        let other = store.reopen().await;
        if store.is_shared() {
            assert!(!other.tell_of::<Task>(&job, &task.id).await.unwrap(), "it is not its own");
        }
        other.clock().advance(LEASE_MS * 2);
        let adopted = other.adopt_jobs(10).await.unwrap();
        assert_eq!((adopted.len(), &adopted[0].id), (1, &job.id));
        assert!(!store.tell_of::<Task>(&job, &task.id).await.unwrap(), "it is no longer its own");
        let (one, two) = tokio::join!(other.tell_of::<Task>(&adopted[0], &task.id), other.tell_of::<Task>(&adopted[0], &task.id));
        assert_eq!([one.unwrap(), two.unwrap()].iter().filter(|told| **told).count(), 1);
        assert_eq!(told(&store).await, 1);
    }

    async fn a_change_and_the_telling_do_not_hold_each_other(store: TestStore) {
        for round in 0..10 {
            let task = task(&store, "Call", 1_000);
            let job = add(&store, &task).await;
            let later = |task: &Task| Ok(Task { remind_at: task.remind_at.map(|at| at + 1), reminded_at: None, ..task.clone() });
            let (told_first, changed) =
                tokio::join!(store.tell_of::<Task>(&job, &task.id), store.change_item::<Task>(&store.workspace.id, &task.id, later));
            changed.unwrap();
            told_first.unwrap();
            let second = store.fed().remove(0);
            assert!(store.tell_of::<Task>(&second, &task.id).await.unwrap(), "round {round}");
        }
    }

    async fn a_key_makes_one(store: TestStore) {
        let (one, other) = (task(&store, "One", 1_000), task(&store, "Other", 1_000));
        let key = |task: &Task| Idempotency { key: "k".to_owned(), request_hash: "h".to_owned(), result_id: task.id.clone() };
        let (keys, id) = ([key(&one), key(&other)], &store.workspace.id);
        let both = tokio::join!(store.add_item(id, &one, Some(&keys[0])), store.add_item(id, &other, Some(&keys[1])));
        let refused: Vec<_> = [both.0, both.1].into_iter().filter_map(Result::err).collect();
        assert!(matches!(refused.as_slice(), [Unwritten::Repeated(_)]), "{refused:?}");
        assert_eq!(store.tasks(id, &TaskFilter::default(), 10, 0).await.unwrap().1, 1);
        assert_eq!((store.fed().len(), jobs(&store).await), (1, 1));
        let elsewhere = workspace(&store, "rival").await;
        let third = task(&store, "Third", 1_000);
        store.add_item(&elsewhere.id, &third, Some(&key(&third))).await.unwrap();
    }

    async fn a_task_is_its_workspaces_own(store: TestStore) {
        let task = task(&store, "Call", 1_000);
        let job = add(&store, &task).await;
        let rival = workspace(&store, "rival").await;
        assert_eq!(store.task(&rival.id, &task.id).await.unwrap(), None);
        assert_eq!(store.tasks(&rival.id, &TaskFilter::default(), 10, 0).await.unwrap(), (Vec::new(), 0));
        let unknown = store.change_item::<Task>(&rival.id, &task.id, |task| Ok(task.clone())).await.unwrap_err();
        assert!(matches!(unknown, Unwritten::Unknown));
        assert!(matches!(store.remove_item::<Task>(&rival.id, &task.id).await.unwrap_err(), Unwritten::Unknown));
        let foreign = Job { workspace_id: rival.id.clone(), ..job.clone() };
        assert!(!store.tell_of::<Task>(&foreign, &task.id).await.unwrap());
        assert_eq!(store.task(&store.workspace.id, &task.id).await.unwrap().unwrap(), task);
    }

    async fn a_follow_up_is_told_once_at_its_time(store: TestStore) {
        let (id, now) = (store.workspace.id.clone(), store.clock().now());
        let blank = FollowUp::blank(store.id(), Source::Agent, now);
        let follow_up = FollowUp { note: "Call".to_owned(), due_at: now + 1_000, ..blank };
        store.add_item(&id, &follow_up, None).await.unwrap();
        assert_eq!(store.follow_up(&id, &follow_up.id).await.unwrap().as_ref(), Some(&follow_up));
        let first = store.fed().remove(0);
        let later = |one: &FollowUp| Ok(FollowUp { due_at: one.due_at + 1_000, ..one.clone() });
        store.change_item::<FollowUp>(&id, &follow_up.id, later).await.unwrap();
        let second = store.fed().remove(0);
        assert!(!store.tell_of::<FollowUp>(&first, &follow_up.id).await.unwrap());
        assert!(store.tell_of::<FollowUp>(&second, &follow_up.id).await.unwrap());
        assert!(!store.tell_of::<FollowUp>(&second, &follow_up.id).await.unwrap());
        assert_eq!((told(&store).await, jobs(&store).await), (1, 0));
        let rival = workspace(&store, "rival").await;
        assert_eq!(store.follow_ups(&rival.id, &FollowUpFilter::default(), 10, 0).await.unwrap().1, 0);
        assert!(matches!(store.remove_item::<FollowUp>(&rival.id, &follow_up.id).await.unwrap_err(), Unwritten::Unknown));
        let due = FollowUpFilter { due_before: Some(now + 1_500), ..FollowUpFilter::default() };
        assert_eq!(store.follow_ups(&id, &due, 10, 0).await.unwrap().1, 0);
        store.remove_item::<FollowUp>(&id, &follow_up.id).await.unwrap();
        assert_eq!(store.follow_up(&id, &follow_up.id).await.unwrap(), None);
    }
}
