//! Conversations: reading, saying something once, the window's rule, handing over, and their actors.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn lists_and_reads() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let list = gateway.read(&format!("/api/conversations?channel_id={}", gateway.whatsapp.id)).await;
        assert_eq!((list["total"].as_i64(), list["items"][0]["id"].as_str()), (Some(1), Some(id.as_str())));
        let other = gateway.read(&format!("/api/conversations?channel_id={}", gateway.acme.widget.id)).await;
        assert_eq!(other["total"], 0);
        let one = gateway.read(&format!("/api/conversations/{id}")).await;
        assert_eq!((one["contact"]["name"].as_str(), one["window"]["state"].as_str()), (Some("Kim"), Some("open")));
        assert_eq!((&one["channel_kind"], &one["owner"]), (&json!("whatsapp"), &json!({"kind": "agent"})));
        let messages = gateway.read(&format!("/api/conversations/{id}/messages?since=1&limit=200")).await;
        assert_eq!(messages["messages"][0]["seq"], 2);
        let state = gateway.read(&format!("/api/conversations/{id}/state")).await;
        assert_eq!((state["conversation_id"].as_str(), state["revivals"].as_i64()), (Some(id.as_str()), Some(0)));
    });
}

#[test]
fn says_something_once() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}/messages");
        let post = |key: &str, body| gateway.acme("POST", &path).header("idempotency-key", key).json(&body);
        let (status, first) = answer(post("k1", json!({"body": "Your room is ready."}))).await;
        assert_eq!((status, first["author"]["kind"].as_str()), (201, Some("human")));
        let repeated = post("k1", json!({"body": "Your room is ready."})).send().await.unwrap();
        assert_eq!(
            (repeated.status().as_u16(), &repeated.headers()["idempotent-replayed"]),
            (201, &"true".parse().unwrap())
        );
        let (status, body) = answer(post("k1", json!({"body": "Something else."}))).await;
        assert_eq!((status, body["error"]["code"].as_str()), (409, Some("IDEMPOTENCY_MISMATCH")));
        assert_eq!(gateway.read(&format!("/api/conversations/{id}")).await["owner"]["kind"], "human");
        for (key, body, expected) in [
            ("k 2", json!({"body": "Hi"}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "content": {"type": "text", "text": "Hi"}}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "reply_to": "nothing"}), "NOT_FOUND"),
            ("k2", json!({"body": "Hi", "colour": 1}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "on_window_closed": "later"}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "fallback_after": 0}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "fallback_after": 86_401}), "INVALID_REQUEST"),
            ("k2", json!({"body": "One sentence. ".repeat(400), "fallback_after": 60}), "INVALID_CONTENT"),
            ("k2", json!({"body": "x".repeat(100_000)}), "MESSAGE_TOO_LONG"),
            ("k2", json!({"content": {"type": "choice", "id": "1", "title": "One"}}), "INVALID_CONTENT"),
        ] {
            let (_, answered) = answer(post(key, body.clone())).await;
            assert_eq!(answered["error"]["code"], expected, "{answered}");
        }
    });
}

#[test]
fn refuses_once_the_window_is_closed() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}/messages");
        let before = gateway.read(&path).await;
        gateway.switchboard.store.clock().advance(25 * 60 * 60 * 1_000);
        let (status, refused) = answer(gateway.acme("POST", &path).json(&json!({"body": "Still there?"}))).await;
        assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("WINDOW_CLOSED")));
        let details = &refused["error"]["details"];
        assert!(details["closed_at"].is_i64() && details["human_agent_tag"] == false, "{details}");
        let templates = details["templates"].as_array().unwrap_or_else(|| panic!("{details}"));
        assert!(!templates.is_empty() && templates.iter().all(|template| template["status"] == "APPROVED"));
        let after = gateway.read(&path).await;
        assert_eq!(before["messages"].as_array().unwrap().len(), after["messages"].as_array().unwrap().len());
        let nowhere = json!({"body": "Still there?", "on_window_closed": "fallback"});
        let (status, refused) = answer(gateway.acme("POST", &path).json(&nowhere)).await;
        assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("WINDOW_CLOSED")), "there is no other way");
        let template = json!({"name": "hello_world", "language": "en_US"});
        let instead = json!({"body": "Still there?", "on_window_closed": "template", "template": template});
        let post = || gateway.acme("POST", &path).header("idempotency-key", "instead").json(&instead);
        let (status, said) = answer(post()).await;
        assert_eq!((status, said["content"]["type"].as_str()), (201, Some("template")), "{said}");
        let (status, again) = answer(post()).await;
        assert_eq!((status, &again["id"]), (201, &said["id"]), "the same key says it once");
    });
}

#[test]
fn a_long_text_becomes_several_messages_in_order() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}/messages");
        let sentence = "One sentence that ends here. ";
        let (status, _) = answer(gateway.acme("POST", &path).json(&json!({"body": sentence.repeat(300)}))).await;
        assert_eq!(status, 201);
        let messages = gateway.read(&path).await;
        let said: Vec<&str> = messages["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|message| message["author"]["kind"] == "human")
            .map(|message| message["body"].as_str().unwrap())
            .collect();
        assert_eq!(said.len(), 3);
        assert!(said.iter().all(|part| part.len() <= 4_096 && part.ends_with("here.")), "{said:?}");
        assert_eq!(said.join(" ").len(), sentence.len() * 300 - 1);
    });
}

#[test]
fn changes_hands_and_shows_signs() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}");
        let (status, body) = answer(gateway.acme("PATCH", &path).json(&json!({"owner": {"kind": "nobody"}}))).await;
        assert_eq!((status, &body["owner"]), (200, &json!({"kind": "nobody"})));
        let (status, body) = answer(gateway.acme("PATCH", &path).json(&json!({"owner": {"kind": "cat"}}))).await;
        assert_eq!((status, &body["error"]["details"][0]["field"]), (400, &json!("owner.kind")));
        for sign in ["read", "typing"] {
            let (status, body) = answer(gateway.acme("POST", &format!("{path}/{sign}"))).await;
            assert_eq!(status, 204, "{sign}: {body}");
        }
    });
}
