//! Chatting with an agent in server-sent events.

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, answer, scenario};

fn body(gateway: &Gateway, session: &str, text: &str) -> Value {
    json!({"agent_id": gateway.acme.agent.id, "session_id": session, "is_widget": false,
           "messages": [{"role": "user", "content": text}]})
}

fn ask(gateway: &Gateway, body: &Value) -> reqwest::RequestBuilder {
    gateway.acme("POST", "/functions/v1/allxone-agent-chat").json(body)
}

/// The events of a stream, and its header of a repetition.
async fn events(request: reqwest::RequestBuilder) -> (Vec<Value>, bool) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-cache, no-transform");
    let repeated = response.headers().contains_key("idempotent-replayed");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("\n\n"), "{text}");
    let events = text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    (events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect(), repeated)
}

#[test]
fn streams_events() {
    scenario(|gateway| async move {
        let (said, repeated) = events(ask(&gateway, &body(&gateway, "s-1", "Hi"))).await;
        assert!(!repeated);
        let (done, chunks) = said.split_last().unwrap();
        let pieces: String = chunks.iter().map(|event| event["chunk"].as_str().unwrap()).collect();
        assert_eq!(done, &json!({"done": true, "full_response": pieces}));
        assert!(pieces.contains("Hi") && !chunks.is_empty());
        events(ask(&gateway, &body(&gateway, "s-1", "More"))).await;
        assert_eq!(gateway.read("/api/conversations").await["total"], 1, "the same session, the same conversation");
        let own = gateway.ask("POST", "/functions/v1/allxone-agent-chat").bearer_auth(&gateway.acme.agent_key);
        events(own.json(&body(&gateway, "s-2", "Hi"))).await;
    });
}

#[test]
fn refuses_before_the_first_event_with_a_status() {
    scenario(|gateway| async move {
        let agent = json!(gateway.acme.agent.id);
        let cases = [
            (json!({"agent_id": agent, "messages": []}), 400, "INVALID_REQUEST"),
            (json!({"agent_id": agent, "messages": [{"role": "user", "content": ""}]}), 400, "INVALID_REQUEST"),
            (json!({"messages": [{"role": "user", "content": "Hi"}]}), 400, "INVALID_REQUEST"),
            (json!({"agent_id": "x", "messages": [{"role": "user", "content": "Hi"}]}), 404, "NOT_FOUND"),
            (
                json!({"agent_id": gateway.rival.agent.id, "messages": [{"role": "user", "content": "Hi"}]}),
                404,
                "NOT_FOUND",
            ),
            (json!({"agent_id": agent, "is_widget": "yes", "messages": []}), 400, "INVALID_REQUEST"),
        ];
        for (body, status, code) in cases {
            let (answered, failure) = answer(ask(&gateway, &body)).await;
            assert_eq!((answered, failure["error"]["code"].as_str()), (status, Some(code)), "{body}");
            assert!(failure["error"]["request_id"].is_string());
        }
        let other = json!({"agent_id": gateway.acme.other_agent.id, "messages": [{"role": "user", "content": "Hi"}]});
        let own = gateway.ask("POST", "/functions/v1/allxone-agent-chat").bearer_auth(&gateway.acme.agent_key);
        assert_eq!(answer(own.json(&other)).await.0, 403);
        let resting = format!("/api/agents/{}", gateway.acme.other_agent.id);
        assert_eq!(answer(gateway.acme("PATCH", &resting).json(&json!({"is_active": false}))).await.0, 200);
        let (status, failure) = answer(ask(&gateway, &other)).await;
        assert_eq!((status, failure["error"]["code"].as_str()), (409, Some("CONFLICT")), "{failure}");
        assert_eq!(gateway.read("/api/conversations").await["total"], 0);
    });
}

#[test]
fn says_it_once_under_a_key() {
    scenario(|gateway| async move {
        // Without a session each request would begin a conversation of its own.
        let body = json!({"agent_id": gateway.acme.agent.id, "messages": [{"role": "user", "content": "Hi"}]});
        let keyed = |body: &Value| ask(&gateway, body).header("idempotency-key", "k-1");
        let (first, second) = tokio::join!(events(keyed(&body)), events(keyed(&body)));
        assert_eq!(first.0.last(), second.0.last(), "a duplicate in flight waits and gets the first one's answer");
        let (third, repeated) = events(keyed(&body)).await;
        assert!(repeated);
        assert_eq!(third.last(), first.0.last());
        assert_eq!(third.len(), 2, "one piece and the end: {third:?}");
        assert_eq!(gateway.read("/api/conversations").await["total"], 1);
        let (status, failure) = answer(keyed(&super::chat::body(&gateway, "s", "Something else"))).await;
        assert_eq!((status, failure["error"]["code"].as_str()), (409, Some("IDEMPOTENCY_MISMATCH")));
        let path = format!("/api/agents/{}/chat", gateway.acme.agent.id);
        let json_body = json!({"messages": [{"role": "user", "content": "Hi"}], "session_id": "j"});
        let once = |body: &Value| gateway.acme("POST", &path).header("idempotency-key", "k-2").json(body);
        let (one, two) = (answer(once(&json_body)).await.1, answer(once(&json_body)).await.1);
        assert_eq!(one["message"], two["message"]);
        assert_eq!((&two["session_id"], &two["conversation_id"]), (&json!("j"), &one["conversation_id"]));
    });
}
