//! A member's line, with a real client at the other end.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Options;
use super::client::Client;
use super::rig::Rig;
use crate::actors::hub::Sight;
use crate::domain::changes::{Change, NewEvent};
use crate::domain::events::EventKind;
use crate::domain::members::Role;
use crate::domain::principals::{Permission, Permissions};
use crate::domain::users::User;
use crate::domain::workspaces::Workspace;
use crate::store::api_keys::NewApiKey;
use crate::store::sessions::NewSession;
use crate::store::users::StoredUser;

const KEY: &str = "sb_a-key-for-the-tests-of-live-events";

async fn add_key(rig: &Rig, key: &str, workspace_id: &str, agent_id: Option<&str>) {
    let id = rig.switchboard.store.clock().id();
    let key = NewApiKey {
        workspace_id: workspace_id.to_owned(),
        agent_id: agent_id.map(str::to_owned),
        name: format!("key {id}"),
        prefix: "sb_".to_owned(),
        hash: crate::domain::api_keys::hash(key),
        scopes: Permissions::of(&[Permission::Chat, Permission::Read, Permission::Write, Permission::Manage]),
        requests_per_minute: None,
        expires_at: None,
        created_by: None,
        id,
    };
    rig.switchboard.store.put_api_key(&key).await.unwrap();
}

async fn rig(options: Options) -> Rig {
    let rig = Rig::start(options).await;
    add_key(&rig, KEY, &rig.workspace_id, None).await;
    rig
}

async fn happens(rig: &Rig, kind: EventKind, count: usize) {
    let event = || NewEvent { kind, conversation_id: None, data: json!({ "contact_id": "c" }) };
    let events = std::iter::repeat_with(event).take(count).collect();
    let change = Change { workspace_id: rig.workspace_id.clone(), events, ..Change::default() };
    rig.switchboard.store.commit(change).await.unwrap();
}

async fn open(rig: &Rig, more: Value) -> Client {
    let mut hello = json!({ "type": "hello", "token": KEY });
    hello.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut line = Client::connect_to(rig, "/api/ws", &[]).await;
    line.send(&hello).await;
    line.expect("welcome").await;
    line
}

async fn numbers(line: &mut Client, count: usize) -> Vec<i64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.push(line.expect("event").await["seq"].as_i64().unwrap());
    }
    numbers
}

#[actix_web::test]
async fn what_was_missed_comes_first_and_then_what_happens() {
    let rig = rig(Options::default()).await;
    happens(&rig, EventKind::ContactUpdated, 450).await;
    let mut line = open(&rig, json!({ "since": 3 })).await;
    happens(&rig, EventKind::ContactCreated, 5).await;
    assert_eq!(numbers(&mut line, 452).await, (4..=455).collect::<Vec<_>>());
    happens(&rig, EventKind::ContactCreated, 1).await;
    let last = line.expect("event").await;
    assert_eq!((&last["seq"], &last["event"]), (&json!(456), &json!("contact.created")));
    assert_eq!((&last["conversation_id"], &last["data"]), (&Value::Null, &json!({ "contact_id": "c" })));
    assert!(last["at"].is_i64());
    let mut fresh = open(&rig, json!({})).await;
    assert_eq!(fresh.expect("live").await["seq"], 456);
    happens(&rig, EventKind::ContactCreated, 1).await;
    assert_eq!(numbers(&mut fresh, 1).await, [457]);
}

#[actix_web::test]
async fn more_than_a_client_can_take_in_waits_in_the_store() {
    let rig = rig(Options::default()).await;
    let mut line = open(&rig, json!({ "since": 0 })).await;
    // The client reads nothing, and so confirms nothing, while more happens than may be on its way.
    for _ in 0..6 {
        happens(&rig, EventKind::ContactUpdated, 500).await;
    }
    assert_eq!(numbers(&mut line, 3_000).await, (1..=3_000).collect::<Vec<_>>());
}

#[actix_web::test]
async fn who_missed_too_much_is_told_to_read_anew() {
    let rig = rig(Options::default()).await;
    happens(&rig, EventKind::ContactUpdated, 10).await;
    let mut line = open(&rig, json!({ "since": 11 })).await;
    assert_eq!(line.expect("resync").await["seq"], 10);
    happens(&rig, EventKind::ContactUpdated, 1).await;
    assert_eq!(numbers(&mut line, 1).await, [11]);
    for _ in 0..20 {
        happens(&rig, EventKind::ContactUpdated, 500).await;
    }
    let mut late = open(&rig, json!({ "since": 1 })).await;
    assert_eq!(late.expect("resync").await["seq"], 10_011);
}

#[actix_web::test]
async fn only_what_is_wanted_is_told() {
    let rig = rig(Options::default()).await;
    let (one, other) = (rig.visit().await, rig.visit().await);
    rig.says(&one, "a", "From one").await;
    rig.says(&other, "b", "From other").await;
    rig.settle(&one).await;
    rig.settle(&other).await;
    let id = rig.switchboard.conversation_to_visit(&one.visitor).await.unwrap();
    let mut line = open(&rig, json!({ "since": 0, "events": ["message.received"], "conversation_id": id })).await;
    let told = line.expect("event").await;
    assert_eq!((&told["conversation_id"], &told["data"]["message"]["body"]), (&json!(id), &json!("From one")));
    rig.says(&other, "c", "Unheard").await;
    rig.says(&one, "d", "Heard").await;
    assert_eq!(line.expect("event").await["data"]["message"]["body"], "Heard");
}

#[actix_web::test]
async fn a_line_opens_for_who_may_read_and_shows_their_workspace_only() {
    let rig = rig(Options::default()).await;
    let store = &rig.switchboard.store;
    let clock = store.clock();
    let rival = Workspace { id: clock.id(), name: "Rival".into(), plan: "free".into(), created_at: clock.now() };
    store.put_workspace(&rival).await.unwrap();
    let (theirs, agents) = ("sb_the-key-of-another-workspace-000000", "sb_the-key-of-one-agent-only-0000000000");
    add_key(&rig, theirs, &rival.id, None).await;
    add_key(&rig, agents, &rig.workspace_id, Some(&rig.agent_id)).await;
    for (hello, code) in [
        (json!({ "type": "hello" }), "UNAUTHENTICATED"),
        (json!({ "type": "hello", "token": "sb_nonsense-nonsense-nonsense-nonsense" }), "UNAUTHENTICATED"),
        (json!({ "type": "hello", "token": agents }), "FORBIDDEN"),
        (json!({ "type": "hello", "token": KEY, "events": ["message.*"] }), "INVALID_REQUEST"),
        (json!({ "type": "hello", "token": KEY, "since": -1 }), "INVALID_REQUEST"),
        (json!({ "type": "ping" }), "NOT_OPEN"),
    ] {
        let mut line = Client::connect_to(&rig, "/api/ws", &[]).await;
        line.send(&hello).await;
        assert_eq!(line.expect("error").await["code"], code, "{hello}");
        assert_eq!(line.closed().await, 1008);
    }
    let bearer = format!("Bearer {theirs}");
    let mut stranger = Client::connect_to(&rig, "/api/ws?since=0", &[("authorization", &bearer)]).await;
    assert_eq!(stranger.expect("welcome").await["workspace_id"], rival.id);
    assert_eq!(stranger.expect("live").await["seq"], 0);
    let bearer = format!("Bearer {KEY}");
    let path = "/api/ws?since=0&events=contact.created";
    let mut own = Client::connect_to(&rig, path, &[("authorization", &bearer)]).await;
    own.expect("live").await;
    happens(&rig, EventKind::ContactUpdated, 1).await;
    happens(&rig, EventKind::ContactCreated, 1).await;
    assert_eq!(numbers(&mut own, 1).await, [2]);
    stranger.send(&json!({ "type": "ping" })).await;
    while let kind @ ("presence" | "typing" | "event") = stranger.next().await["type"].as_str().unwrap() {
        assert_eq!(kind, "presence", "of another workspace");
    }
}

#[actix_web::test]
async fn members_see_who_is_there_and_who_is_writing() {
    let rig = rig(Options::default()).await;
    let visit = rig.visit().await;
    rig.says(&visit, "a", "Hello").await;
    rig.settle(&visit).await;
    let id = rig.switchboard.conversation_to_visit(&visit.visitor).await.unwrap();
    let mut one = open(&rig, json!({})).await;
    assert_eq!(one.expect("presence").await["members"].as_array().unwrap().len(), 1);
    let mut other = open(&rig, json!({})).await;
    other.expect("live").await;
    other.send(&json!({ "type": "typing", "conversation_id": id })).await;
    let typing = one.expect("typing").await;
    assert_eq!((&typing["conversation_id"], &typing["from"]), (&json!(id), &json!("member")));
    assert!(typing["name"].is_string());
    let mut visitor = Client::open(&rig, &visit, 0).await;
    visitor.send(&json!({ "type": "typing" })).await;
    assert_eq!(one.expect("typing").await["from"], "contact");
}

#[actix_web::test]
async fn what_the_hub_missed_is_read_from_the_store() {
    let deaf = Rig::start_deaf(Options::default()).await;
    add_key(&deaf, KEY, &deaf.workspace_id, None).await;
    let mut line = open(&deaf, json!({})).await;
    line.expect("live").await;
    happens(&deaf, EventKind::ContactUpdated, 3).await;
    deaf.switchboard.hub.show(&deaf.workspace_id, &Sight::Resync);
    assert_eq!(numbers(&mut line, 3).await, [1, 2, 3]);
}

#[actix_web::test]
async fn a_revoked_credential_ends_its_line() {
    let soon = Duration::from_millis(50);
    let rig = Rig::start(Options { heartbeat: soon, ..Options::default() }).await;
    let store = &rig.switchboard.store;
    let key = NewApiKey {
        id: store.clock().id(),
        workspace_id: rig.workspace_id.clone(),
        agent_id: None,
        name: "short".to_owned(),
        prefix: "sb_".to_owned(),
        hash: crate::domain::api_keys::hash(KEY),
        scopes: Permissions::of(&[Permission::Read]),
        requests_per_minute: None,
        expires_at: Some(store.clock().now() + 60_000),
        created_by: None,
    };
    store.put_api_key(&key).await.unwrap();
    let mut line = open(&rig, json!({})).await;
    store.clock().advance(600_000);
    assert_eq!(line.expect("error").await["code"], "UNAUTHENTICATED");
    assert_eq!(line.closed().await, 1008);
}

/// A member of these workspaces, and the token of their session.
async fn sign_in(rig: &Rig, workspaces: &[&str]) -> String {
    let store = &rig.switchboard.store;
    let (id, token) = (store.clock().id(), format!("the session of {}", store.clock().id()).replace(' ', "-"));
    let user = User { id, email: None, phone: None, name: "Jane".to_owned(), created_at: store.clock().now() };
    store.put_user(&StoredUser { user: user.clone(), password: None, tokens_from: 0 }).await.unwrap();
    for workspace in workspaces {
        store.put_member(workspace, &user.id, Role::Agent).await.unwrap();
    }
    let session = NewSession {
        hash: crate::domain::api_keys::hash(&token),
        user_id: user.id,
        expires_at: store.clock().now() + 60_000,
        ip: "127.0.0.1".to_owned(),
        client: "test".to_owned(),
    };
    store.open_session(&session).await.unwrap();
    token
}

#[actix_web::test]
async fn a_session_opens_a_line_for_our_own_pages_alone() {
    let soon = Duration::from_millis(50);
    let rig = Rig::start(Options { heartbeat: soon, ..Options::default() }).await;
    let store = &rig.switchboard.store;
    let clock = store.clock();
    let second = Workspace { id: clock.id(), name: "Second".into(), plan: "free".into(), created_at: clock.now() };
    store.put_workspace(&second).await.unwrap();
    let (one, both) =
        (sign_in(&rig, &[&rig.workspace_id]).await, sign_in(&rig, &[&rig.workspace_id, &second.id]).await);
    let (one, both) = (format!("theme=dark; session_token={one}"), format!("session_token={both}"));
    let (ours, hello) = (format!("http://{}", rig.address), json!({ "type": "hello" }));
    let opened = async |path: &str, headers: &[(&'static str, &str)], hello: &Value| {
        let mut line = Client::connect_to(&rig, path, headers).await;
        line.send(hello).await;
        let said = line.next().await;
        (line, said)
    };
    for (headers, code) in [
        (vec![("cookie", one.as_str()), ("origin", "https://evil.example")], "UNAUTHENTICATED"),
        (vec![("cookie", &one), ("origin", &ours), ("sec-fetch-site", "cross-site")], "UNAUTHENTICATED"),
        (vec![("cookie", "session_token=nonsense"), ("origin", &ours)], "UNAUTHENTICATED"),
        (vec![("cookie", &both), ("origin", &ours)], "INVALID_REQUEST"),
    ] {
        let (mut line, said) = opened("/api/ws", &headers, &hello).await;
        assert_eq!((&said["type"], &said["code"]), (&json!("error"), &json!(code)), "{headers:?}");
        assert_eq!(line.closed().await, 1008);
    }
    let path = format!("/api/ws?workspace_id={}", second.id);
    let (_, said) = opened(&path, &[("cookie", &both), ("origin", &ours)], &hello).await;
    assert_eq!((&said["type"], &said["workspace_id"]), (&json!("welcome"), &json!(second.id)));
    let named = json!({ "type": "hello", "workspace_id": rig.workspace_id });
    let (_, said) = opened("/api/ws", &[("cookie", &both), ("origin", &ours)], &named).await;
    assert_eq!(said["workspace_id"], json!(rig.workspace_id));
    let (_, said) = opened(&path, &[("cookie", &one), ("origin", &ours)], &hello).await;
    assert_eq!(said["code"], "UNAUTHENTICATED", "of another workspace");
    let (mut line, said) = opened("/api/ws?since=0", &[("cookie", &one)], &hello).await;
    assert_eq!(said["type"], "welcome", "what names no origin is no browser");
    line.expect("live").await;
    clock.advance(600_000);
    assert_eq!(line.expect("error").await["code"], "UNAUTHENTICATED", "when the session has run out");
    assert_eq!(line.closed().await, 1008);
}
