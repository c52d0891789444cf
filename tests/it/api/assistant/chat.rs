//! Asking the workspace's assistant.

use serde_json::{Value, json};
use switchboard::domain::agents::AgentSettings;

use crate::support::gateway::{Gateway, answer, scenario};

async fn ask(gateway: &Gateway, body: Value) -> (u16, Value) {
    answer(gateway.acme("POST", "/api/v1/chat").json(&body)).await
}

#[test]
fn answers_and_goes_on() {
    scenario(|gateway| async move {
        let (status, first) = ask(&gateway, json!({"message": "Hi"})).await;
        assert_eq!((status, &first["success"], &first["error"]), (200, &json!(true), &Value::Null), "{first}");
        assert_eq!((&first["data"]["response"], &first["data"]["message"]), (&json!("Hi"), &json!("Hi")));
        assert!(first["meta"]["request_id"].is_string() && first["data"].get("trace").is_none());
        let conversation = first["data"]["conversation_id"].clone();
        let (_, second) = ask(&gateway, json!({"message": "More", "conversation_id": conversation})).await;
        assert_eq!(second["data"]["conversation_id"], conversation);
        let (_, other) = ask(&gateway, json!({"message": "Else"})).await;
        assert_ne!(other["data"]["conversation_id"], conversation);
    });
}

#[test]
fn answers_in_events() {
    scenario(|gateway| async move {
        let request = gateway.acme("POST", "/api/v1/chat").json(&json!({"message": "Hi there", "stream": true}));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        let text = response.text().await.unwrap();
        let events: Vec<Value> = text
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        let (done, chunks) = events.split_last().unwrap();
        let pieces: String = chunks.iter().map(|event| event["chunk"].as_str().unwrap()).collect();
        assert_eq!((pieces.as_str(), &done["done"], &done["success"]), ("Hi there", &json!(true), &json!(true)));
        assert_eq!(done["data"]["response"], "Hi there");
    });
}

#[test]
fn a_conversation_is_its_callers_alone() {
    scenario(|gateway| async move {
        let (_, first) = ask(&gateway, json!({"message": "Hi"})).await;
        let body = json!({"message": "More", "conversation_id": first["data"]["conversation_id"]});
        for key in [&gateway.acme.agent_key, &gateway.rival.key] {
            let (status, refused) = answer(gateway.ask("POST", "/api/v1/chat").bearer_auth(key).json(&body)).await;
            assert_eq!((status, &refused["success"]), (404, &json!(false)), "{refused}");
        }
        let customers = gateway.customer_writes("wamid.1", "Hello").await;
        assert_eq!(ask(&gateway, json!({"message": "Hi", "conversation_id": customers})).await.0, 404);
        for (body, field) in [(json!({"message": " "}), "message"), (json!({"message": 5}), "message")] {
            let (status, refused) = ask(&gateway, body).await;
            assert_eq!((status, &refused["error"]["details"][0]["field"]), (400, &json!(field)));
        }
    });
}

#[test]
fn is_the_agent_whose_settings_say_so_and_needs_its_key() {
    scenario(|gateway| async move {
        let settings = AgentSettings { assistant: true, ..AgentSettings::default() };
        gateway.equip(&gateway.acme.other_agent, "anthropic/claude-x", settings, None).await;
        let (status, refused) = ask(&gateway, json!({"message": "Hi"})).await;
        assert_eq!((status, &refused["error"]["code"]), (402, &json!("PROVIDER_KEY_MISSING")), "{refused}");
        assert_eq!(gateway.read("/api/conversations").await["total"], 0, "nothing was stored or spent");
    });
}
