//! Mailboxes: one living node at a time looks into each, and what it has read is remembered.

use switchboard::store::mailboxes::ReadUpTo;

use crate::support::databases::{LEASE_MS, on_both_databases};

on_both_databases! {
    async fn a_mailbox_is_read_from_the_making_of_its_channel_on(store: TestStore) {
        let id = store.channel.id.clone();
        assert_eq!(store.mailbox(&id).await.unwrap(), None);
        assert!(store.claim_mailbox(&id).await.unwrap());
        let begun = store.mailbox(&id).await.unwrap().unwrap();
        assert_eq!((begun.folder.as_str(), begun.uid_validity, begun.last_uid), ("", 0, 0));
        let age = store.clock().now() - begun.read_until;
        assert!((0..60_000).contains(&age), "{age}");
        let read = ReadUpTo { folder: "f".to_owned(), uid_validity: i64::from(u32::MAX), last_uid: 41, read_until: 7 };
        assert!(store.advance_mailbox(&id, &read).await.unwrap());
        assert!(store.claim_mailbox(&id).await.unwrap(), "what is ours stays ours");
        assert_eq!(store.mailbox(&id).await.unwrap(), Some(read));
        assert!(!store.claim_mailbox("no channel").await.unwrap());
    }

    async fn a_mailbox_is_another_nodes_once_the_first_one_ends(store: TestStore) {
        let id = store.channel.id.clone();
        assert!(store.claim_mailbox(&id).await.unwrap());
        let read = ReadUpTo { folder: "f".to_owned(), uid_validity: 1, last_uid: 2, read_until: 3 };
        assert!(store.advance_mailbox(&id, &read).await.unwrap());
        let other = store.reopen().await;
        if store.is_shared() {
            assert!(!other.claim_mailbox(&id).await.unwrap(), "the first one lives");
            assert_eq!(other.mailbox(&id).await.unwrap(), None);
            assert!(!other.advance_mailbox(&id, &ReadUpTo { last_uid: 9, ..read.clone() }).await.unwrap());
            store.release_lease().await.unwrap();
        }
        assert!(other.claim_mailbox(&id).await.unwrap());
        assert_eq!(other.mailbox(&id).await.unwrap().as_ref(), Some(&read));
        assert!(!store.advance_mailbox(&id, &ReadUpTo { last_uid: 1, ..read.clone() }).await.unwrap(), "it is fenced");
        store.rejoin(LEASE_MS).await.unwrap();
        assert!(!store.is_shared() || !store.claim_mailbox(&id).await.unwrap());
        assert_eq!(other.mailbox(&id).await.unwrap(), Some(read));
    }

    async fn two_nodes_that_claim_at_once_do_not_both_win(store: TestStore) {
        let other = store.reopen().await;
        if store.is_shared() {
            let (one, two) = tokio::join!(store.claim_mailbox(&store.channel.id), other.claim_mailbox(&store.channel.id));
            assert_ne!(one.unwrap(), two.unwrap());
        }
    }
}
