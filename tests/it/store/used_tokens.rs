//! Proofs that may be used once only.

use crate::support::databases::on_both_databases;

on_both_databases! {
    async fn a_token_is_used_once_in_its_channel(store: TestStore) {
        assert!(store.use_token("one", "token").await.unwrap());
        assert!(!store.use_token("one", "token").await.unwrap());
        assert!(store.use_token("other", "token").await.unwrap(), "another channel has another vendor's account");
        assert!(store.use_token("one", "another").await.unwrap());
        let (one, two) = tokio::join!(store.use_token("one", "race"), store.use_token("one", "race"));
        assert_ne!(one.unwrap(), two.unwrap());
    }

    async fn a_token_that_came_to_nothing_may_be_used_again(store: TestStore) {
        assert!(store.use_token("one", "token").await.unwrap());
        store.give_back_token("one", "token").await.unwrap();
        assert!(store.use_token("one", "token").await.unwrap());
    }
}
