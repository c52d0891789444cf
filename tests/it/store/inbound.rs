//! What comes in: stored whole with everything that follows from it, once, in order, whoever else writes.

use switchboard::domain::changes::Refusal;
use switchboard::domain::jobs::Work;
use switchboard::store::conversations::Which;

use crate::support::databases::on_both_databases;
use crate::support::people::{decide, delivery, hear, identities, meet, text, unwritten};

on_both_databases! {
    async fn a_first_message_is_stored_with_everything_that_follows(store: TestStore) {
        let before = unwritten(&store, &store.channel);
        let received = decide(&store, &before, &[text("wamid.1", "491", "hello"), text("wamid.2", "491", "anyone?")]);
        let next = received.next.clone();
        assert!(store.commit(received.change).await.unwrap().news);

        let stored = store.conversation(&store.workspace.id, &next.id).await.unwrap().unwrap();
        assert_eq!(stored.state, next);
        assert_eq!(stored.contact_name.as_deref(), Some("Person 491"));
        assert_eq!(stored.identities, identities("491"));
        let messages = store.messages(&store.workspace.id, &next.id, None, 10).await.unwrap();
        let read: Vec<_> = messages.iter().map(|message| (message.seq, message.body.as_str())).collect();
        assert_eq!(read, [(1, "hello"), (2, "anyone?")]);
        for identity in identities("491") {
            let found = store.find_conversation(&store.channel.id, &[identity]).await.unwrap();
            assert_eq!(found, Some(next.id.clone()));
        }

        let events = store.events(&store.workspace.id, 0, 10).await.unwrap();
        let kinds: Vec<_> = events.iter().map(|event| (event.seq, event.kind.as_str())).collect();
        assert_eq!(kinds, [(1, "conversation.opened"), (2, "message.received"), (3, "message.received")]);

        let fed = store.fed();
        assert_eq!(fed.len(), 1);
        assert_eq!(fed[0].work, Work::Answer { conversation_id: next.id.clone() });
        assert_eq!(Some(&fed[0].id), next.turn_job.as_ref());
        assert!(!fed[0].reclaimed);
        // It is leased to its writer: another live node finds nothing to adopt.
        if store.is_shared() {
            assert!(store.reopen().await.adopt_jobs(10).await.unwrap().is_empty());
        }
    }

    async fn a_vendor_id_is_stored_once(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let before = store.events(&store.workspace.id, 0, 100).await.unwrap();
        store.fed();
        let mut again = decide(&store, &conversation, &[text("wamid.new", "491", "a"), text("wamid.491", "491", "b")]);
        let delivery = delivery(&store, &store.channel, switchboard::domain::deliveries::DeliveryOutcome::Stored);
        let delivery_id = delivery.id.clone();
        again.change.delivery = Some(delivery);
        let refusal = store.commit(again.change).await.unwrap_err();
        assert_eq!(refusal, Refusal::Duplicate(vec!["wamid.491".to_owned()]));

        assert_eq!(store.events(&store.workspace.id, 0, 100).await.unwrap(), before);
        assert_eq!(store.activate(&conversation.id).await.unwrap().unwrap().state, conversation);
        assert!(store.message_by_provider(&store.channel.id, "wamid.new").await.unwrap().is_none());
        assert!(store.delivery(&store.workspace.id, &delivery_id).await.unwrap().is_none());
        assert!(store.fed().is_empty());
    }

    async fn a_vendor_id_that_comes_twice_in_one_batch_is_stored_once(store: TestStore) {
        let tasks = (0..40).map(|number| {
            let change = decide(
                &store,
                &unwritten(&store, &store.channel),
                &[text("wamid.same", &format!("49{number}"), "hello")],
            )
            .change;
            let store = (**store).clone();
            tokio::spawn(async move { store.commit(change).await })
        });
        let mut stored = 0;
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(_) => stored += 1,
                Err(refusal) => assert_eq!(refusal, Refusal::Duplicate(vec!["wamid.same".to_owned()])),
            }
        }
        assert_eq!(stored, 1);
        assert_eq!(store.conversations(&store.workspace.id, &Which::default(), 100, 0).await.unwrap().1, 1);
        // One message twice within one change is as double as twice in two.
        let twice = [text("wamid.twice", "500", "a"), text("wamid.twice", "500", "b")];
        let refusal = hear(&store, &unwritten(&store, &store.channel), &twice).await.unwrap_err();
        assert_eq!(refusal, Refusal::Duplicate(vec!["wamid.twice".to_owned()]));
    }

    async fn a_decision_on_an_old_state_is_refused(store: TestStore) {
        let first = meet(&store, &store.channel, "491").await;
        let second = hear(&store, &first, &[text("wamid.2", "491", "two")]).await.unwrap();
        assert_eq!(hear(&store, &first, &[text("wamid.3", "491", "three")]).await.unwrap_err(), Refusal::Stale);
        assert_eq!(store.activate(&first.id).await.unwrap().unwrap().state, second);
        hear(&store, &second, &[text("wamid.3", "491", "three")]).await.unwrap();
    }

    async fn of_many_who_decide_on_one_state_one_wins(store: TestStore) {
        let first = meet(&store, &store.channel, "491").await;
        let other = store.reopen().await;
        let tasks: Vec<_> = (0..32)
            .map(|number| {
                let change = decide(&store, &first, &[text(&format!("wamid.{number}"), "491", "me")]).change;
                let store = if number % 2 == 0 { (**store).clone() } else { (*other).clone() };
                tokio::spawn(async move { store.commit(change).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(refusal) => assert_eq!(refusal, Refusal::Stale),
            }
        }
        assert_eq!(won, 1);
        assert_eq!(store.messages(&store.workspace.id, &first.id, None, 100).await.unwrap().len(), 2);
    }

    async fn a_person_who_is_known_is_sent_to_their_conversation(store: TestStore) {
        let known = meet(&store, &store.channel, "491").await;
        let second = unwritten(&store, &store.channel);
        let refusal = hear(&store, &second, &[text("wamid.2", "491", "me again")]).await.unwrap_err();
        assert_eq!(refusal, Refusal::Taken(known.id));
        assert!(store.activate(&second.id).await.unwrap().is_none());
    }

    async fn first_messages_that_race_end_in_one_conversation(store: TestStore) {
        let other = store.reopen().await;
        for round in 0..20 {
            let phone = format!("49{round}");
            let tasks: Vec<_> = (0..8)
                .map(|number| {
                    let (node, channel) = (if number % 2 == 0 { (**store).clone() } else { (*other).clone() }, store.channel.clone());
                    let event = text(&format!("wamid.{round}.{number}"), &phone, "hello");
                    tokio::spawn(async move { hear(&node, &unwritten(&node, &channel), &[event]).await })
                })
                .collect();
            let (mut opened, mut sent_to) = (Vec::new(), Vec::new());
            for task in tasks {
                match task.await.unwrap() {
                    Ok(conversation) => opened.push(conversation.id),
                    Err(Refusal::Taken(id)) => sent_to.push(id),
                    Err(refusal) => panic!("{refusal}"),
                }
            }
            assert_eq!((opened.len(), sent_to.len()), (1, 7));
            assert!(sent_to.iter().all(|id| *id == opened[0]));
        }
        assert_eq!(store.conversations(&store.workspace.id, &Which::default(), 1, 0).await.unwrap().1, 20);
    }
}
