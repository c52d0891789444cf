//! What is remembered: memories found as long as they are there, messages behind the event sequence, each workspace's own.

use switchboard::domain::changes::Change;
use switchboard::domain::jobs::Embeddable;
use switchboard::domain::memories::{Memory, MemoryKind, RecalledKind};
use switchboard::domain::tasks::Source;
use switchboard::store::Store;
use switchboard::store::embeddings::Space;
use switchboard::store::memories::MemoryFilter;
use switchboard::store::remembered::Taken;

use crate::support::databases::{TestStore, on_both_databases, workspace};
use crate::support::people::{hear, meet, nothing, put_vector, revision, text};

async fn learn(store: &TestStore, what: &str, contact_id: Option<&str>) -> Memory {
    let blank = Memory::blank(store.id(), Source::Api, store.clock().now());
    let memory = Memory { text: what.to_owned(), contact_id: contact_id.map(str::to_owned), ..blank };
    store.add_memory(&store.workspace.id, &memory, None, false).await.unwrap();
    memory
}

async fn found(store: &Store, workspace_id: &str, question: &str) -> Vec<String> {
    let found = store.recall(workspace_id, question, None).await.unwrap();
    found.into_iter().map(|one| one.text).collect()
}

async fn take_all(store: &TestStore) {
    while store.remember_messages(&store.workspace.id).await.unwrap() != Taken::All {}
    assert!(store.workspaces_to_remember().await.unwrap().is_empty());
}

on_both_databases! {
    async fn what_fits_better_comes_first_and_what_was_forgotten_never(store: TestStore) {
        let id = store.workspace.id.clone();
        let red = learn(&store, "The kettle is red", None).await;
        let blue = learn(&store, "The blue kettle leaks; a blue one is ordered", None).await;
        let best = store.recall(&id, "blue kettles", None).await.unwrap();
        assert_eq!((best[0].text.as_str(), best[0].score, best.len()), (blue.text.as_str(), 1.0, 2));
        assert!(best[1].score < 1.0 && best[1].score > 0.0);
        assert_eq!(best[0].source.memory_id.as_ref(), Some(&blue.id));
        let change = |memory: &Memory| Ok(Memory { text: "The kettle is green".to_owned(), ..memory.clone() });
        store.change_memory(&id, &red.id, change, false).await.unwrap();
        assert_eq!((found(&store, &id, "red").await.len(), found(&store, &id, "green").await.len()), (0, 1));
        let rival = workspace(&store, "rival").await;
        assert_eq!(found(&store, &rival.id, "kettle").await, Vec::<String>::new());
        assert!(!store.forget_memory(&rival.id, &blue.id).await.unwrap());
        assert_eq!(found(&store, &id, "blue").await.len(), 1);
        assert!(store.forget_memory(&id, &blue.id).await.unwrap());
        assert!(!store.forget_memory(&id, &blue.id).await.unwrap());
        assert_eq!(found(&store, &id, "blue").await, Vec::<String>::new());
        assert_eq!(store.memories(&id, &MemoryFilter::default(), 10, 0).await.unwrap().1, 1);
        assert_eq!(store.memories(&rival.id, &MemoryFilter::default(), 10, 0).await.unwrap().1, 0);
    }

    async fn messages_come_in_behind_their_events(store: TestStore) {
        let id = store.workspace.id.clone();
        let conversation = meet(&store, &store.channel, "491").await;
        assert_eq!(found(&store, &id, "hello").await, Vec::<String>::new());
        take_all(&store).await;
        let hello = store.recall(&id, "hello", None).await.unwrap();
        assert_eq!((hello.len(), hello[0].source.kind), (1, RecalledKind::Message));
        assert_eq!(hello[0].source.conversation_id.as_ref(), Some(&conversation.id));
        assert_eq!(hello[0].source.contact_id.as_ref(), Some(&conversation.contact_id));
        // What was edited is found by its new words, what was taken back by none.
        let more = [text("wamid.2", "491", "umbrella"), text("wamid.3", "491", "canoe")];
        hear(&store, &conversation, &more).await.unwrap();
        take_all(&store).await;
        assert_eq!(found(&store, &id, "umbrella canoe").await.len(), 2);
        for (number, (target, text)) in [("wamid.2", Some("parasol")), ("wamid.3", None)].into_iter().enumerate() {
            let revision = revision(&store.channel, &format!("edit.{number}"), target, text, store.clock().now());
            store.commit(Change { revisions: vec![revision], ..nothing(&store.channel) }).await.unwrap();
        }
        take_all(&store).await;
        assert_eq!(found(&store, &id, "umbrella canoe").await, Vec::<String>::new());
        assert_eq!(found(&store, &id, "parasol").await, ["parasol"]);
        let rival = workspace(&store, "rival").await;
        assert_eq!(found(&store, &rival.id, "parasol hello").await, Vec::<String>::new());
    }

    async fn many_messages_come_in_step_by_step_and_once(store: TestStore) {
        let mut conversation = meet(&store, &store.channel, "491").await;
        for round in 0..5 {
            let many: Vec<_> = (0..60).map(|n| text(&format!("wamid.{round}.{n}"), "491", &format!("word{round}x{n}"))).collect();
            conversation = hear(&store, &conversation, &many).await.unwrap();
        }
        let other = store.reopen().await;
        let (one, two) =
            tokio::join!(store.remember_messages(&store.workspace.id), other.remember_messages(&store.workspace.id));
        assert!([one.unwrap(), two.unwrap()].contains(&Taken::Some));
        take_all(&store).await;
        for word in ["word0x0", "word4x59", "hello"] {
            assert_eq!(found(&store, &store.workspace.id, word).await, [word], "{word}");
        }
    }

    async fn a_person_is_forgotten_whole(store: TestStore) {
        let id = store.workspace.id.clone();
        let (kim, jane) = (meet(&store, &store.channel, "491").await, meet(&store, &store.channel, "492").await);
        learn(&store, "Kim likes tea", Some(&kim.contact_id)).await;
        learn(&store, "Jane likes tea", Some(&jane.contact_id)).await;
        take_all(&store).await;
        let about = async |contact: &str| store.recall(&id, "tea hello", Some(contact)).await.unwrap().len();
        assert_eq!((about(&kim.contact_id).await, about(&jane.contact_id).await), (2, 2));
        let rival = workspace(&store, "rival").await;
        store.forget_contact(&rival.id, &kim.contact_id).await.unwrap();
        assert_eq!(about(&kim.contact_id).await, 2);
        store.forget_contact(&id, &kim.contact_id).await.unwrap();
        assert_eq!((about(&kim.contact_id).await, about(&jane.contact_id).await), (0, 2));
        assert_eq!(found(&store, &id, "tea").await, ["Jane likes tea"]);
        assert!(store.conversation(&id, &kim.id).await.unwrap().is_some());
    }

    async fn a_vector_belongs_to_a_text_a_model_and_a_workspace(store: TestStore) {
        let id = store.workspace.id.clone();
        let kim = meet(&store, &store.channel, "491").await;
        let (east, north) = (learn(&store, "east", None).await, learn(&store, "north", Some(&kim.contact_id)).await);
        let bare = learn(&store, "nowhere", None).await;
        let put = async |workspace: &str, memory: &Memory, text: &str, vector: &[f32]| {
            put_vector(&store, workspace, Embeddable::Memory, (&memory.id, text), vector).await
        };
        assert!(put(&id, &east, "east", &[1.0, 0.0]).await && put(&id, &north, "north", &[0.0, 1.0]).await);
        let rival = workspace(&store, "rival").await;
        assert!(!put(&rival.id, &bare, "nowhere", &[1.0, 0.0]).await);
        assert!(!put(&id, &bare, "its text of yesterday", &[1.0, 0.0]).await);
        let near = async |workspace: &str, model: &str, contact: Option<&str>, vector: &[f32], most: usize| {
            let space = Space { workspace_id: workspace, model, contact_id: contact };
            let found = store.nearest_memories(space, vector, (0.3, most)).await.unwrap();
            found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        let (e, n) = (east.id.as_str(), north.id.as_str());
        assert_eq!(near(&id, "m", None, &[0.8, 0.6], 9).await, [e, n]);
        assert_eq!(near(&id, "m", None, &[0.6, 0.8], 9).await, [n, e]);
        assert_eq!(near(&id, "m", None, &[0.6, 0.8], 1).await, [n]);
        assert_eq!(near(&id, "m", None, &[1.0, 0.0], 9).await, [e], "what is not near is not found");
        assert_eq!(near(&id, "m", Some(&kim.contact_id), &[0.8, 0.6], 9).await, [n]);
        for (workspace, model, vector) in [(&rival.id, "m", vec![0.8, 0.6]), (&id, "other", vec![0.8, 0.6]), (&id, "m", vec![1.0])] {
            assert_eq!(near(workspace, model, None, &vector, 9).await, Vec::<String>::new(), "{workspace} {model} {vector:?}");
        }
        // Another text is elsewhere, another kind is not.
        let kind = |memory: &Memory| Ok(Memory { kind: MemoryKind::Note, ..memory.clone() });
        store.change_memory(&id, e, kind, true).await.unwrap();
        let text = |memory: &Memory| Ok(Memory { text: "south".to_owned(), ..memory.clone() });
        store.change_memory(&id, n, text, true).await.unwrap();
        assert_eq!(near(&id, "m", None, &[0.6, 0.8], 9).await, [e]);
        let left = async |workspace: &str, id: &str| {
            let left = store.texts_to_embed(workspace, (Embeddable::Memory, id), "m", 9).await.unwrap();
            left.into_iter().map(|one| one.text).collect::<Vec<_>>()
        };
        assert_eq!((left(&id, e).await, left(&id, n).await), (Vec::new(), vec!["south".to_owned()]));
        assert_eq!(left(&rival.id, n).await, Vec::<String>::new());
        // The change of the text has its job already; what no job waits for gets one, once.
        let jobs = async || {
            let counts = store.count_jobs().await.unwrap();
            counts.into_iter().filter(|count| count.kind == "embed").map(|count| count.count).sum::<i64>()
        };
        assert_eq!(jobs().await, 1);
        assert_eq!(store.embed_what_is_left(&id, "m").await.unwrap(), 1);
        assert_eq!((store.embed_what_is_left(&id, "m").await.unwrap(), jobs().await), (0, 2));
        assert_eq!(store.embed_what_is_left(&id, "another").await.unwrap(), 1, "for another model what has no job yet");
        store.forget_memory(&id, e).await.unwrap();
        assert_eq!(near(&id, "m", None, &[1.0, 0.0], 9).await, Vec::<String>::new());
    }

    async fn the_nearest_of_many_are_found(store: TestStore) {
        let id = store.workspace.id.clone();
        let mut expected = Vec::new();
        for number in 0..1_100_u16 {
            let memory = learn(&store, &format!("fact {number}"), None).await;
            let height = f32::from(number) / 2_000.0;
            let vector = [height, (1.0 - height * height).sqrt()];
            assert!(put_vector(&store, &id, Embeddable::Memory, (&memory.id, &memory.text), &vector).await);
            expected.push(memory.id);
        }
        let space = Space { workspace_id: &id, model: "m", contact_id: None };
        let found = store.nearest_memories(space, &[1.0, 0.0], (0.3, 5)).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|(id, _)| id).collect();
        assert_eq!(found, expected.into_iter().rev().take(5).collect::<Vec<_>>());
    }
}
