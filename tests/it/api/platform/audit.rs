//! The audit log: what was done, by whom, from where, without secrets.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn tells_what_was_done_by_whom() {
    scenario(|gateway| async move {
        let owner = gateway.acme.session.clone();
        let sign_in = json!({"email": "owner@acme.example", "password": "a wrong guess"});
        assert_eq!(answer(gateway.ask("POST", "/api/auth/sign-in").json(&sign_in)).await.0, 401);
        let key = gateway.by_cookie(&owner, "POST", "/api/api-keys").json(&json!({"name": "shop"}));
        let (_, key) = answer(key).await;
        let settings = json!({"allowed_origins": ["*"], "identity_secret": "a secret of the site that is long"});
        let channel = gateway.acme("POST", "/api/channels");
        let (status, channel) =
            answer(channel.json(&json!({"kind": "widget", "name": "chat", "settings": settings}))).await;
        assert_eq!(status, 201, "{channel}");
        let path = format!("/api/channels/{}", channel["id"].as_str().unwrap());
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 204);
        let (_, invited) = answer(
            gateway
                .by_cookie(&owner, "POST", "/api/invitations")
                .json(&json!({"email": "kim@example.com", "role": "viewer"})),
        )
        .await;

        let (status, log) = answer(gateway.by_cookie(&owner, "GET", "/api/audit?limit=4")).await;
        assert_eq!((status, log["total"].as_i64()), (200, Some(5)), "{log}");
        let items = log["items"].as_array().unwrap();
        let actions: Vec<_> = items.iter().map(|item| item["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["invitation.created", "channel.removed", "channel.created", "key.created"]);
        assert_eq!(items[3]["target"], key["id"]);
        assert_eq!(items[3]["actor"], json!(format!("user:{}", gateway.acme.owner.id)));
        assert!(items[2]["actor"].as_str().unwrap().starts_with("key:"));
        assert_eq!((&items[3]["ip"], &items[3]["actor_name"]), (&json!("127.0.0.1"), &json!("owner")));
        let (_, rest) = answer(gateway.by_cookie(&owner, "GET", "/api/audit?offset=4")).await;
        assert_eq!(rest["items"][0]["action"], "auth.sign_in_failed");
        for secret in [&key["key"], &invited["token"]] {
            assert!(!log.to_string().contains(secret.as_str().unwrap()), "{log}");
        }
        assert!(!log.to_string().contains("secret of the site"));
        assert_eq!(answer(gateway.acme("GET", "/api/audit")).await.0, 403, "an admin's key does not own");
        let (_, other) = answer(gateway.by_cookie(&gateway.rival.session, "GET", "/api/audit")).await;
        assert_eq!(other["total"], 0);
    });
}
