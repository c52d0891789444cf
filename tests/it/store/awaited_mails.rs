//! Mails that another one has named before they came.

use crate::support::databases::on_both_databases;

on_both_databases! {
    async fn a_mail_is_waited_for_in_its_channel_and_workspace_for_a_while(store: TestStore) {
        let waiting = async |workspace, channel| store.waiting_for_mail(workspace, channel, "a@people.example").await.unwrap();
        for conversation in ["one", "two", "one"] {
            store.await_mail("acme", "mail", "a@people.example", conversation).await.unwrap();
            store.clock().advance(1);
        }
        assert_eq!(waiting("acme", "mail").await, ["one", "two"]);
        assert!(waiting("acme", "another").await.is_empty() && waiting("rival", "mail").await.is_empty());
        store.clock().advance(15 * 24 * 60 * 60 * 1_000);
        assert!(waiting("acme", "mail").await.is_empty());
        store.await_mail("acme", "mail", "a@people.example", "three").await.unwrap();
        assert_eq!(waiting("acme", "mail").await, ["three"]);
    }
}
