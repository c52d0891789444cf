//! Users, their sessions, and the workspaces that they found.

use serde_json::json;
use switchboard::domain::calendars::Place;
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::domain::members::Role;
use switchboard::domain::users::User;
use switchboard::domain::workspaces::{CodeTemplate, Workspace, WorkspaceSettings};
use switchboard::store::sessions::NewSession;
use switchboard::store::users::{Founder, StoredUser};
use switchboard_channels::Kind;

use crate::support::databases::{TestStore, on_both_databases};

pub fn user(store: &TestStore, email: &str) -> StoredUser {
    let user = User {
        id: store.id(),
        email: Some(email.to_owned()),
        phone: None,
        name: "Jane".to_owned(),
        created_at: store.clock().now(),
    };
    StoredUser { user, password: Some("$argon2id$x".to_owned()), tokens_from: 0 }
}

pub fn founded(store: &TestStore, name: &str) -> (Workspace, Channel) {
    let created_at = store.clock().now();
    let workspace = Workspace { id: store.id(), name: name.to_owned(), plan: "free".to_owned(), created_at };
    let channel = Channel {
        id: store.id(),
        workspace_id: workspace.id.clone(),
        kind: Kind::Api,
        name: "api".to_owned(),
        agent_id: None,
        account: None,
        business: None,
        state: ChannelState::Active,
        state_reason: None,
        origin: Origin::Operator,
        settings: json!({}),
    };
    (workspace, channel)
}

on_both_databases! {
    async fn a_workspace_is_founded_whole_or_not_at_all(store: TestStore) {
        assert!(!store.has_users().await.unwrap());
        let jane = user(&store, "jane@example.com");
        let (workspace, channel) = founded(&store, "Jane's");
        store.found_workspace(&workspace, &channel, Founder::New(&jane), None).await.unwrap();
        assert!(store.has_users().await.unwrap());
        assert_eq!(store.user_by_email("jane@example.com").await.unwrap().unwrap(), jane);
        let channels = store.channels(&workspace.id).await.unwrap();
        assert_eq!((channels.len(), &channels[0].id, channels[0].kind), (1, &channel.id, Kind::Api));
        assert_eq!(store.memberships(&jane.user.id).await.unwrap()[0].role, Role::Owner);

        let kim = user(&store, "kim@example.com");
        let (other, channel) = founded(&store, "Jane's");
        assert!(store.found_workspace(&other, &channel, Founder::New(&kim), None).await.unwrap_err().is_taken());
        let (other, channel) = founded(&store, "Second");
        let twin = user(&store, "jane@example.com");
        assert!(store.found_workspace(&other, &channel, Founder::New(&twin), None).await.unwrap_err().is_taken());
        assert!(store.workspace_named("Second").await.unwrap().is_none());
        assert!(store.user(&kim.user.id).await.unwrap().is_none());
        store.found_workspace(&other, &channel, Founder::Known(&jane.user.id), None).await.unwrap();
        assert_eq!(store.memberships(&jane.user.id).await.unwrap().len(), 2);

        let settings = WorkspaceSettings {
            time_zone: "Europe/Berlin".to_owned(),
            place: Some(Place { latitude: 52.52, longitude: 13.41, name: None }),
            code_template: Some(CodeTemplate { name: "code".to_owned(), language: "en".to_owned() }),
        };
        store.set_workspace(&other.id, "Renamed", &settings).await.unwrap();
        let (read, kept) = store.workspace(&other.id).await.unwrap().unwrap();
        assert_eq!((read.name.as_str(), kept), ("Renamed", settings));
    }

    async fn a_session_lasts_until_it_ends(store: TestStore) {
        let jane = user(&store, "jane@example.com");
        store.put_user(&jane).await.unwrap();
        let session = |hash: &str, ms: i64| NewSession {
            hash: hash.to_owned(),
            user_id: jane.user.id.clone(),
            expires_at: store.clock().now() + ms,
            ip: "127.0.0.1".to_owned(),
            client: "browser".to_owned(),
        };
        for (hash, ms) in [("a", 60_000), ("b", 60_000), ("c", 60_000), ("old", -1)] {
            store.open_session(&session(hash, ms)).await.unwrap();
        }
        assert_eq!(store.session("a").await.unwrap().unwrap().user_id, jane.user.id);
        assert!(store.session("old").await.unwrap().is_none());
        store.close_session("a").await.unwrap();
        assert!(store.session("a").await.unwrap().is_none());
        store.set_password(&jane.user.id, "$argon2id$y", Some("b")).await.unwrap();
        assert!(store.session("b").await.unwrap().is_some() && store.session("c").await.unwrap().is_none());
        let changed = store.user(&jane.user.id).await.unwrap().unwrap();
        assert!(changed.tokens_from > 0 && changed.password.as_deref() == Some("$argon2id$y"));
    }

    async fn two_users_share_no_address(store: TestStore) {
        let mut jane = user(&store, "jane@example.com");
        jane.user.phone = Some("+14155551234".to_owned());
        store.put_user(&jane).await.unwrap();
        let mut kim = user(&store, "kim@example.com");
        store.put_user(&kim).await.unwrap();
        kim.user.phone.clone_from(&jane.user.phone);
        assert!(store.put_user(&kim).await.unwrap_err().is_taken());
        assert_eq!(store.user_by_phone("+14155551234").await.unwrap().unwrap().user.id, jane.user.id);
        jane.user.phone = None;
        store.put_user(&jane).await.unwrap();
        store.put_user(&kim).await.unwrap();
    }
}
