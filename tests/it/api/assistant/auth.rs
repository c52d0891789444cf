//! Signing in with a phone: the code comes by SMS, and the token it gives opens every surface.

use serde_json::{Value, json};
use switchboard::domain::members::Role;
use switchboard::domain::users::User;
use switchboard::store::users::StoredUser;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;

const PHONE: &str = "+4915112345678";

/// Gives the owner the phone, and the workspace an SMS channel.
async fn with_phone(gateway: &Gateway) {
    let owner = User { phone: Some(PHONE.to_owned()), ..gateway.acme.owner.clone() };
    let stored = StoredUser { user: owner, password: None, tokens_from: 0 };
    gateway.switchboard.store.put_user(&stored).await.unwrap();
    let sender = gateway.twilio.senders.iter().find(|sender| sender.starts_with('+')).unwrap();
    let settings = json!({
        "account_sid": gateway.twilio.account_sid, "auth_token": gateway.twilio.auth_token, "sender": sender,
    });
    let made = gateway.acme("POST", "/api/channels");
    let (status, body) = answer(made.json(&json!({"kind": "twilio", "name": "sms", "settings": settings}))).await;
    assert_eq!(status, 201, "{body}");
    // Only an operator's file leads to an address of this machine.
    let store = &gateway.switchboard.store;
    let base_url = gateway.simulator.base_url();
    let mut channel = store.channel(&gateway.acme.workspace.id, body["id"].as_str().unwrap()).await.unwrap().unwrap();
    channel.settings["base_url"] = json!(base_url);
    store.put_channel(&channel).await.unwrap();
    gateway.switchboard.directory.forget_channel(&channel.id);
}

async fn send(gateway: &Gateway, phone: &str) -> (u16, Value) {
    answer(gateway.ask("POST", "/api/v1/auth/otp/send").json(&json!({"phone": phone}))).await
}

async fn verify(gateway: &Gateway, phone: &str, otp: &str) -> (u16, Value) {
    answer(gateway.ask("POST", "/api/v1/auth/otp/verify").json(&json!({"phone": phone, "otp": otp}))).await
}

/// The codes that the vendor was given, in order; waits until there are so many, or more.
async fn codes(gateway: &Gateway, count: usize) -> Vec<String> {
    let books = format!("{}/sim/books/{}", gateway.simulator.base_url(), gateway.twilio.account_sid);
    await_some("the codes to come", || async {
        let books: Value = gateway.elsewhere(&books).send().await.unwrap().json().await.unwrap();
        let sent = books["messages"].as_array().unwrap();
        let code = |message: &Value| message["text"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        if sent.len() >= count { Ok(sent.iter().map(code).collect()) } else { Err(format!("{books}")) }
    })
    .await
}

fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[test]
fn a_code_gives_a_token_that_opens_every_surface() {
    scenario(|gateway| async move {
        with_phone(&gateway).await;
        let (status, said) = send(&gateway, "+49 151 12345678").await;
        assert_eq!((status, &said["success"], &said["data"]["expires_in"]), (200, &json!(true), &json!(300)), "{said}");
        let code = codes(&gateway, 1).await.remove(0);
        let (status, wrong) = verify(&gateway, PHONE, &another(&code)).await;
        assert_eq!((status, &wrong["error"]["code"], &wrong["data"]), (401, &json!("UNAUTHENTICATED"), &Value::Null));
        let (status, right) = verify(&gateway, PHONE, &code).await;
        let data = &right["data"];
        assert_eq!(
            (status, &data["token_type"], &data["expires_in"]),
            (200, &json!("bearer"), &json!(86_400)),
            "{right}"
        );
        assert_eq!(verify(&gateway, PHONE, &code).await.0, 401, "once only");

        let token = data["access_token"].as_str().unwrap();
        for path in ["/api/contacts", "/api/auth/session", "/api/audit", "/api/workspaces"] {
            assert_eq!(answer(gateway.ask("GET", path).bearer_auth(token)).await.0, 200, "{path}");
        }
        let spoilt = format!("{}x", token.split_at(token.len() - 1).0);
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", token.split('.').nth(1).unwrap());
        for bad in [spoilt, unsigned] {
            assert_eq!(answer(gateway.ask("GET", "/api/contacts").bearer_auth(bad)).await.0, 401);
        }
        let foreign = gateway.ask("GET", "/api/contacts").bearer_auth(token);
        assert_eq!(answer(foreign.header("x-tenant-id", &gateway.rival.workspace.id)).await.0, 404);

        // Who is removed is out at once, and a token runs out by itself.
        let (acme, owner) = (&gateway.acme.workspace.id, &gateway.acme.owner.id);
        gateway.member_with(&gateway.acme, "next@example.com", Role::Owner).await;
        gateway.switchboard.store.change_member(acme, owner, Role::Owner, None).await.unwrap();
        gateway.switchboard.directory.forget_person(owner);
        assert_eq!(answer(gateway.ask("GET", "/api/contacts").bearer_auth(token)).await.0, 401);
        gateway.switchboard.store.put_member(acme, owner, Role::Viewer).await.unwrap();
        gateway.switchboard.directory.forget_person(owner);
        assert_eq!(answer(gateway.ask("GET", "/api/contacts").bearer_auth(token)).await.0, 200);
        gateway.switchboard.store.clock().advance(86_401_000);
        assert_eq!(answer(gateway.ask("GET", "/api/contacts").bearer_auth(token)).await.0, 401);
    });
}

#[test]
fn a_code_bears_five_tries_and_five_minutes() {
    scenario(|gateway| async move {
        with_phone(&gateway).await;
        send(&gateway, PHONE).await;
        let first = codes(&gateway, 1).await.remove(0);
        for _ in 0..5 {
            assert_eq!(verify(&gateway, PHONE, &another(&first)).await.0, 401);
        }
        assert_eq!(verify(&gateway, PHONE, &first).await.0, 401, "it has borne enough");
        send(&gateway, PHONE).await;
        let second = codes(&gateway, 2).await.remove(1);
        gateway.switchboard.store.clock().advance(5 * 60_000 + 1);
        assert_eq!(verify(&gateway, PHONE, &second).await.0, 401, "it has run out");
    });
}

#[test]
fn nothing_tells_whether_a_number_is_known() {
    scenario(|gateway| async move {
        with_phone(&gateway).await;
        let mut said = Vec::new();
        for phone in [PHONE, "+4915187654321"] {
            let mut answers = Vec::new();
            for _ in 0..4 {
                let (status, body) = send(&gateway, phone).await;
                answers.push((status, body["data"].clone(), body["error"]["code"].clone()));
            }
            let (status, body) = verify(&gateway, phone, "000000").await;
            answers.push((status, body["data"].clone(), body["error"]["message"].clone()));
            said.push(answers);
        }
        assert_eq!(said[0], said[1]);
        assert_eq!(said[0].iter().map(|(status, ..)| *status).collect::<Vec<_>>(), [200, 200, 200, 429, 401]);
        let limited = gateway.ask("POST", "/api/v1/auth/otp/send").json(&json!({"phone": PHONE})).send().await.unwrap();
        assert!(limited.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
        for (phone, otp, field) in [("123", "123456", "phone"), (PHONE, "12345", "otp"), (PHONE, "12345x", "otp")] {
            assert_eq!(verify(&gateway, phone, otp).await.1["error"]["details"][0]["field"], field);
        }
        // A code that a newer one has replaced before it left is not sent.
        assert!(codes(&gateway, 1).await.len() <= 3, "only the known number is written to");
    });
}
