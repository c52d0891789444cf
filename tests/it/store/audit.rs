//! The audit log: each workspace reads its own, the newest first.

use serde_json::json;
use switchboard::domain::audit::{Action, Deed};

use crate::support::databases::on_both_databases;

on_both_databases! {
    async fn each_workspace_reads_its_own(store: TestStore) {
        let deed = |workspace_id: Option<&str>, action: Action, target: &str| Deed {
            workspace_id: workspace_id.map(str::to_owned),
            actor: Some("user:1".to_owned()),
            actor_name: Some("Jane".to_owned()),
            action,
            target: Some(target.to_owned()),
            ip: Some("127.0.0.1".to_owned()),
            detail: json!({ "role": "admin" }),
        };
        let home = store.workspace.id.clone();
        store.add_deed(&deed(Some(&home), Action::KeyCreated, "a")).await.unwrap();
        store.add_deed(&deed(Some(&home), Action::KeyRevoked, "b")).await.unwrap();
        store.add_deed(&deed(Some("away"), Action::KeyCreated, "c")).await.unwrap();
        store.add_deed(&deed(None, Action::SignInFailed, "d")).await.unwrap();
        let (lines, total) = store.audit(&home, 1, 0).await.unwrap();
        assert_eq!((lines[0].action.as_str(), lines[0].target.as_deref(), total), ("key.revoked", Some("b"), 2));
        assert_eq!((lines[0].detail["role"].as_str(), lines[0].actor_name.as_deref()), (Some("admin"), Some("Jane")));
        assert_eq!(store.audit(&home, 10, 1).await.unwrap().0[0].target.as_deref(), Some("a"));
    }
}
