//! Agents: changed by one at a time, and removed only where nothing needs them.

use switchboard::store::agents::{Removed, StoredAgent};
use switchboard::store::documents::NewDocument;

use crate::support::databases::{agent, channel, on_both_databases, workspace};

on_both_databases! {
    async fn an_agent_is_changed_at_home_only(store: TestStore) {
        let home = store.workspace.id.clone();
        let stranger = workspace(&store, "stranger").await;
        let rest = |stored: StoredAgent| {
            let mut stored = stored;
            stored.agent.is_active = false;
            stored.api_key = None;
            Ok::<_, ()>(stored)
        };
        assert!(store.change_agent(&stranger.id, &store.agent.id, rest).await.unwrap().is_none());
        let before = store.agent_by_id(&store.agent.id).await.unwrap().unwrap();
        assert!(before.agent.is_active && before.api_key.is_some());
        store.change_agent(&home, &store.agent.id, rest).await.unwrap().unwrap().unwrap();
        let after = store.agent_by_id(&store.agent.id).await.unwrap().unwrap();
        assert!(!after.agent.is_active && after.api_key.is_none());
        assert_eq!(after.agent.created_at, before.agent.created_at);
        assert!(store.change_agent(&home, &store.agent.id, |_| Err(())).await.unwrap().unwrap().is_err());
        let other = agent(&store, &store.workspace, "other").await;
        let taken = |stored: StoredAgent| {
            let mut stored = stored;
            stored.agent.name = "other".to_owned();
            Ok::<_, ()>(stored)
        };
        let refused = store.change_agent(&home, &store.agent.id, taken).await;
        assert!(refused.is_err_and(|error| error.is_taken()));
        assert!(store.add_agent(&StoredAgent { agent: other, api_key: None }, None).await.is_err());
    }

    async fn an_agent_goes_with_what_it_knows_unless_channels_use_it(store: TestStore) {
        let home = store.workspace.id.clone();
        let other = agent(&store, &store.workspace, "other").await;
        let document = NewDocument {
            id: store.id(),
            workspace_id: home.clone(),
            agent_id: other.id.clone(),
            title: "T".to_owned(),
            source: "s".to_owned(),
            hash: "h".to_owned(),
            passages: vec!["plums".to_owned()],
            embeds: false,
        };
        store.put_document(&document).await.unwrap();
        let used = channel(&store, &store.workspace, Some(&other), "300").await;
        assert_eq!(store.remove_agent(&home, &other.id).await.unwrap(), Removed::Used);
        assert!(store.remove_channel(&home, &used.id).await.unwrap());
        let stranger = workspace(&store, "stranger").await;
        assert_eq!(store.remove_agent(&stranger.id, &other.id).await.unwrap(), Removed::Unknown);
        assert_eq!(store.remove_agent(&home, &other.id).await.unwrap(), Removed::Gone);
        assert!(store.search_passages(&home, &other.id, "plums", 5).await.unwrap().is_empty());
    }
}
