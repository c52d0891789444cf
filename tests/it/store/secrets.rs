//! Secrets at rest: readable with the installation's master key only.

use switchboard::store::StoreError;
use switchboard_channels::Kind;

use crate::support::databases::on_both_databases;

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
}
