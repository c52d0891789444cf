//! Accounts with providers of models: one a workspace and provider, sealed.

use switchboard::store::seal::Sealer;
use switchboard_channels::contract::credentials::Secret;

use crate::support::databases::{MASTER_KEY, on_both_databases};

on_both_databases! {
    async fn an_account_is_replaced_and_forgotten_by_its_workspace_alone(store: TestStore) {
        let home = store.workspace.id.as_str();
        assert_eq!(store.provider(home, "openai").await.unwrap(), None);
        store.put_provider(home, "openai", &Secret::new("one"), None).await.unwrap();
        store.put_provider(home, "openai", &Secret::new("two"), Some("https://x.example")).await.unwrap();
        store.put_provider(home, "gemini", &Secret::new("three"), None).await.unwrap();
        let listed = store.providers(home).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|(name, url, _)| (name.as_str(), url.as_deref())).collect();
        assert_eq!(listed, [("gemini", None), ("openai", Some("https://x.example"))]);
        assert_eq!(store.providers("another").await.unwrap(), []);
        let known = store.provider(home, "openai").await.unwrap().unwrap();
        assert_eq!((known.api_key.reveal(), known.base_url.as_deref()), ("two", Some("https://x.example")));
        assert_eq!(store.provider("another", "openai").await.unwrap(), None);
        assert!(!store.remove_provider("another", "openai").await.unwrap());
        assert!(store.remove_provider(home, "openai").await.unwrap());
        assert!(store.provider(home, "gemini").await.unwrap().is_some());
    }

    async fn its_key_is_sealed_anew_with_the_others(store: TestStore) {
        let home = store.workspace.id.as_str();
        store.put_provider(home, "openai", &Secret::new("one"), None).await.unwrap();
        let both = store.reopen_with(Sealer::new(&[8; 32]).with_previous(&MASTER_KEY)).await;
        both.reseal().await.unwrap();
        let after = store.reopen_with_key(&[8; 32]).await;
        assert_eq!(after.provider(home, "openai").await.unwrap().unwrap().api_key.reveal(), "one");
        assert!(store.provider(home, "openai").await.is_err());
    }
}
