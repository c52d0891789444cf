//! Members: listed, given other roles, removed.

use serde_json::json;
use switchboard::domain::members::Role;
use switchboard::domain::principals::Permission;

use crate::support::gateway::{answer, scenario};

#[test]
fn gives_roles_and_removes() {
    scenario(|gateway| async move {
        let (admin, admin_token) = gateway.member_with(&gateway.acme, "ada@example.com", Role::Admin).await;
        let (agent, agent_token) = gateway.member_with(&gateway.acme, "ben@example.com", Role::Agent).await;
        let owner = gateway.acme.owner.clone();
        let (status, list) = answer(gateway.by_cookie(&agent_token, "GET", "/api/members")).await;
        assert_eq!((status, list["total"].as_i64()), (200, Some(3)));
        assert_eq!((&list["items"][0]["role"], &list["items"][0]["id"]), (&json!("owner"), &json!(owner.id)));

        let give = |token: &str, id: &str, role: &str| {
            answer(gateway.by_cookie(token, "PATCH", &format!("/api/members/{id}")).json(&json!({"role": role})))
        };
        // Nobody gives more than they have, or takes it from who has more.
        assert_eq!(give(&agent_token, &admin.id, "viewer").await.0, 403);
        assert_eq!(give(&admin_token, &admin.id, "owner").await.0, 403);
        assert_eq!(give(&admin_token, &agent.id, "owner").await.0, 403);
        assert_eq!(give(&admin_token, &owner.id, "viewer").await.0, 403);
        assert_eq!(give(&admin_token, &agent.id, "king").await.0, 400);
        let (status, body) = give(&gateway.acme.session, &owner.id, "admin").await;
        assert_eq!((status, &body["error"]["code"]), (409, &json!("CONFLICT")), "the last owner stays: {body}");
        let manager = gateway.key_with(&gateway.acme, &[Permission::Manage]).await;
        let by_key = gateway.ask("PATCH", &format!("/api/members/{}", agent.id)).bearer_auth(&manager);
        assert_eq!(answer(by_key.json(&json!({"role": "viewer"}))).await.0, 403, "a key neither");

        assert_eq!(give(&admin_token, &agent.id, "admin").await.1["role"], "admin");
        assert_eq!(answer(gateway.by_cookie(&agent_token, "GET", "/api/invitations")).await.0, 200, "at once");
        assert_eq!(give(&gateway.acme.session, &admin.id, "owner").await.1["role"], "owner");
        assert_eq!(give(&admin_token, &owner.id, "viewer").await.1["role"], "viewer", "there is another owner");

        let remove = |id: &str| answer(gateway.by_cookie(&admin_token, "DELETE", &format!("/api/members/{id}")));
        assert_eq!(answer(gateway.by_cookie(&agent_token, "GET", "/api/members")).await.0, 200);
        assert_eq!(remove(&agent.id).await.0, 204);
        assert_eq!(
            answer(gateway.by_cookie(&agent_token, "GET", "/api/members")).await.0,
            400,
            "they have no workspace"
        );
        let named =
            gateway.by_cookie(&agent_token, "GET", "/api/members").header("x-tenant-id", &gateway.acme.workspace.id);
        assert_eq!(answer(named).await.0, 404);
        assert_eq!(remove(&agent.id).await.0, 404);
        assert_eq!(remove(&admin.id).await.0, 409, "the last owner does not leave");
    });
}
