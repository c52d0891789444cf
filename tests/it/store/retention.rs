//! Retention: what is too old goes, by workspace and by channel, and what is still needed stays.

use serde_json::json;
use switchboard::domain::audit::{Action, Deed};
use switchboard::domain::changes::{Change, Refusal};
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::files::File;
use switchboard::domain::retention::{Class, Retention};
use switchboard::store::remembered::Taken;
use switchboard::store::retention::Old;

use crate::support::databases::{TestStore, channel, on_both_databases, workspace};
use crate::support::people::{delivery, hear, meet, nothing, say, text, unwritten};

/// Forgets a class of the workspace up to now, and a moment after it.
async fn forget(store: &TestStore, class: Class, channel_id: Option<&str>, but: &[String]) -> u64 {
    let before = store.clock().now() + 60_000;
    let old = Old { workspace_id: &store.workspace.id, channel_id, but, before };
    store.forget_some(class, old).await.unwrap()
}

on_both_databases! {
    async fn rules_are_kept_by_workspace(store: TestStore) {
        let home = store.workspace.id.clone();
        assert_eq!(store.retention(&home).await.unwrap(), Retention::default());
        let rules: Retention = serde_json::from_value(json!({"days": {"messages": 30, "events": null}})).unwrap();
        store.put_retention(&home, &rules).await.unwrap();
        let away = workspace(&store, "stranger").await.id;
        assert_eq!(store.retention(&home).await.unwrap(), rules);
        assert_eq!(store.retention(&away).await.unwrap(), Retention::default());
        assert!(store.retentions().await.unwrap().contains(&(home, rules)));
    }

    async fn one_node_at_a_time_forgets(store: TestStore) {
        assert!(store.claim_chore("retention").await.unwrap());
        assert!(store.claim_chore("retention").await.unwrap());
        let other = store.reopen().await;
        // Where there is one node, the one before it has ended.
        assert_eq!(other.claim_chore("retention").await.unwrap(), !store.is_shared());
        store.release_lease().await.unwrap();
        assert!(other.claim_chore("retention").await.unwrap());
    }

    async fn old_messages_go_but_not_those_that_are_needed(store: TestStore) {
        let home = store.workspace.id.clone();
        let conversation = meet(&store, &store.channel, "491").await;
        assert_eq!(forget(&store, Class::Messages, None, &[]).await, 0, "it waits for its answer");
        let (conversation, sent) = say(&store, &conversation, "Hello").await;
        let left = forget(&store, Class::Messages, None, &[]).await;
        assert!(left <= 1, "what waits to leave stays");
        assert!(store.message(&home, &sent.id).await.unwrap().is_some());
        let other = channel(&store, &store.workspace, None, "200").await;
        let elsewhere = meet(&store, &other, "492").await;
        say(&store, &elsewhere, "Hello").await;
        assert_eq!(forget(&store, Class::Messages, Some(&store.channel.id), &[]).await, 0);
        assert_eq!(forget(&store, Class::Messages, None, std::slice::from_ref(&other.id)).await, 0, "it has a time of its own");
        let away = Old { workspace_id: "another", channel_id: None, but: &[], before: i64::MAX };
        assert_eq!(store.forget_some(Class::Messages, away).await.unwrap(), 0);
        // What went is not stored again.
        if left == 1 {
            let again = text("wamid.491", "491", "hello");
            assert_eq!(
                hear(&store, &conversation, &[again]).await.unwrap_err(),
                Refusal::Erased(vec!["wamid.491".to_owned()])
            );
        }
    }

    async fn old_deliveries_events_and_lines_go(store: TestStore) {
        let home = store.workspace.id.clone();
        for outcome in [DeliveryOutcome::Stored, DeliveryOutcome::Pending, DeliveryOutcome::DeadLetter] {
            let change = Change { delivery: Some(delivery(&store, &store.channel, outcome)), ..nothing(&store.channel) };
            store.commit(change).await.unwrap();
        }
        let own = [store.channel.id.clone()];
        assert_eq!(forget(&store, Class::Deliveries, None, &own).await, 0);
        assert_eq!(forget(&store, Class::Deliveries, Some(&store.channel.id), &[]).await, 2);
        assert_eq!(store.deliveries(&home, None, 10, 0).await.unwrap().0[0].outcome, DeliveryOutcome::Pending);

        hear(&store, &unwritten(&store, &store.channel), &[text("wamid.1", "491", "hello")]).await.unwrap();
        assert_eq!(forget(&store, Class::Events, None, &[]).await, 0, "nobody has taken them in yet");
        while store.remember_messages(&home).await.unwrap() != Taken::All {}
        let bounds = store.event_bounds(&home).await.unwrap().unwrap();
        assert!(forget(&store, Class::Events, None, &[]).await > 0);
        let after = store.event_bounds(&home).await.unwrap().unwrap();
        assert_eq!((after.oldest, after.newest), (bounds.newest + 1, bounds.newest));
        assert!(!after.covers(0) && after.covers(bounds.newest));

        let deed = Deed {
            workspace_id: Some(home.clone()),
            actor: None,
            actor_name: None,
            action: Action::KeyCreated,
            target: None,
            ip: None,
            detail: json!({}),
        };
        store.add_deed(&deed).await.unwrap();
        assert_eq!(forget(&store, Class::Audit, None, &[]).await, 1);
        assert_eq!(forget(&store, Class::Traces, None, &[]).await, 0);
    }

    async fn old_files_go_and_their_bytes_when_nobody_names_them(store: TestStore) {
        let home = store.workspace.id.clone();
        let away = workspace(&store, "stranger").await.id;
        let file = |sha256: &str| File {
            id: store.id(),
            sha256: sha256.repeat(64),
            size: 1,
            mime_type: "text/plain".to_owned(),
            filename: None,
        };
        store.put_file(&home, &file("1"), None).await.unwrap();
        store.put_file(&home, &file("2"), None).await.unwrap();
        store.put_file(&away, &file("2"), None).await.unwrap();
        while forget(&store, Class::Files, None, &[]).await > 0 {}
        let mut dropped = store.dropped_files(10).await.unwrap();
        dropped.sort();
        assert_eq!(dropped, [("1".repeat(64), false), ("2".repeat(64), true)]);
        store.settle_dropped_file(&"1".repeat(64)).await.unwrap();
        assert_eq!(store.dropped_files(10).await.unwrap().len(), 1);
        assert!(store.names_bytes(&"2".repeat(64)).await.unwrap() && !store.names_bytes(&"1".repeat(64)).await.unwrap());
    }
}
