//! How far a message has come: forward only, whatever the order in which the news arrives.

use switchboard::domain::changes::{Change, Progress};
use switchboard::domain::messages::Status;

use crate::support::databases::{channel, on_both_databases};
use crate::support::people::{meet, nothing, progress, revision, say};

const NEWS: [Status; 5] = [Status::Uncertain, Status::Sent, Status::Failed, Status::Delivered, Status::Read];

fn orders(statuses: &[Status]) -> Vec<Vec<Status>> {
    if statuses.is_empty() {
        return vec![Vec::new()];
    }
    (0..statuses.len())
        .flat_map(|at| {
            let mut rest = statuses.to_vec();
            let first = rest.remove(at);
            orders(&rest).into_iter().map(move |order| [vec![first], order].concat())
        })
        .collect()
}

on_both_databases! {
    async fn progress_ends_at_its_highest_rank_in_any_order(store: TestStore) {
        let mut conversation = meet(&store, &store.channel, "491").await;
        for (number, order) in orders(&NEWS).into_iter().enumerate() {
            let (next, message) = say(&store, &conversation, "hello").await;
            conversation = next;
            let since = store.events(&store.workspace.id, 0, 100_000).await.unwrap().len();
            let mut highest = Status::Queued;
            let mut moves = Vec::new();
            let news: Vec<Progress> =
                order.iter().map(|status| progress(&store.channel, &message.id, *status)).collect();
            if number % 2 == 0 {
                for (status, progress) in order.iter().zip(news) {
                    let moved = status.rank() > highest.rank();
                    let change = Change { progress: vec![progress], ..nothing(&store.channel) };
                    assert_eq!(store.commit(change).await.unwrap().news, moved, "{order:?}");
                    if moved {
                        highest = *status;
                        moves.push(format!("message.{}", status.as_str()));
                    }
                }
            } else {
                store.commit(Change { progress: news, ..nothing(&store.channel) }).await.unwrap();
                moves.push("message.read".to_owned());
            }
            let stored = store.message(&store.workspace.id, &message.id).await.unwrap().unwrap().message;
            assert_eq!(stored.status, Status::Read, "{order:?}");
            assert_eq!(stored.error, None, "{order:?}");
            assert_eq!(stored.provider_id, Some(format!("wamid.of.{}", message.id)), "{order:?}");
            let events = store.events(&store.workspace.id, i64::try_from(since).unwrap(), 100).await.unwrap();
            assert_eq!(events.into_iter().map(|event| event.kind).collect::<Vec<_>>(), moves, "{order:?}");
        }
    }

    async fn a_vendor_id_is_learned_even_from_news_that_moves_nothing(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let (_, message) = say(&store, &conversation, "hello").await;
        let failed = Progress { provider_id: None, ..progress(&store.channel, &message.id, Status::Failed) };
        store.commit(Change { progress: vec![failed], ..nothing(&store.channel) }).await.unwrap();
        let target = format!("wamid.of.{}", message.id);
        let edit = revision(&store.channel, "wamid.edit", &target, Some("bye"), 5);
        store.commit(Change { revisions: vec![edit], ..nothing(&store.channel) }).await.unwrap();
        let sent = progress(&store.channel, &message.id, Status::Sent);
        assert!(!store.commit(Change { progress: vec![sent], ..nothing(&store.channel) }).await.unwrap().news);
        let found = store.message_by_provider(&store.channel.id, &target).await.unwrap().unwrap().message;
        assert_eq!((found.id, found.status), (message.id, Status::Failed));
        assert_eq!(found.error.unwrap().code, "FAILED");
        assert_eq!(found.body, "bye");
    }

    async fn a_vendor_id_that_another_message_has_does_not_stop_progress(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let (_, message) = say(&store, &conversation, "hello").await;
        let taken = Some("wamid.491".to_owned());
        let sent = Progress { provider_id: taken, ..progress(&store.channel, &message.id, Status::Sent) };
        assert!(store.commit(Change { progress: vec![sent], ..nothing(&store.channel) }).await.unwrap().news);
        let stored = store.message(&store.workspace.id, &message.id).await.unwrap().unwrap().message;
        assert_eq!((stored.status, stored.provider_id), (Status::Sent, None));
    }

    async fn a_receipt_of_another_channel_moves_nothing(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let (_, message) = say(&store, &conversation, "hello").await;
        let other = channel(&store, &store.workspace, None, "200").await;
        let foreign = progress(&other, &message.id, Status::Read);
        let change = Change { progress: vec![foreign.clone()], ..nothing(&other) };
        assert!(!store.commit(change).await.unwrap().news);
        let ours = progress(&store.channel, &message.id, Status::Sent);
        for both in [[foreign.clone(), ours.clone()], [ours, foreign]] {
            store.commit(Change { progress: both.to_vec(), ..nothing(&store.channel) }).await.unwrap();
            let stored = store.message(&store.workspace.id, &message.id).await.unwrap().unwrap().message;
            assert_eq!(stored.status, Status::Sent);
        }
    }
}
