//! Edits and deletions: the same end in every order, before their message and after it.

use switchboard::domain::changes::Change;

use crate::support::databases::on_both_databases;
use crate::support::people::{decide, nothing, revision, text, unwritten};

/// All orders of four things.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| *c != a && *c != b) {
                orders.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    orders
}

on_both_databases! {
    async fn revisions_end_the_same_in_any_order(store: TestStore) {
        for (number, order) in orders().into_iter().enumerate() {
            let (phone, target) = (format!("49{number}"), format!("wamid.{number}"));
            let conversation = unwritten(&store, &store.channel);
            let mut message = Some(decide(&store, &conversation, &[text(&target, &phone, "first")]).change);
            for step in order {
                let revised = |kind: &str, text, at| {
                    let revision = revision(&store.channel, &format!("{kind}.{number}"), &target, text, at);
                    Change { revisions: vec![revision], ..nothing(&store.channel) }
                };
                let change = match step {
                    0 => message.take().unwrap(),
                    1 => revised("early", Some("second"), 10),
                    2 => revised("late", Some("third"), 20),
                    _ => revised("gone", None, 15),
                };
                assert!(store.commit(change).await.unwrap().news, "{order:?}");
            }
            let stored = store.message_by_provider(&store.channel.id, &target).await.unwrap().unwrap().message;
            let end = (stored.body.as_str(), stored.edited_at, stored.deleted_at);
            assert_eq!(end, ("third", Some(20), Some(15)), "{order:?}");
        }
    }

    async fn a_revision_that_comes_again_is_no_news(store: TestStore) {
        let conversation = unwritten(&store, &store.channel);
        store.commit(decide(&store, &conversation, &[text("wamid.1", "491", "first")]).change).await.unwrap();
        let edit = revision(&store.channel, "wamid.edit", "wamid.1", Some("second"), 10);
        let change = Change { revisions: vec![edit.clone(), edit], ..nothing(&store.channel) };
        assert!(store.commit(change.clone()).await.unwrap().news);
        let before = store.events(&store.workspace.id, 0, 100).await.unwrap();
        assert_eq!(before.last().unwrap().kind, "message.updated");
        assert!(!store.commit(change).await.unwrap().news);
        assert_eq!(store.events(&store.workspace.id, 0, 100).await.unwrap(), before);
    }
}
