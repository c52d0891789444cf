//! API keys: made with no more than their maker has, shown once, rotated, revoked.

use serde_json::{Value, json};
use switchboard::domain::members::Role;
use switchboard::domain::principals::Permission;

use crate::support::gateway::{Gateway, answer, scenario};

async fn works(gateway: &Gateway, key: &Value) -> bool {
    let status = answer(gateway.ask("GET", "/api/contacts").bearer_auth(key.as_str().unwrap())).await.0;
    assert!(status == 200 || status == 401, "{status}");
    status == 200
}

#[test]
fn makes_changes_and_revokes() {
    scenario(|gateway| async move {
        let (_, admin) = gateway.member_with(&gateway.acme, "ada@example.com", Role::Admin).await;
        let make = |body: Value| answer(gateway.by_cookie(&admin, "POST", "/api/api-keys").json(&body));
        let (status, made) = make(json!({"name": "shop", "scopes": ["read", "chat"]})).await;
        assert_eq!((status, &made["scopes"]), (201, &json!(["chat", "read"])), "{made}");
        assert!(made["key"].as_str().unwrap().starts_with(made["prefix"].as_str().unwrap()));
        assert!(made["created_by"].as_str().unwrap().starts_with("user:"));
        assert!(works(&gateway, &made["key"]).await);
        let write = gateway.ask("POST", "/api/contacts").bearer_auth(made["key"].as_str().unwrap());
        assert_eq!(answer(write.json(&json!({"name": "X"}))).await.0, 403);
        for (asked, status) in [
            (json!({"name": "shop"}), 409),
            (json!({"name": "root", "scopes": ["own"]}), 403),
            (json!({"name": "x", "scopes": ["fly"]}), 400),
            (json!({"name": "x", "scopes": []}), 400),
            (json!({"name": "x", "expires_at": 1}), 400),
            (json!({"name": "x", "agent_id": gateway.rival.agent.id}), 404),
            (json!({"name": "x", "agent_id": gateway.acme.agent.id, "scopes": ["read"]}), 400),
        ] {
            assert_eq!(make(asked.clone()).await.0, status, "{asked}");
        }
        let (_, bot) = make(json!({"name": "one agent", "agent_id": gateway.acme.agent.id})).await;
        assert_eq!(bot["scopes"], json!(["chat"]));
        assert_eq!(make(json!({"name": "usual"})).await.1["scopes"], json!(["chat", "read", "write", "manage"]));

        let path = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
        let (_, one) = answer(gateway.by_cookie(&admin, "GET", &path)).await;
        assert_eq!((&one["key"], one["last_used_at"].is_i64()), (&Value::Null, true), "{one}");
        let soon = gateway.switchboard.now() + 60_000;
        let patch = json!({"name": "shop 2", "scopes": ["read"], "expires_at": soon});
        let (status, changed) = answer(gateway.by_cookie(&admin, "PATCH", &path).json(&patch)).await;
        assert_eq!((status, &changed["scopes"], &changed["expires_at"]), (200, &json!(["read"]), &json!(soon)));
        let (_, changed) = answer(gateway.by_cookie(&admin, "PATCH", &path).json(&json!({"expires_at": null}))).await;
        assert_eq!((&changed["expires_at"], &changed["name"]), (&Value::Null, &json!("shop 2")));
        assert_eq!(answer(gateway.by_cookie(&admin, "DELETE", &path)).await.0, 204);
        assert!(!works(&gateway, &made["key"]).await, "at once");
        assert_eq!(answer(gateway.by_cookie(&admin, "DELETE", &path)).await.0, 204);
        assert_eq!(answer(gateway.by_cookie(&admin, "PATCH", &path).json(&json!({"name": "y"}))).await.0, 404);
        let list = gateway.read("/api/api-keys").await;
        assert!(
            list["items"].as_array().unwrap().iter().any(|key| key["name"] == "shop 2" && key["revoked_at"].is_i64())
        );
        assert!(!list.to_string().contains("hash"));
    });
}

#[test]
fn rotates_with_an_overlap_and_never_beyond_the_caller() {
    scenario(|gateway| async move {
        let owner = gateway.acme.session.clone();
        let make = json!({"name": "all", "scopes": ["chat", "read", "write", "manage", "own"]});
        let (_, made) = answer(gateway.by_cookie(&owner, "POST", "/api/api-keys").json(&make)).await;
        let path = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
        let rotate = format!("{path}/rotate");

        // Whoever could rotate it would have its secret, and with it what it may do.
        let manager = gateway.key_with(&gateway.acme, &[Permission::Manage, Permission::Read]).await;
        for (method, path, body) in
            [("POST", &rotate, json!({})), ("PATCH", &path, json!({"name": "mine"})), ("DELETE", &path, json!({}))]
        {
            let asked = gateway.ask(method, path).bearer_auth(&manager).json(&body);
            assert_eq!(answer(asked).await.0, 403, "{method} {path}");
        }

        let overlap = json!({"overlap_seconds": 60});
        let (status, second) = answer(gateway.by_cookie(&owner, "POST", &rotate).json(&overlap)).await;
        assert_eq!((status, &second["id"]), (200, &made["id"]), "{second}");
        assert!(second["old_secret_until"].is_i64() && second["prefix"] != made["prefix"]);
        assert!(works(&gateway, &made["key"]).await && works(&gateway, &second["key"]).await);
        gateway.switchboard.store.clock().advance(61_000);
        gateway.switchboard.directory.forget_key(made["id"].as_str().unwrap());
        assert!(!works(&gateway, &made["key"]).await && works(&gateway, &second["key"]).await);
        let (_, third) = answer(gateway.by_cookie(&owner, "POST", &rotate).json(&json!({}))).await;
        assert!(!works(&gateway, &second["key"]).await && works(&gateway, &third["key"]).await, "at once");
        let long = json!({"overlap_seconds": 2_592_001});
        assert_eq!(answer(gateway.by_cookie(&owner, "POST", &rotate).json(&long)).await.0, 400);
    });
}
