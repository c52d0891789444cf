//! Secrets at rest: readable with the installation's master key only.

use std::cell::Cell;

use switchboard::domain::channels::Channel;
use switchboard::store::StoreError;
use switchboard::store::seal::Sealer;
use switchboard::store::sealed::Seals;
use switchboard_channels::Kind;

use crate::support::databases::{MASTER_KEY, on_both_databases};

/// The key that takes the master key's place.
const NEW_KEY: [u8; 32] = [8; 32];

on_both_databases! {
    async fn sealed_settings_open_after_a_restart(store: TestStore) {
        let again = store.reopen().await;
        let channel = again.channel_by_account(Kind::Whatsapp, "100").await.unwrap().unwrap();
        assert_eq!(channel.settings, store.channel.settings);
        let agent = again.agent_by_id(&store.agent.id).await.unwrap().unwrap();
        assert_eq!(agent.agent, store.agent);
        assert_eq!(agent.api_key.unwrap().reveal(), "sk-model");
    }

    async fn another_master_key_is_told_by_name(store: TestStore) {
        let stranger = store.reopen_with_key(&[8; 32]).await;
        let error = stranger.channel_by_id(&store.channel.id).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unreadable { table: "channels", column: "settings", .. }), "{error}");
        assert!(error.to_string().contains("master key"), "{error}");
        let Err(error) = stranger.agents(&store.workspace.id).await else { panic!("a sealed key was read") };
        assert!(matches!(&error, StoreError::Unreadable { table: "agents", column: "credentials", .. }), "{error}");
    }

    async fn a_new_master_key_takes_over(store: TestStore) {
        let both = store.reopen_with(Sealer::new(&NEW_KEY).with_previous(&MASTER_KEY)).await;
        let counts = |done: &[switchboard::store::sealed::Resealed]| -> Vec<_> {
            let touched = done.iter().filter(|one| one.renewed + one.current > 0);
            touched.map(|one| (one.table, one.column, one.renewed, one.current)).collect()
        };
        let before = both.examine_seals().await.unwrap();
        assert_eq!((before.outdated, before.unreadable), (2, Vec::new()));
        // Both keys are read before, and what is written is sealed with the new one.
        assert_eq!(both.channel_by_id(&store.channel.id).await.unwrap().unwrap().settings, store.channel.settings);
        let other = crate::support::databases::channel(&both, &store.workspace, None, "200").await;
        assert!(store.channel_by_id(&other.id).await.is_err());
        let done = both.reseal().await.unwrap();
        assert_eq!(counts(&done), [("channels", "settings", 1, 1), ("agents", "credentials", 1, 0)]);
        let done = both.reseal().await.unwrap();
        assert_eq!(counts(&done), [("channels", "settings", 0, 2), ("agents", "credentials", 0, 1)]);
        assert_eq!(both.examine_seals().await.unwrap(), Seals::default());
        let lost = store.examine_seals().await.unwrap().unreadable;
        assert!(lost.len() == 3 && lost.contains(&("channels", store.channel.id.clone())), "{lost:?}");
        let after = store.reopen_with_key(&NEW_KEY).await;
        assert_eq!(after.channel_by_id(&store.channel.id).await.unwrap().unwrap().settings, store.channel.settings);
        let agent = after.agent_by_id(&store.agent.id).await.unwrap().unwrap();
        assert_eq!(agent.api_key.unwrap().reveal(), "sk-model");
        assert!(store.reopen().await.channel_by_id(&store.channel.id).await.is_err());
    }

    async fn what_opens_with_no_key_stops_the_sealing_anew(store: TestStore) {
        let stranger = store.reopen_with_key(&NEW_KEY).await;
        crate::support::databases::channel(&stranger, &store.workspace, None, "200").await;
        let third = store.reopen_with(Sealer::new(&[9; 32]).with_previous(&MASTER_KEY)).await;
        assert!(matches!(third.reseal().await, Err(StoreError::Unreadable { table: "channels", .. })));
        // Nothing was written, not even what could be opened.
        assert!(store.channel_by_id(&store.channel.id).await.is_ok());
        assert!(store.agent_by_id(&store.agent.id).await.is_ok());
    }

    async fn a_change_that_another_overtakes_is_decided_anew(store: TestStore) {
        let (workspace, id) = (&store.workspace.id, &store.channel.id);
        let other = store.reopen().await;
        let tries = Cell::new(0);
        // While the first decides, the second writes.
        let decided = store.change_channel(workspace, id, |channel| {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                let renamed = |channel| Ok::<_, ()>(Channel { name: "overtaken".to_owned(), ..channel });
                let change = other.change_channel(workspace, id, renamed);
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(change)).unwrap();
            }
            Ok::<_, ()>(Channel { state_reason: Some(format!("decided on {}", channel.name)), ..channel })
        });
        let changed = decided.await.unwrap().unwrap().unwrap();
        assert_eq!((tries.get(), changed.name.as_str()), (2, "overtaken"));
        assert_eq!(changed.state_reason.as_deref(), Some("decided on overtaken"));
        assert!(store.change_channel("another", id, Ok::<_, ()>).await.unwrap().is_none());
    }
}
