//! What one node commits, the others hear.

use std::time::Duration;

use switchboard::domain::changes::{Change, NewEvent};
use switchboard::domain::events::EventKind;
use switchboard::store::events::EventFilter;
use switchboard::store::whispers::LONGEST;

use crate::support::databases::{on_both_databases, workspace};

async fn happens(
    store: &switchboard::store::Store,
    workspace_id: &str,
    kind: EventKind,
    conversation_id: Option<&str>,
) {
    let event =
        NewEvent { kind, conversation_id: conversation_id.map(str::to_owned), data: serde_json::json!({ "n": 1 }) };
    let change = Change { workspace_id: workspace_id.to_owned(), events: vec![event], ..Change::default() };
    store.commit(change).await.unwrap();
}

on_both_databases! {
    async fn another_nodes_events_are_heard_and_ones_own_are_not(store: TestStore) {
        let other = store.reopen().await;
        let (here, there) = ((**store).clone(), (*other).clone());
        let mut heard = there.listen_elsewhere();
        let mut echo = here.listen_elsewhere();
        let following = [here.clone(), there.clone()].map(|node| tokio::spawn(node.follow_other_nodes(|| true)));
        if !store.is_shared() {
            for node in following {
                node.await.unwrap();
            }
            return;
        }
        // Who has not begun to listen yet hears of the next one, and then of all of them.
        let workspace_id = store.workspace.id.clone();
        let mut numbers = Vec::new();
        while numbers.is_empty() {
            happens(&here, &workspace_id, EventKind::ContactUpdated, None).await;
            if let Ok(batch) = tokio::time::timeout(Duration::from_millis(200), heard.recv()).await {
                numbers.extend(batch.unwrap().iter().map(|event| event.seq));
            }
        }
        for _ in 0..20 {
            happens(&here, &workspace_id, EventKind::ContactUpdated, None).await;
        }
        let newest = here.event_bounds(&workspace_id).await.unwrap().unwrap().newest;
        while numbers.last() != Some(&newest) {
            let batch = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
            numbers.extend(batch.iter().map(|event| event.seq));
        }
        let first = numbers[0];
        assert_eq!(numbers, (first..=newest).collect::<Vec<_>>(), "in order, without a gap");
        assert!(echo.try_recv().is_err(), "one's own words are not heard");
        for node in following {
            node.abort();
        }
    }

    async fn what_a_node_whispers_the_others_hear(store: TestStore) {
        let other = store.reopen().await;
        let (here, there) = ((**store).clone(), (*other).clone());
        let (mut heard, mut echo) = (there.listen_whispers(), here.listen_whispers());
        let following = [here.clone(), there.clone()].map(|node| tokio::spawn(node.follow_other_nodes(|| true)));
        here.whisper("is anybody there?").await.unwrap();
        if store.is_shared() {
            // Who has not begun to listen yet hears of the next one.
            let whisper = loop {
                if let Ok(whisper) = tokio::time::timeout(Duration::from_millis(200), heard.recv()).await {
                    break whisper.unwrap();
                }
                here.whisper("is anybody there?").await.unwrap();
            };
            assert_eq!((whisper.node_id.as_str(), whisper.text.as_str()), (here.node_id(), "is anybody there?"));
            let longest = "é\n".repeat(LONGEST / 3);
            here.whisper(&longest).await.unwrap();
            while heard.recv().await.unwrap().text != longest {}
        }
        assert!(echo.try_recv().is_err() && heard.try_recv().is_err(), "one's own words are not heard");
        for node in following {
            node.abort();
        }
    }

    async fn events_are_read_by_word_and_conversation(store: TestStore) {
        let id = store.workspace.id.clone();
        let bounds = store.event_bounds(&id).await.unwrap().unwrap();
        assert!((bounds.oldest, bounds.newest) == (1, 0) && bounds.covers(0) && !bounds.covers(1));
        for (kind, conversation) in [
            (EventKind::ContactUpdated, None),
            (EventKind::MessageRead, Some("a")),
            (EventKind::MessageRead, Some("b")),
            (EventKind::MessageReceived, Some("a")),
        ] {
            happens(&store, &id, kind, conversation).await;
        }
        let stranger = workspace(&store, "stranger").await;
        happens(&store, &stranger.id, EventKind::MessageRead, Some("a")).await;
        for (kinds, conversation, expected) in [
            (&[][..], None, &[1, 2, 3, 4][..]),
            (&["message.read"], None, &[2, 3]),
            (&["message.received", "message.read"], Some("a"), &[2, 4]),
            (&["message.rea"], None, &[]),
            (&[], Some("b"), &[3]),
        ] {
            let filter = EventFilter {
                kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
                conversation_id: conversation.map(str::to_owned),
            };
            let found = store.wanted_events(&id, 0, 10, &filter).await.unwrap();
            assert_eq!(found.iter().map(|event| event.seq).collect::<Vec<_>>(), expected, "{filter:?}");
        }
        let bounds = store.event_bounds(&id).await.unwrap().unwrap();
        assert_eq!((bounds.oldest, bounds.newest), (1, 4));
        assert!(bounds.covers(4) && !bounds.covers(5));
        assert_eq!(store.event_bounds("nobody").await.unwrap(), None);
    }
}
