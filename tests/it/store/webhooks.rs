//! Webhook endpoints, their deliveries and their attempts.

use switchboard::domain::changes::{Change, NewEvent};
use switchboard::domain::events::EventKind;
use switchboard::domain::retention::Class;
use switchboard::domain::webhooks::{Cause, DeliveryState, Endpoint, EndpointState, Outcome, SigningSecret, secret};
use switchboard::store::retention::Old;
use switchboard::store::webhooks::{AttemptEnd, DueDelivery, NewAttempt, NewDelivery};

use crate::support::databases::{TestStore, on_both_databases, workspace};

async fn endpoint(store: &TestStore) -> Endpoint {
    let now = store.clock().now();
    let mut endpoint = Endpoint {
        id: store.id(),
        workspace_id: store.workspace.id.clone(),
        url: "https://example.com/hook?key=secret".to_owned(),
        description: "the \0 shop".to_owned(),
        events: vec!["contact.updated".to_owned()],
        agent_id: None,
        secrets: vec![SigningSecret { secret: secret(&[5; 32]), until: None }],
        rate: 50,
        timeout_ms: 15_000,
        state: EndpointState::Active,
        disabled_reason: None,
        event_seq: 0,
        failures: 0,
        failing_since: None,
        paused_until: None,
        last_success_at: None,
        created_at: now,
        updated_at: now,
    };
    endpoint.event_seq = store.add_webhook_endpoint(&endpoint, None).await.unwrap();
    endpoint
}

async fn happens(store: &TestStore, count: usize) {
    let event = || NewEvent {
        kind: EventKind::ContactUpdated,
        conversation_id: None,
        data: serde_json::json!({ "contact_id": "c" }),
    };
    let events = std::iter::repeat_with(event).take(count).collect();
    let change = Change { workspace_id: store.workspace.id.clone(), events, ..Change::default() };
    store.commit(change).await.unwrap();
}

fn deliveries(store: &TestStore, numbers: std::ops::RangeInclusive<i64>) -> Vec<NewDelivery> {
    let delivery = |seq: i64| NewDelivery {
        id: store.id(),
        event_seq: Some(seq),
        event: "contact.updated".to_owned(),
        body: format!("{{\"sequence\":{seq}}}"),
    };
    numbers.map(delivery).collect()
}

fn attempt(store: &TestStore, status: i64) -> NewAttempt {
    NewAttempt {
        id: store.id(),
        cause: Cause::Event,
        at: store.clock().now(),
        request: "POST https://example.com/hook".to_owned(),
        status: Some(status),
        response: "\0 odd".to_owned(),
        error: None,
        duration_ms: 12,
    }
}

fn ends(outcome: Outcome, next_attempt_at: Option<i64>) -> AttemptEnd {
    let reason = (outcome != Outcome::Delivered).then(|| "the endpoint answered 500".to_owned());
    AttemptEnd { outcome, wish_ms: None, next_attempt_at, reason }
}

async fn due(store: &TestStore, endpoint: &Endpoint) -> Vec<DueDelivery> {
    store.due_webhook_deliveries(&store.workspace.id, &endpoint.id, 100).await.unwrap()
}

async fn read(store: &TestStore, endpoint: &Endpoint) -> Endpoint {
    store.webhook_endpoint(&store.workspace.id, &endpoint.id).await.unwrap().unwrap()
}

on_both_databases! {
    async fn an_endpoint_is_kept_with_its_secret_sealed_and_begins_now(store: TestStore) {
        happens(&store, 3).await;
        let made = endpoint(&store).await;
        assert_eq!(made.event_seq, 3);
        let stored = read(&store, &made).await;
        assert_eq!((&stored.url, &stored.secrets, &stored.events), (&made.url, &made.secrets, &made.events));
        let stranger = workspace(&store, "stranger").await;
        assert_eq!(store.webhook_endpoint(&stranger.id, &made.id).await.unwrap(), None);
        assert_eq!(store.webhook_endpoints(&stranger.id, 10, 0).await.unwrap().1, 0);
        assert!(!store.remove_webhook_endpoint(&stranger.id, &made.id).await.unwrap());
        assert!(!store.enable_webhook_endpoint(&stranger.id, &made.id).await.unwrap());
        let change = |endpoint: Endpoint| Ok::<_, ()>(Endpoint { rate: 7, ..endpoint });
        assert_eq!(store.change_webhook_endpoint(&stranger.id, &made.id, change).await.unwrap(), None);
        let changed = store.change_webhook_endpoint(&store.workspace.id, &made.id, change).await.unwrap();
        assert_eq!((changed.unwrap().unwrap().rate, read(&store, &made).await.rate), (7, 7));
        let resealed = store.reseal().await.unwrap();
        assert!(resealed.iter().any(|one| one.table == "webhook_endpoints" && one.current == 1));
        assert!(store.remove_webhook_endpoint(&store.workspace.id, &made.id).await.unwrap());
        assert!(!store.remove_webhook_endpoint(&store.workspace.id, &made.id).await.unwrap());
    }

    async fn events_become_deliveries_once(store: TestStore) {
        let made = endpoint(&store).await;
        assert!(store.due_webhook_endpoints().await.unwrap().is_empty());
        happens(&store, 5).await;
        let expected = [(store.workspace.id.clone(), made.id.clone())];
        assert_eq!(store.due_webhook_endpoints().await.unwrap(), expected);
        let told = store.events_to_tell(&store.workspace.id, 0, 4, 10).await.unwrap();
        assert_eq!(told.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(store.expand_webhook_events(&made, 5, &deliveries(&store, 1..=5)).await.unwrap());
        assert!(!store.expand_webhook_events(&made, 5, &deliveries(&store, 1..=5)).await.unwrap(), "it has moved on");
        assert_eq!(read(&store, &made).await.event_seq, 5);
        let waiting = due(&store, &made).await;
        assert_eq!(waiting.len(), 5);
        assert_eq!(waiting[0].body, "{\"sequence\":1}");
        assert_eq!(store.count_waiting_webhook_deliveries(&store.workspace.id, &made.id).await.unwrap(), 5);
        assert!(store.remove_webhook_endpoint(&store.workspace.id, &made.id).await.unwrap());
        assert_eq!(store.webhook_delivery(&store.workspace.id, &waiting[0].id).await.unwrap(), None, "all of it ends");
    }

    async fn one_living_node_tells_an_endpoint(store: TestStore) {
        let made = endpoint(&store).await;
        happens(&store, 1).await;
        let workspace_id = store.workspace.id.clone();
        assert!(store.claim_webhook_endpoint(&workspace_id, &made.id).await.unwrap());
        let other = store.reopen().await;
        if store.is_shared() {
            assert!(other.due_webhook_endpoints().await.unwrap().is_empty());
            assert!(!other.claim_webhook_endpoint(&workspace_id, &made.id).await.unwrap());
            store.release_lease().await.unwrap();
            other.clock().advance(1);
        }
        assert_eq!(other.due_webhook_endpoints().await.unwrap().len(), 1);
        assert!(other.claim_webhook_endpoint(&workspace_id, &made.id).await.unwrap());
    }

    async fn attempts_settle_their_delivery_and_their_endpoint(store: TestStore) {
        let made = endpoint(&store).await;
        happens(&store, 2).await;
        store.expand_webhook_events(&made, 2, &deliveries(&store, 1..=2)).await.unwrap();
        let waiting = due(&store, &made).await;
        let later = store.clock().now() + 60_000;
        let retry = ends(Outcome::Retry { slower: false }, Some(later));
        assert!(store.settle_webhook_attempt(&made, &waiting[0], &attempt(&store, 500), &retry).await.unwrap());
        assert_eq!((read(&store, &made).await.failures, due(&store, &made).await.len()), (1, 1));
        let slower = ends(Outcome::Retry { slower: true }, Some(later));
        assert!(!store.settle_webhook_attempt(&made, &waiting[1], &attempt(&store, 429), &slower).await.unwrap());
        let paused = read(&store, &made).await;
        assert!(paused.is_paused(store.clock().now()) && paused.failing_since.is_some());
        store.clock().advance(61_000);
        let done = ends(Outcome::Delivered, None);
        for one in due(&store, &made).await {
            assert!(store.settle_webhook_attempt(&made, &one, &attempt(&store, 200), &done).await.unwrap());
        }
        let well = read(&store, &made).await;
        assert_eq!((well.failures, well.failing_since, well.paused_until), (0, None, None));
        let (delivered, total) = store
            .webhook_deliveries(&store.workspace.id, &made.id, Some(DeliveryState::Delivered), (10, 0))
            .await
            .unwrap();
        assert_eq!((total, delivered[0].attempts), (2, 2));
        let attempts = store.webhook_attempts(&store.workspace.id, &waiting[0].id).await.unwrap();
        assert_eq!(attempts.iter().map(|one| one.status).collect::<Vec<_>>(), [Some(500), Some(200)]);
        let stranger = workspace(&store, "stranger").await;
        assert!(store.webhook_attempts(&stranger.id, &waiting[0].id).await.unwrap().is_empty());
        assert_eq!(store.webhook_delivery(&stranger.id, &waiting[0].id).await.unwrap(), None);
        assert!(!store.redeliver_webhook(&stranger.id, &waiting[0].id).await.unwrap());
        assert!(store.redeliver_webhook(&store.workspace.id, &waiting[0].id).await.unwrap());
        assert_eq!(due(&store, &made).await[0].cause, "redelivery");
    }

    async fn a_disabled_endpoint_says_so_and_is_told_nothing(store: TestStore) {
        let made = endpoint(&store).await;
        happens(&store, 3).await;
        store.expand_webhook_events(&made, 3, &deliveries(&store, 1..=3)).await.unwrap();
        let waiting = due(&store, &made).await;
        let mut live = store.listen();
        let gone = ends(Outcome::Gone, None);
        assert!(!store.settle_webhook_attempt(&made, &waiting[0], &attempt(&store, 410), &gone).await.unwrap());
        let told = live.recv().await.unwrap();
        assert_eq!(told[0].kind, "webhook.disabled");
        assert!(told[0].data.contains(&made.id) && !told[0].data.contains("key=secret"));
        assert_eq!(read(&store, &made).await.state, EndpointState::Disabled);
        assert!(due(&store, &made).await.is_empty() && store.due_webhook_endpoints().await.unwrap().is_empty());
        assert!(!store.redeliver_webhook(&store.workspace.id, &waiting[1].id).await.unwrap());
        assert!(store.enable_webhook_endpoint(&store.workspace.id, &made.id).await.unwrap());
        assert_eq!(read(&store, &made).await.event_seq, 4);
        let again = deliveries(&store, 1..=4);
        assert_eq!(store.redeliver_webhook_events(&made, &again, false).await.unwrap(), 4);
        assert_eq!(due(&store, &made).await.len(), 4);
        assert!(due(&store, &made).await.iter().any(|one| one.id == waiting[0].id), "under the same id");
        assert_eq!(store.redeliver_webhook_events(&made, &again, false).await.unwrap(), 0, "they wait already");
    }

    async fn a_test_is_kept_and_what_is_old_is_forgotten(store: TestStore) {
        let made = endpoint(&store).await;
        let test = NewDelivery { event_seq: None, event: "webhook.test".to_owned(), ..deliveries(&store, 1..=1).remove(0) };
        for _ in 0..2 {
            let test = NewDelivery { id: store.id(), ..test.clone() };
            store.keep_webhook_test(&made, &test, &attempt(&store, 200), &ends(Outcome::Delivered, None)).await.unwrap();
        }
        happens(&store, 1).await;
        store.expand_webhook_events(&made, 1, &deliveries(&store, 1..=1)).await.unwrap();
        let now = store.clock().now();
        for (before, gone) in [(now - 60_000, 0), (now + 60_000, 2)] {
            let old = Old { workspace_id: &store.workspace.id, channel_id: None, but: &[], before };
            assert_eq!(store.forget_some(Class::WebhookDeliveries, old).await.unwrap(), gone);
        }
        let (left, _) = store.webhook_deliveries(&store.workspace.id, &made.id, None, (10, 0)).await.unwrap();
        assert_eq!(left.iter().map(|one| one.state).collect::<Vec<_>>(), [DeliveryState::Waiting]);
    }
}
