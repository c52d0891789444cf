//! Calendars and whereabouts: an address is sealed and its workspace's own.

use switchboard::domain::calendars::{Calendar, Place};
use switchboard::store::StoreError;

use crate::support::databases::{on_both_databases, workspace};

on_both_databases! {
    async fn an_address_is_sealed_and_its_workspaces_own(store: TestStore) {
        let id = store.workspace.id.clone();
        let calendar =
            Calendar { id: store.id(), name: "Team".to_owned(), host: "example.com".to_owned(), created_at: 1 };
        store.add_calendar(&id, &calendar, "https://example.com/secret.ics", None).await.unwrap();
        assert_eq!(store.calendars(&id, 10, 0).await.unwrap(), (vec![calendar.clone()], 1));
        assert_eq!(store.calendar(&id, &calendar.id).await.unwrap().as_ref(), Some(&calendar));
        let address = store.calendar_address(&id, &calendar.id).await.unwrap();
        assert_eq!(address.as_deref(), Some("https://example.com/secret.ics"));
        let stranger = store.reopen_with_key(&[8; 32]).await;
        let error = stranger.calendar_address(&id, &calendar.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { table: "calendars", column: "address", .. }));
        let rival = workspace(&store, "rival").await;
        assert_eq!(store.calendar_address(&rival.id, &calendar.id).await.unwrap(), None);
        assert_eq!(store.calendars(&rival.id, 10, 0).await.unwrap().1, 0);
        assert!(!store.remove_calendar(&rival.id, &calendar.id).await.unwrap());
        assert!(store.remove_calendar(&id, &calendar.id).await.unwrap());
    }

    async fn a_workspace_says_where_and_when_it_is(store: TestStore) {
        let id = store.workspace.id.clone();
        assert_eq!(store.whereabouts(&id).await.unwrap(), ("UTC".to_owned(), None));
        let place = Place { latitude: -36.85, longitude: 174.76, name: None };
        store.put_time_zone(&id, "Pacific/Auckland").await.unwrap();
        store.put_place(&id, Some(&place)).await.unwrap();
        assert_eq!(store.whereabouts(&id).await.unwrap(), ("Pacific/Auckland".to_owned(), Some(place)));
        store.put_place(&id, None).await.unwrap();
        assert_eq!(store.whereabouts(&id).await.unwrap().1, None);
    }
}
