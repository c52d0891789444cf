//! Changes that meet in one batch: each gets its own outcome, and none harms another.

use switchboard::domain::changes::{Change, Idempotency, NewEvent, Refusal};
use switchboard::domain::events::EventKind;
use switchboard::store::conversations::Which;

use crate::support::databases::on_both_databases;
use crate::support::people::{decide, hear, meet, nothing, text, unwritten};

on_both_databases! {
    async fn an_idempotency_key_works_once(store: TestStore) {
        let key = |hash: &str| Idempotency {
            key: "order-\0-1".to_owned(),
            request_hash: hash.to_owned(),
            result_id: hash.to_owned(),
        };
        let keyed = |hash: &str| Change { idempotency: Some(key(hash)), ..nothing(&store.channel) };
        let (one, other) = tokio::join!(store.commit(keyed("a")), store.commit(keyed("b")));
        let (won, refusal) = match (one, other) {
            (Ok(_), Err(refusal)) => ("a", refusal),
            (Err(refusal), Ok(_)) => ("b", refusal),
            both => panic!("{both:?}"),
        };
        let Refusal::Repeated(earlier) = refusal else { panic!("{refusal}") };
        assert_eq!(earlier.result_id, won);
        let Refusal::Repeated(earlier) = store.commit(keyed("c")).await.unwrap_err() else { panic!("not refused") };
        assert_eq!((earlier.result_id.as_str(), earlier.request_hash.as_str()), (won, won));
    }

    async fn a_change_that_cannot_be_written_takes_no_other_with_it(store: TestStore) {
        let home = meet(&store, &store.channel, "490").await;
        let tasks: Vec<_> = (0..60)
            .map(|number| {
                let new = unwritten(&store, &store.channel);
                let event = text(&format!("wamid.{number}"), &format!("51{number}"), "hello");
                let mut change = decide(&store, &new, &[event]).change;
                match number % 20 {
                    3 => change.messages[0].conversation_id = "nowhere".to_owned(),
                    7 => change.messages[0].message.seq = {
                        change.messages[0].conversation_id.clone_from(&home.id);
                        1
                    },
                    11 => {
                        change = Change { workspace_id: "nowhere".to_owned(), ..nothing(&store.channel) };
                        let kind = EventKind::ChannelNotice;
                        change.events = vec![NewEvent { kind, conversation_id: None, data: serde_json::json!({}) }];
                    }
                    _ => {}
                }
                let store = (**store).clone();
                (number, tokio::spawn(async move { store.commit(change).await }))
            })
            .collect();
        for (number, task) in tasks {
            match (number % 20, task.await.unwrap()) {
                (3 | 7 | 11, Err(Refusal::Unavailable(_))) => {}
                (3 | 7 | 11, outcome) => panic!("{number}: {outcome:?}"),
                (_, outcome) => assert!(outcome.is_ok(), "{number}: {outcome:?}"),
            }
        }
        assert_eq!(store.conversations(&store.workspace.id, &Which::default(), 1, 0).await.unwrap().1, 52);
        assert!(store.events("nowhere", -100, 10).await.unwrap().is_empty());
        assert_eq!(store.fed().len(), 52);
    }

    async fn many_who_commit_at_once_all_get_through_without_gaps(store: TestStore) {
        let mut live = store.listen();
        let tasks: Vec<_> = (0..64)
            .map(|person| {
                let (store, channel) = ((**store).clone(), store.channel.clone());
                tokio::spawn(async move {
                    let mut conversation = unwritten(&store, &channel);
                    for number in 0..32 {
                        let event = text(&format!("wamid.{person}.{number}"), &format!("49{person}"), "hello");
                        conversation = hear(&store, &conversation, &[event]).await.unwrap();
                    }
                    conversation
                })
            })
            .collect();
        let mut heard = Vec::new();
        for task in tasks {
            let conversation = task.await.unwrap();
            while let Ok(batch) = live.try_recv() {
                heard.extend(batch.iter().cloned());
            }
            let stored = store.activate(&conversation.id).await.unwrap().unwrap().state;
            assert_eq!(stored, conversation);
            assert_eq!((stored.version, stored.last_seq), (32, 32));
            let messages = store.messages(&store.workspace.id, &stored.id, Some(0), 100).await.unwrap();
            assert!(messages.iter().map(|message| message.seq).eq(1..=32));
        }
        while let Ok(batch) = live.try_recv() {
            heard.extend(batch.iter().cloned());
        }
        let events = store.events(&store.workspace.id, 0, 10_000).await.unwrap();
        assert!(events.iter().map(|event| event.seq).eq(1..=64 * 33));
        assert_eq!(heard.len(), events.len());
        for (live, stored) in heard.iter().zip(&events) {
            assert_eq!((live.seq, live.kind, live.at), (stored.seq, stored.kind.as_str(), stored.at));
            assert_eq!(live.conversation_id.as_deref(), stored.conversation_id.as_deref());
            assert_eq!(*live.data, *stored.data);
            assert_eq!(*live.workspace_id, *store.workspace.id);
        }
        assert_eq!(store.fed().len(), 64 * 32);
    }

    async fn two_nodes_number_the_events_of_a_workspace_without_gaps(store: TestStore) {
        let other = store.reopen().await;
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let node = if number % 2 == 0 { (**store).clone() } else { (*other).clone() };
                let event = text(&format!("wamid.{number}"), &format!("49{number}"), "hello");
                let change = decide(&store, &unwritten(&store, &store.channel), &[event]).change;
                tokio::spawn(async move { node.commit(change).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let events = store.events(&store.workspace.id, 0, 10_000).await.unwrap();
        assert!(events.iter().map(|event| event.seq).eq(1..=400));
    }
}
