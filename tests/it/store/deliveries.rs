//! The ledger of raw deliveries: each ends in an outcome, and is found by it.

use switchboard::domain::changes::{Change, DeliveryEnd};
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::messages::Status;

use crate::support::databases::on_both_databases;
use crate::support::people::{delivery, meet, nothing, progress, say};

on_both_databases! {
    async fn a_delivery_without_news_is_a_duplicate(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let (_, message) = say(&store, &conversation, "hello").await;
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            let delivery = delivery(&store, &store.channel, DeliveryOutcome::Stored);
            let id = delivery.id.clone();
            let read = progress(&store.channel, &message.id, Status::Read);
            let change = Change { progress: vec![read], delivery: Some(delivery), ..nothing(&store.channel) };
            store.commit(change).await.unwrap();
            outcomes.push(store.delivery(&store.workspace.id, &id).await.unwrap().unwrap().outcome);
        }
        assert_eq!(outcomes, [DeliveryOutcome::Stored, DeliveryOutcome::Duplicate]);
    }

    async fn deliveries_are_listed_counted_and_filtered(store: TestStore) {
        let all = [
            DeliveryOutcome::Stored,
            DeliveryOutcome::Duplicate,
            DeliveryOutcome::Ignored,
            DeliveryOutcome::DeadLetter,
            DeliveryOutcome::Stored,
        ];
        let mut written = Vec::new();
        for outcome in all {
            let delivery = delivery(&store, &store.channel, outcome);
            written.insert(0, delivery.id.clone());
            store.commit(Change { delivery: Some(delivery), ..nothing(&store.channel) }).await.unwrap();
        }
        let nobodys = delivery(&store, &store.channel, DeliveryOutcome::Ignored);
        let change = Change { workspace_id: String::new(), delivery: Some(nobodys), ..nothing(&store.channel) };
        store.commit(change).await.unwrap();

        let (list, total) = store.deliveries(&store.workspace.id, None, 100, 0).await.unwrap();
        assert_eq!(list.iter().map(|delivery| delivery.id.clone()).collect::<Vec<_>>(), written);
        assert_eq!(total, 5);
        assert_eq!(&*list[0].raw.body, "{\"object\":\"account\"}");
        assert_eq!(list[0].detail, Some(serde_json::json!([{ "path": "entry[0]" }])));
        let (page, total) = store.deliveries(&store.workspace.id, None, 2, 1).await.unwrap();
        assert_eq!(page.iter().map(|delivery| delivery.id.clone()).collect::<Vec<_>>(), written[1..3]);
        assert_eq!(total, 5);
        let stored = store.deliveries(&store.workspace.id, Some(DeliveryOutcome::Stored), 1, 0).await.unwrap();
        assert_eq!((stored.0.len(), stored.1), (1, 2));
        assert_eq!(stored.0[0].id, written[0]);
    }

    async fn an_unfinished_delivery_is_found_until_it_ends(store: TestStore) {
        let pending = delivery(&store, &store.channel, DeliveryOutcome::Pending);
        let (id, at) = (pending.id.clone(), pending.received_at);
        store.commit(Change { delivery: Some(pending), ..nothing(&store.channel) }).await.unwrap();
        assert!(store.unfinished_deliveries(at, 10).await.unwrap().is_empty());
        assert_eq!(store.unfinished_deliveries(at + 1, 10).await.unwrap()[0].id, id);
        let end = DeliveryEnd { id: id.clone(), outcome: DeliveryOutcome::DeadLetter, detail: None, forgets: false };
        store.commit(Change { delivered: Some(end), ..nothing(&store.channel) }).await.unwrap();
        assert!(store.unfinished_deliveries(at + 1, 10).await.unwrap().is_empty());
        let ended = store.delivery(&store.workspace.id, &id).await.unwrap().unwrap();
        assert_eq!((ended.outcome, ended.detail), (DeliveryOutcome::DeadLetter, None));
    }
}
