//! People make an account, sign in and out; and what a session may do.

use reqwest::StatusCode;
use serde_json::{Value, json};
use switchboard::domain::members::Role;

use crate::support::gateway::{Gateway, answer, scenario};

const PASSWORD: &str = "correct horse battery staple";

/// Posts a body to an address, and gives the status, the session's token if the answer sets one, and the body.
async fn post(gateway: &Gateway, path: &str, body: &Value) -> (StatusCode, Option<String>, Value) {
    let response = gateway.ask("POST", path).json(body).send().await.unwrap();
    let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
    let token = cookie.map(|cookie| {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
            assert!(attributes.split("; ").any(|one| one == attribute), "{cookie}");
        }
        pair.strip_prefix("session_token=").unwrap().to_owned()
    });
    (response.status(), token, response.json().await.unwrap())
}

async fn sign_up(gateway: &Gateway, email: &str) -> (String, Value) {
    let asked = json!({"email": email, "password": PASSWORD, "name": "Jane Doe"});
    let (status, token, body) = post(gateway, "/api/auth/sign-up", &asked).await;
    assert_eq!(status, 201, "{body}");
    (token.unwrap(), body)
}

#[test]
fn signs_up_in_and_out() {
    scenario(|gateway| async move {
        let asked =
            json!({"email": " Jane@Example.com ", "password": PASSWORD, "name": "Jane", "workspace_name": "Jane's"});
        let (status, token, made) = post(&gateway, "/api/auth/sign-up", &asked).await;
        assert_eq!((status.as_u16(), &made["user"]["email"]), (201, &json!("jane@example.com")), "{made}");
        assert_eq!((&made["workspaces"][0]["role"], &made["workspaces"][0]["plan"]), (&json!("owner"), &json!("free")));
        // The cookie alone reads, as the user has one workspace; its HTTP channel is there.
        let token = token.unwrap();
        let (status, channels) = answer(gateway.by_cookie(&token, "GET", "/api/channels")).await;
        assert_eq!((status, &channels["items"][0]["kind"]), (200, &json!("api")), "{channels}");
        let (_, session) = answer(gateway.by_cookie(&token, "GET", "/api/auth/session")).await;
        assert_eq!(session["workspaces"], made["workspaces"]);

        for (asked, code) in [
            (json!({"email": "jane@example.com", "password": PASSWORD, "name": "Jane"}), "CONFLICT"),
            (
                json!({"email": "kim@example.com", "password": PASSWORD, "name": "Kim", "workspace_name": "Jane's"}),
                "CONFLICT",
            ),
            (json!({"email": "kim", "password": "short", "name": " "}), "INVALID_REQUEST"),
        ] {
            let (_, token, body) = post(&gateway, "/api/auth/sign-up", &asked).await;
            assert_eq!((token, &body["error"]["code"]), (None, &json!(code)), "{body}");
        }

        let right = json!({"email": "JANE@example.com", "password": PASSWORD});
        let (status, second, body) = post(&gateway, "/api/auth/sign-in", &right).await;
        assert_eq!((status.as_u16(), &body["user"]["id"]), (200, &made["user"]["id"]));
        let second = second.unwrap();
        assert_eq!(gateway.by_cookie(&second, "POST", "/api/auth/sign-out").send().await.unwrap().status(), 204);
        assert_eq!(answer(gateway.by_cookie(&second, "GET", "/api/auth/session")).await.0, 401);
        assert_eq!(answer(gateway.by_cookie(&token, "GET", "/api/auth/session")).await.0, 200, "the other one stays");
        assert_eq!(gateway.ask("POST", "/api/auth/sign-out").send().await.unwrap().status(), 204);

        // A session runs out.
        gateway.switchboard.store.clock().advance(31 * 24 * 60 * 60 * 1_000);
        assert_eq!(answer(gateway.by_cookie(&token, "GET", "/api/auth/session")).await.0, 401);
    });
}

#[test]
fn says_the_same_of_accounts_that_exist_and_that_do_not() {
    scenario(|gateway| async move {
        sign_up(&gateway, "jane@example.com").await;
        let mut said = Vec::new();
        for email in ["jane@example.com", "nobody@example.com", "owner@acme.example"] {
            let mut answers = Vec::new();
            for _ in 0..12 {
                let asked = json!({"email": email, "password": "wrong password"});
                let response = gateway.ask("POST", "/api/auth/sign-in").json(&asked).send().await.unwrap();
                let status = response.status().as_u16();
                assert_eq!(status == 429, response.headers().contains_key("retry-after"));
                let body: Value = response.json().await.unwrap();
                answers.push((status, body["error"]["code"].clone()));
            }
            assert_eq!(answers.iter().filter(|(status, _)| *status == 401).count(), 10, "{answers:?}");
            said.push(answers);
            gateway.switchboard.store.clock().advance(3_600_000);
        }
        assert!(said.iter().all(|answers| *answers == said[0]), "{said:?}");
    });
}

#[test]
fn changes_the_password_and_ends_the_other_sessions() {
    scenario(|gateway| async move {
        let (token, _) = sign_up(&gateway, "jane@example.com").await;
        let (_, other, _) =
            post(&gateway, "/api/auth/sign-in", &json!({"email": "jane@example.com", "password": PASSWORD})).await;
        let other = other.unwrap();
        assert_eq!(answer(gateway.by_cookie(&other, "GET", "/api/auth/session")).await.0, 200);
        let change = |current: &str, new: &str| {
            let asked = json!({"current_password": current, "new_password": new});
            answer(gateway.by_cookie(&token, "POST", "/api/auth/password").json(&asked))
        };
        assert_eq!(
            change("wrong password", "purple lamp seven").await.1["error"]["details"][0]["field"],
            "current_password"
        );
        assert_eq!(change(PASSWORD, "short").await.1["error"]["details"][0]["field"], "new_password");
        assert_eq!(change(PASSWORD, "purple lamp seven").await.0, 204);
        assert_eq!(answer(gateway.by_cookie(&token, "GET", "/api/auth/session")).await.0, 200);
        assert_eq!(answer(gateway.by_cookie(&other, "GET", "/api/auth/session")).await.0, 401);
        for (password, status) in [(PASSWORD, 401), ("purple lamp seven", 200)] {
            let asked = json!({"email": "jane@example.com", "password": password});
            assert_eq!(post(&gateway, "/api/auth/sign-in", &asked).await.0, status);
        }
    });
}

#[test]
fn a_session_does_what_its_role_may_in_the_workspace_that_it_names() {
    scenario(|gateway| async move {
        // The reference's examples: a cookie and x-tenant-id, nothing else.
        let (acme, rival) = (gateway.acme.workspace.id.clone(), gateway.rival.workspace.id.clone());
        let owner = gateway.acme.session.clone();
        let ask = |token: &str, method: &str, tenant: &str| {
            gateway.by_cookie(token, method, "/api/contacts").header("x-tenant-id", tenant)
        };
        let jane = json!({"name": "Jane Doe", "phone": "+14155551234"});
        assert_eq!(answer(ask(&owner, "POST", &acme).json(&jane)).await.0, 201);
        assert_eq!(answer(ask(&owner, "GET", &acme.to_uppercase())).await.1["total"], 1);
        assert_eq!(answer(ask(&owner, "GET", &rival)).await.0, 404, "another's workspace does not exist");
        assert_eq!(answer(ask(&owner, "GET", "nonsense")).await.0, 404);
        assert_eq!(answer(ask("no such session", "GET", &acme)).await.0, 401);

        // A member of two workspaces says which.
        let (viewer, token) = gateway.member_with(&gateway.acme, "vera@example.com", Role::Viewer).await;
        assert_eq!(answer(gateway.by_cookie(&token, "GET", "/api/contacts")).await.0, 200);
        gateway.switchboard.store.put_member(&rival, &viewer.id, Role::Admin).await.unwrap();
        gateway.switchboard.directory.forget_person(&viewer.id);
        let (status, body) = answer(gateway.by_cookie(&token, "GET", "/api/contacts")).await;
        assert_eq!((status, &body["error"]["details"][0]["field"]), (400, &json!("x-tenant-id")), "{body}");
        assert_eq!(answer(ask(&token, "GET", &acme)).await.1["total"], 1);
        assert_eq!(answer(ask(&token, "GET", &rival)).await.1["total"], 0);
        let (status, body) = answer(ask(&token, "POST", &acme).json(&json!({"name": "X"}))).await;
        assert_eq!((status, &body["error"]["code"]), (403, &json!("FORBIDDEN")), "a viewer looks on: {body}");
        assert_eq!(answer(ask(&token, "POST", &rival).json(&json!({"name": "X"}))).await.0, 201);
        let key = gateway.acme("GET", "/api/contacts").header("x-tenant-id", &rival);
        assert_eq!(answer(key).await.0, 404, "a key names no other workspace either");
    });
}

#[test]
fn another_sites_page_changes_nothing_with_a_session() {
    scenario(|gateway| async move {
        let token = gateway.acme.session.clone();
        let own = gateway.url.clone();
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("x-tenant-id", &gateway.acme.workspace.id)], false),
            (&[("origin", &own)], true),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil.example"), ("x-tenant-id", &gateway.acme.workspace.id)], false),
        ];
        for (headers, passes) in cases {
            let with = |mut request: reqwest::RequestBuilder| {
                for (name, value) in *headers {
                    request = request.header(*name, *value);
                }
                request
            };
            let change = with(gateway.by_cookie(&token, "POST", "/api/contacts")).json(&json!({"name": "X"}));
            assert_eq!(answer(change).await.0, if *passes { 201 } else { 403 }, "{headers:?}");
            let sign_in = json!({"email": "jane@example.com", "password": "wrong password"});
            let sign_in = with(gateway.ask("POST", "/api/auth/sign-in")).json(&sign_in);
            assert_eq!(answer(sign_in).await.0, if *passes { 401 } else { 403 }, "{headers:?}");
            let read = with(gateway.by_cookie(&token, "GET", "/api/contacts"));
            assert_eq!(answer(read).await.0, 200, "a page reads nothing of the answer: {headers:?}");
            let key = with(gateway.acme("POST", "/api/contacts")).json(&json!({"name": "X"}));
            assert_eq!(answer(key).await.0, 201, "a key is nobody's but its owner's: {headers:?}");
        }
    });
}
