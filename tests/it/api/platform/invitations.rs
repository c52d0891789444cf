//! Invitations: made, withdrawn, accepted by who they are for.

use serde_json::{Value, json};
use switchboard::domain::members::Role;

use crate::support::gateway::{Gateway, answer, scenario};

async fn invite(gateway: &Gateway, token: &str, email: &str, role: &str) -> (u16, Value) {
    let asked = json!({"email": email, "role": role});
    answer(gateway.by_cookie(token, "POST", "/api/invitations").json(&asked)).await
}

#[test]
fn invites_and_is_accepted_once() {
    scenario(|gateway| async move {
        let owner = gateway.acme.session.clone();
        let (_, admin) = gateway.member_with(&gateway.acme, "ada@example.com", Role::Admin).await;
        assert_eq!(invite(&gateway, &admin, "kim@example.com", "owner").await.0, 403);
        assert_eq!(invite(&gateway, &owner, "kim", "agent").await.0, 400);
        let (status, made) = invite(&gateway, &owner, "Kim@Example.com", "agent").await;
        assert_eq!(
            (status, &made["mailed"], &made["email"]),
            (201, &json!(false), &json!("kim@example.com")),
            "{made}"
        );
        let (_, list) = answer(gateway.by_cookie(&owner, "GET", "/api/invitations")).await;
        assert_eq!((list["total"].as_i64(), &list["items"][0]["token"]), (Some(1), &Value::Null), "{list}");

        let accept = |body: Value| gateway.ask("POST", "/api/invitations/accept").json(&body);
        assert_eq!(answer(accept(json!({"token": "wrong", "password": "long enough"}))).await.0, 404);
        let (status, body) = answer(accept(json!({"token": made["token"]}))).await;
        assert_eq!((status, &body["error"]["details"][0]["field"]), (400, &json!("password")));
        let good = json!({"token": made["token"], "password": "long enough", "name": "Kim"});
        let (status, body) = answer(accept(good.clone())).await;
        assert_eq!((status, &body["workspaces"][0]["role"]), (200, &json!("agent")), "{body}");
        assert_eq!(answer(accept(good)).await.0, 404, "once only");
        let signs_in = json!({"email": "kim@example.com", "password": "long enough"});
        assert_eq!(answer(gateway.ask("POST", "/api/auth/sign-in").json(&signs_in)).await.0, 200);

        let (_, other) = invite(&gateway, &owner, "lee@example.com", "viewer").await;
        let path = format!("/api/invitations/{}", other["id"].as_str().unwrap());
        assert_eq!(answer(gateway.by_cookie(&owner, "DELETE", &path)).await.0, 204);
        assert_eq!(answer(gateway.by_cookie(&owner, "DELETE", &path)).await.0, 404);
        assert_eq!(answer(accept(json!({"token": other["token"], "password": "long enough"}))).await.0, 404);
        let (_, late) = invite(&gateway, &owner, "lee@example.com", "viewer").await;
        gateway.switchboard.store.clock().advance(8 * 24 * 60 * 60 * 1_000);
        assert_eq!(answer(accept(json!({"token": late["token"], "password": "long enough"}))).await.0, 404, "in time");
    });
}

#[test]
fn who_is_a_user_already_proves_it() {
    scenario(|gateway| async move {
        // The inviter knows the token: it must open nobody's account to them.
        let (_, made) = invite(&gateway, &gateway.acme.session, "owner@rival.example", "viewer").await;
        let accept = || gateway.ask("POST", "/api/invitations/accept");
        let with_password = json!({"token": made["token"], "password": "of the inviter"});
        assert_eq!(answer(accept().json(&with_password)).await.0, 401);
        let by_other = gateway.by_cookie(&gateway.acme.session, "POST", "/api/invitations/accept");
        assert_eq!(answer(by_other.json(&json!({"token": made["token"]}))).await.0, 401);
        let by_them = gateway.by_cookie(&gateway.rival.session, "POST", "/api/invitations/accept");
        let (status, body) = answer(by_them.json(&json!({"token": made["token"]}))).await;
        assert_eq!((status, body["workspaces"].as_array().map(Vec::len)), (200, Some(2)), "{body}");
    });
}
