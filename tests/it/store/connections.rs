//! Lost connections and restarts: nothing that was promised is gone.

use crate::support::databases::on_both_databases;
use crate::support::people::{hear, meet, text};

on_both_databases! {
    async fn the_writer_survives_lost_connections(store: TestStore) {
        let mut conversation = meet(&store, &store.channel, "491").await;
        for round in 0..3 {
            assert_eq!(store.cut_connections().await, store.is_shared());
            let event = text(&format!("wamid.{round}"), "491", "still there?");
            conversation = hear(&store, &conversation, &[event]).await.unwrap();
        }
        store.ping().await.unwrap();
    }

    async fn what_was_committed_is_there_after_a_restart(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let fed = store.fed();
        store.release_lease().await.unwrap();
        let again = store.reopen().await;
        assert_eq!(again.activate(&conversation.id).await.unwrap().unwrap().state, conversation);
        let adopted = again.adopt_jobs(10).await.unwrap();
        assert_eq!(adopted.iter().map(|job| &job.id).collect::<Vec<_>>(), [&fed[0].id]);
        assert_eq!(again.workspaces().await.unwrap(), std::slice::from_ref(&store.workspace));
        hear(&again, &conversation, &[text("wamid.2", "491", "on")]).await.unwrap();
        let events = again.events(&store.workspace.id, 0, 10).await.unwrap();
        assert!(events.iter().map(|event| event.seq).eq(1..=3));
    }
}
