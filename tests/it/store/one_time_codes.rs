//! Codes that sign a phone in.

use switchboard::store::one_time_codes::NewCode;

use crate::support::databases::{TestStore, on_both_databases};

fn code(store: &TestStore, hash: &str) -> NewCode {
    NewCode {
        id: store.id(),
        phone: "+14155551234".to_owned(),
        hash: hash.to_owned(),
        code: "123456".to_owned(),
        tries: 2,
        expires_at: store.clock().now() + 60_000,
    }
}

on_both_databases! {
    async fn a_code_is_used_once_and_bears_its_tries(store: TestStore) {
        let phone = "+14155551234";
        let tried = |hash: &'static str| {
            let store = &store;
            async move { store.try_code(phone, &[hash.to_owned()]).await.unwrap() }
        };
        assert!(!tried("right").await, "there is none");
        store.put_code(&code(&store, "right")).await.unwrap();
        assert!(!tried("wrong").await);
        let (one, two) = tokio::join!(tried("right"), tried("right"));
        assert!(one ^ two, "one of two at once");
        assert!(!tried("right").await);

        store.put_code(&code(&store, "right")).await.unwrap();
        assert!(!tried("wrong").await && !tried("wrong").await);
        assert!(!tried("right").await, "it has borne enough");
        store.put_code(&code(&store, "older")).await.unwrap();
        store.put_code(&code(&store, "newer")).await.unwrap();
        assert!(!tried("older").await && tried("newer").await);
        store.put_code(&code(&store, "right")).await.unwrap();
        store.clock().advance(60_001);
        assert!(!tried("right").await, "it has run out");
    }

    async fn a_code_is_readable_until_it_has_left(store: TestStore) {
        let code = code(&store, "hash");
        store.put_code(&code).await.unwrap();
        let unsent = store.unsent_code(&code.id).await.unwrap();
        assert_eq!(unsent, Some(("+14155551234".to_owned(), "123456".to_owned())));
        store.code_sent(&code.id).await.unwrap();
        assert_eq!(store.unsent_code(&code.id).await.unwrap(), None);
        assert!(store.try_code("+14155551234", &["hash".to_owned()]).await.unwrap());
    }
}
