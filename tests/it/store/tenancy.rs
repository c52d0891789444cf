//! Tenants: nothing of one is read with the id of another.

use switchboard::domain::changes::{AttachmentChange, Change, NewExchange};
use switchboard::domain::channels::Channel;
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::files::File;
use switchboard::domain::messages::announced;
use switchboard::domain::principals::{Permission, Permissions};
use switchboard::store::StoreError;
use switchboard::store::api_keys::NewApiKey;
use switchboard::store::conversations::Which;
use switchboard_channels::contract::content::{Content, Media};

use crate::support::databases::{on_both_databases, workspace};
use crate::support::people::{delivery, meet, nothing};

on_both_databases! {
    async fn another_workspace_reads_nothing(store: TestStore) {
        let (home, away) = (store.workspace.id.clone(), workspace(&store, "stranger").await.id);
        let conversation = meet(&store, &store.channel, "491").await;
        let message = store.messages(&home, &conversation.id, None, 1).await.unwrap().remove(0);
        let delivery = delivery(&store, &store.channel, DeliveryOutcome::Stored);
        let delivery_id = delivery.id.clone();
        let file = File {
            id: store.id(),
            sha256: "0".repeat(64),
            size: 3,
            mime_type: "image/png".to_owned(),
            filename: Some("a.png".to_owned()),
        };
        let attachment = AttachmentChange {
            message_id: message.id.clone(),
            index: 0,
            attachment: announced(&Content::Image(Media::default())).remove(0),
            file: Some(file.clone()),
        };
        let exchange = NewExchange {
            id: store.id(),
            message_id: message.id.clone(),
            at: 1,
            request: "POST".to_owned(),
            status: Some(200),
            response: "{}".to_owned(),
            duration_ms: 5,
        };
        let change = Change {
            delivery: Some(delivery),
            attachments: vec![attachment.clone()],
            exchange: Some(exchange),
            ..nothing(&store.channel)
        };
        store.commit(change).await.unwrap();
        let job = store.fed().remove(0).id;
        store.bury_job(&job, 1, "dead").await.unwrap();
        let hash = "1".repeat(64);
        let key = NewApiKey {
            id: store.id(),
            workspace_id: home.clone(),
            agent_id: None,
            name: "main".to_owned(),
            prefix: "sb_1".to_owned(),
            hash: hash.clone(),
            scopes: Permissions::of(&[Permission::Read]),
            requests_per_minute: None,
            expires_at: None,
            created_by: None,
        };
        store.put_api_key(&key).await.unwrap();
        assert_eq!(store.principal_by_key(&hash).await.unwrap().unwrap().workspace_id, home);

        for (workspace, seen) in [(&home, 1), (&away, 0)] {
            let mut counts = vec![
                store.conversations(workspace, &Which::default(), 10, 0).await.unwrap().0.len(),
                usize::try_from(store.conversations(workspace, &Which::default(), 10, 0).await.unwrap().1).unwrap(),
                store.conversations(workspace, &Which { channel_id: Some(store.channel.id.clone()), ..Which::default() }, 10, 0).await.unwrap().0.len(),
                store.messages(workspace, &conversation.id, None, 10).await.unwrap().len(),
                store.messages(workspace, &conversation.id, Some(0), 10).await.unwrap().len(),
                store.deliveries(workspace, None, 10, 0).await.unwrap().0.len(),
                usize::try_from(store.deliveries(workspace, None, 10, 0).await.unwrap().1).unwrap(),
                store.dead_jobs(workspace, 10, 0).await.unwrap().len(),
                usize::try_from(store.count_dead_jobs(workspace).await.unwrap()).unwrap(),
                store.exchanges(workspace, &message.id).await.unwrap().len(),
                store.channels(workspace).await.unwrap().len(),
                store.agents(workspace).await.unwrap().len(),
                store.events(workspace, 0, 1).await.unwrap().len(),
            ];
            counts.extend(
                [
                    store.conversation(workspace, &conversation.id).await.unwrap().is_some(),
                    store.message(workspace, &message.id).await.unwrap().is_some(),
                    store.delivery(workspace, &delivery_id).await.unwrap().is_some(),
                    store.file(workspace, &file.id).await.unwrap() == Some(file.clone()),
                    store.api_key_named(workspace, "main").await.unwrap().is_some(),
                ]
                .map(usize::from),
            );
            assert_eq!(counts, vec![seen; counts.len()], "{workspace}");
        }
        assert!(store.conversation_file(&conversation.id, &file.id).await.unwrap().is_some());
        assert!(store.conversation_file("another", &file.id).await.unwrap().is_none());

        // Nor does a change in its name touch a message of ours.
        let before = store.events(&home, 0, 100).await.unwrap();
        let foreign = AttachmentChange { file: None, ..attachment };
        store.commit(Change { workspace_id: away, attachments: vec![foreign], ..Change::default() }).await.unwrap();
        assert_eq!(store.events(&home, 0, 100).await.unwrap(), before);
    }

    async fn nothing_is_overwritten_from_another_workspace(store: TestStore) {
        let away = workspace(&store, "stranger").await.id;
        let stored = store.agent_by_id(&store.agent.id).await.unwrap().unwrap();
        let mut agent = stored.clone();
        agent.agent.workspace_id.clone_from(&away);
        agent.agent.name = "theirs".to_owned();
        let channel = Channel { workspace_id: away.clone(), name: "theirs".to_owned(), ..store.channel.clone() };
        let key = NewApiKey {
            id: store.id(),
            workspace_id: store.workspace.id.clone(),
            agent_id: None,
            name: "main".to_owned(),
            prefix: "sb_1".to_owned(),
            hash: "1".repeat(64),
            scopes: Permissions::of(&[Permission::Read]),
            requests_per_minute: None,
            expires_at: None,
            created_by: None,
        };
        store.put_api_key(&key).await.unwrap();
        let foreign = NewApiKey { workspace_id: away.clone(), hash: "2".repeat(64), ..key.clone() };
        let refused = [
            store.put_agent(&agent).await.unwrap_err(),
            store.put_channel(&channel).await.unwrap_err(),
            store.put_api_key(&foreign).await.unwrap_err(),
        ];
        for (error, expected) in refused.iter().zip(["agents", "channels", "api_keys"]) {
            assert!(matches!(error, StoreError::Foreign { table, .. } if *table == expected), "{error}");
        }
        assert_eq!(store.agent_by_id(&store.agent.id).await.unwrap().unwrap().agent, stored.agent);
        assert_eq!(store.channel_by_id(&store.channel.id).await.unwrap().unwrap().name, store.channel.name);
        assert!(store.principal_by_key(&"1".repeat(64)).await.unwrap().is_some());
        assert!(store.channel(&away, &store.channel.id).await.unwrap().is_none());
        assert!(!store.remove_channel(&away, &store.channel.id).await.unwrap());
        // One's own may be replaced.
        store.put_channel(&store.channel).await.unwrap();
        store.put_agent(&stored).await.unwrap();
        store.put_api_key(&key).await.unwrap();
    }
}
