//! Whatever is committed in whatever order, by however many at once: the numbers stay dense and the names unique.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use switchboard::domain::changes::{Change, Refusal};
use switchboard::domain::conversations::Conversation;
use switchboard::domain::messages::Status;
use switchboard::store::conversations::Which;

use crate::support::databases::{TestStore, on_both_databases};
use crate::support::people::{decide, nothing, progress, revision, text, unwritten};

/// Something that happens: a person (of few) and a vendor id (of few), so that they collide.
#[derive(Debug, Clone)]
enum Step {
    Says { person: u8, id: u8 },
    Progresses { id: u8, rank: u8 },
    Revises { id: u8, target: u8, deletes: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, 0..24_u8).prop_map(|(person, id)| Step::Says { person, id }),
        1 => (0..24_u8, 0..4_u8).prop_map(|(id, rank)| Step::Progresses { id, rank }),
        1 => (0..8_u8, 0..24_u8, any::<bool>()).prop_map(|(id, target, deletes)| Step::Revises { id, target, deletes }),
    ];
    prop::collection::vec(step, 1..40)
}

/// Does one step as the product would: decides on what is stored, and again when refused.
async fn take(store: &TestStore, round: u32, step: Step) {
    let vendor_id = |id: u8| format!("wamid.{round}.{id}");
    match step {
        Step::Says { person, id } => {
            let event = text(&vendor_id(id), &format!("{round}.{person}"), "hello");
            loop {
                let known = store
                    .find_conversation(
                        &store.channel.id,
                        &crate::support::people::identities(&format!("{round}.{person}")),
                    )
                    .await
                    .unwrap();
                let conversation: Conversation = match known {
                    Some(id) => store.activate(&id).await.unwrap().unwrap().state,
                    None => unwritten(store, &store.channel),
                };
                let change = decide(store, &conversation, std::slice::from_ref(&event)).change;
                match store.commit(change).await {
                    Ok(_) | Err(Refusal::Duplicate(_)) => return,
                    Err(Refusal::Stale | Refusal::Taken(_)) => {}
                    Err(refusal) => panic!("{refusal}"),
                }
            }
        }
        Step::Progresses { id, rank } => {
            let status = [Status::Sent, Status::Failed, Status::Delivered, Status::Read][usize::from(rank)];
            if let Some(found) = store.message_by_provider(&store.channel.id, &vendor_id(id)).await.unwrap() {
                let progress = progress(&store.channel, &found.message.id, status);
                store.commit(Change { progress: vec![progress], ..nothing(&store.channel) }).await.unwrap();
            }
        }
        Step::Revises { id, target, deletes } => {
            let text = (!deletes).then_some("changed");
            let revision =
                revision(&store.channel, &format!("revision.{round}.{id}"), &vendor_id(target), text, i64::from(id));
            store.commit(Change { revisions: vec![revision], ..nothing(&store.channel) }).await.unwrap();
        }
    }
}

async fn check(store: &TestStore) -> Result<(), TestCaseError> {
    let (conversations, _) = store.conversations(&store.workspace.id, &Which::default(), 10_000, 0).await.unwrap();
    let (mut people, mut vendor_ids) = (HashSet::new(), HashSet::new());
    for stored in conversations {
        prop_assert_eq!(stored.state.version, stored.state.last_seq);
        let messages = store.messages(&store.workspace.id, &stored.state.id, Some(0), 10_000).await.unwrap();
        prop_assert!(messages.iter().map(|message| message.seq).eq(1..=stored.state.last_seq));
        for message in messages {
            prop_assert!(vendor_ids.insert(message.provider_id.unwrap()));
        }
        for identity in stored.identities {
            prop_assert!(people.insert(identity));
        }
    }
    let events = store.events(&store.workspace.id, 0, 1_000_000).await.unwrap();
    let count = i64::try_from(events.len()).unwrap();
    prop_assert!(events.iter().map(|event| event.seq).eq(1..=count));
    let received = events.iter().filter(|event| event.kind == "message.received").count();
    prop_assert_eq!(received, vendor_ids.len());
    Ok(())
}

on_both_databases! {
    async fn any_interleaving_keeps_the_invariants(store: TestStore) {
        let store = std::sync::Arc::new(store);
        let handle = tokio::runtime::Handle::current();
        let cases = std::sync::Arc::clone(&store);
        let run = tokio::task::spawn_blocking(move || {
            let store = cases;
            let round = std::cell::Cell::new(0_u32);
            let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
            TestRunner::new(config).run(&steps(), |steps| {
                round.set(round.get() + 1);
                handle.block_on(async {
                    let tasks: Vec<_> = steps
                        .into_iter()
                        .map(|step| {
                            let (store, round) = (std::sync::Arc::clone(&store), round.get());
                            tokio::spawn(async move { take(&store, round, step).await })
                        })
                        .collect();
                    for task in tasks {
                        task.await.map_err(|error| TestCaseError::fail(error.to_string()))?;
                    }
                    check(&store).await
                })
            })
        });
        run.await.unwrap().unwrap();
    }
}
