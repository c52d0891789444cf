//! Idempotency keys outside the hot path: what a key makes and the key itself are there together or not at all.

use switchboard::domain::api_keys::hash;
use switchboard::domain::changes::Idempotency;
use switchboard::domain::files::File;
use switchboard::domain::principals::{Permission, Permissions};
use switchboard::store::api_keys::NewApiKey;
use switchboard::store::users::Founder;

use super::users::{founded, user};
use crate::support::databases::{TestStore, on_both_databases};

fn under(id: &str) -> Idempotency {
    Idempotency { key: "k".to_owned(), request_hash: "h".to_owned(), result_id: id.to_owned() }
}

fn file(store: &TestStore) -> File {
    let sha256 = hash("bytes");
    File { id: store.id(), sha256, size: 5, mime_type: "text/plain".to_owned(), filename: None }
}

fn api_key(store: &TestStore, name: &str) -> NewApiKey {
    let id = store.id();
    NewApiKey {
        hash: hash(&id),
        id,
        workspace_id: store.workspace.id.clone(),
        agent_id: None,
        name: name.to_owned(),
        prefix: "sb_".to_owned(),
        scopes: Permissions::of(&[Permission::Read]),
        requests_per_minute: None,
        expires_at: None,
        created_by: None,
    }
}

on_both_databases! {
    async fn a_key_is_reserved_once(store: TestStore) {
        let home = store.workspace.id.clone();
        let (one, two) = (under("one"), under("two"));
        let (first, second) = tokio::join!(store.reserve(&home, &one), store.reserve(&home, &two));
        let found: Vec<_> = [first.unwrap(), second.unwrap()].into_iter().flatten().collect();
        assert!(found.len() == 1 && (found[0] == one || found[0] == two), "{found:?}");
        assert_eq!(store.reserve("elsewhere", &two).await.unwrap(), None);
    }

    async fn a_file_and_an_api_key_are_made_once(store: TestStore) {
        let home = store.workspace.id.clone();
        let (first, second) = (file(&store), file(&store));
        let key = under(&first.id);
        assert_eq!(store.put_file(&home, &first, Some(&key)).await.unwrap(), None);
        assert_eq!(store.put_file(&home, &second, Some(&under(&second.id))).await.unwrap(), Some(key));
        assert!(store.file(&home, &second.id).await.unwrap().is_none());

        let (first, twin, second) = (api_key(&store, "shop"), api_key(&store, "shop"), api_key(&store, "other"));
        let key = Idempotency { key: "another".to_owned(), ..under(&first.id) };
        assert_eq!(store.put_api_key_once(&first, Some(&key)).await.unwrap(), None);
        assert_eq!(store.put_api_key_once(&second, Some(&key)).await.unwrap(), Some(key));
        assert!(store.api_key(&home, &second.id).await.unwrap().is_none());
        let free = Idempotency { key: "free".to_owned(), ..under(&twin.id) };
        assert!(store.put_api_key_once(&twin, Some(&free)).await.unwrap_err().is_taken());
        assert_eq!(store.put_api_key_once(&second, Some(&free)).await.unwrap(), None, "what failed used no key up");
    }

    async fn a_person_founds_once(store: TestStore) {
        let jane = user(&store, "jane@example.com");
        store.put_user(&jane).await.unwrap();
        let (first, channel) = founded(&store, "First");
        let key = under(&first.id);
        let founder = Founder::Known(&jane.user.id);
        assert_eq!(store.found_workspace(&first, &channel, founder, Some(&key)).await.unwrap(), None);
        let (second, channel) = founded(&store, "Second");
        assert_eq!(store.found_workspace(&second, &channel, founder, Some(&under("x"))).await.unwrap(), Some(key));
        assert_eq!(store.memberships(&jane.user.id).await.unwrap().len(), 1);
    }
}
