//! Agents and chatting with them.

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, answer, scenario};

fn chat(gateway: &Gateway, body: &Value) -> reqwest::RequestBuilder {
    gateway.acme("POST", &format!("/api/agents/{}/chat", gateway.acme.agent.id)).json(body)
}

#[test]
fn lists_and_reads_without_secrets() {
    scenario(|gateway| async move {
        let list = gateway.read("/api/agents?limit=1").await;
        assert_eq!((list["total"].as_i64(), list["items"].as_array().unwrap().len()), (Some(2), 1));
        let one = gateway.read(&format!("/api/agents/{}", gateway.acme.agent.id)).await;
        assert_eq!(one["name"], "Echo");
        assert!(!one.to_string().contains("sk-model-secret"));
        let (status, body) = answer(gateway.acme("GET", "/api/agents?limit=0&offset=x")).await;
        assert_eq!((status, body["error"]["details"].as_array().unwrap().len()), (400, 2));
    });
}

#[test]
fn chats_in_json() {
    scenario(|gateway| async move {
        let body = json!({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]});
        let (status, first) = answer(chat(&gateway, &body)).await;
        assert_eq!(status, 200, "{first}");
        assert_eq!(first["message"]["role"], "assistant");
        assert!(first["message"]["content"].as_str().unwrap().contains("Hi"));
        assert!(first.get("usage").is_some() && first.get("failed").is_none());
        let again = json!({"messages": [{"role": "user", "content": "More"}], "session_id": first["session_id"]});
        let (_, second) = answer(chat(&gateway, &again)).await;
        assert_eq!(second["conversation_id"], first["conversation_id"]);
        let own = gateway
            .ask("POST", &format!("/api/agents/{}/chat", gateway.acme.agent.id))
            .bearer_auth(&gateway.acme.agent_key);
        assert_eq!(answer(own.json(&body)).await.0, 200);
    });
}

#[test]
fn chats_in_lines() {
    scenario(|gateway| async move {
        let body = json!({"messages": [{"role": "user", "content": "Hi"}], "stream": true, "session_id": "s-1"});
        let response = chat(&gateway, &body).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/x-ndjson; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-cache, no-transform");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let text = response.text().await.unwrap();
        let lines: Vec<Value> =
            text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
        let (done, chunks) = lines.split_last().unwrap();
        assert_eq!((&done["type"], &done["session_id"]), (&json!("done"), &json!("s-1")));
        let pieces: String = chunks.iter().map(|line| line["delta"].as_str().unwrap()).collect();
        assert!(!chunks.is_empty() && chunks.iter().all(|line| line["type"] == "chunk"));
        assert_eq!(pieces, done["message"]["content"].as_str().unwrap());
    });
}

#[test]
fn names_what_is_wrong_before_anything_is_spent() {
    scenario(|gateway| async move {
        let cases = [
            (json!({"messages": []}), "messages"),
            (json!({"messages": [{"role": "bot", "content": "Hi"}]}), "messages[0].role"),
            (json!({"messages": [{"role": "user", "content": ""}]}), "messages[0].content"),
            (json!({"messages": "Hi"}), "messages"),
            (json!({"stream": "yes", "messages": []}), "stream"),
        ];
        for (body, field) in cases {
            let (status, answered) = answer(chat(&gateway, &body)).await;
            assert_eq!((status, &answered["error"]["details"][0]["field"]), (400, &json!(field)), "{body}");
        }
        let address = format!("/api/agents/{}/chat", gateway.acme.agent.id);
        let untyped = gateway.acme("POST", &address).body("{}");
        assert_eq!(answer(untyped).await.0, 415);
        let large =
            gateway.acme("POST", &address).header("content-type", "application/json").body("x".repeat(2_000_000));
        assert_eq!(answer(large).await.0, 413);
        assert_eq!(answer(gateway.acme("GET", &address)).await.0, 405);
        assert_eq!(answer(gateway.acme("GET", "/api/agents/nobody")).await.0, 404);
        assert_eq!(gateway.read("/api/conversations").await["total"], 0);
    });
}

#[test]
fn keeps_silent_where_a_person_owns_the_conversation() {
    scenario(|gateway| async move {
        for stream in [false, true] {
            let body = json!({"messages": [{"role": "user", "content": "Hi"}], "session_id": "s", "stream": stream});
            let response = chat(&gateway, &body).send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.bytes().await.unwrap();
            let id = gateway.read("/api/conversations").await["items"][0]["id"].as_str().unwrap().to_owned();
            let path = format!("/api/conversations/{id}");
            let human = json!({"owner": {"kind": "human", "name": "Ana"}});
            assert_eq!(answer(gateway.acme("PATCH", &path).json(&human)).await.0, 200);
            let (status, refused) = answer(chat(&gateway, &body)).await;
            assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("CONFLICT")));
            let agent = json!({"owner": {"kind": "agent"}});
            assert_eq!(answer(gateway.acme("PATCH", &path).json(&agent)).await.0, 200);
        }
    });
}

#[test]
fn are_made_changed_and_removed() {
    scenario(|gateway| async move {
        let agent =
            json!({"name": "Ada", "model": "builtin/knowledge", "settings": {"passages": 6}, "api_key": "sk-once"});
        let make = || gateway.acme("POST", "/api/agents").header("idempotency-key", "a-1").json(&agent);
        let (status, made) = answer(make()).await;
        assert_eq!(
            (status, &made["settings"]["passages"], &made["is_active"]),
            (201, &json!(6), &json!(true)),
            "{made}"
        );
        assert!(!made.to_string().contains("sk-once"));
        assert_eq!(answer(make()).await.1["id"], made["id"]);
        assert_eq!(answer(gateway.acme("POST", "/api/agents").json(&agent)).await.0, 409, "the name is taken");
        let path = format!("/api/agents/{}", made["id"].as_str().unwrap());
        let patch = json!({"instructions": "Be brief.", "settings": {"passages": null, "queue": 3}});
        let (status, changed) = answer(gateway.acme("PATCH", &path).json(&patch)).await;
        assert_eq!(
            (status, &changed["settings"]["passages"], &changed["settings"]["queue"]),
            (200, &json!(4), &json!(3))
        );
        assert_eq!((&changed["instructions"], &changed["name"]), (&json!("Be brief."), &json!("Ada")));
        for (body, field) in [
            (json!({"model": "builtin/oracle"}), "model"),
            (json!({"model": "big-1"}), "settings.base_url"),
            (json!({"name": " "}), "name"),
            (json!({"settings": {"mood": "good"}}), "settings.mood"),
            (json!({"settings": {"concurrency": 0}}), "settings.concurrency"),
            (json!({"settings": {"base_url": "http://model.example"}}), "api_key"),
            (json!({"colour": "red"}), "colour"),
        ] {
            let (status, failure) = answer(gateway.acme("PATCH", &path).json(&body)).await;
            assert_eq!((status, &failure["error"]["details"][0]["field"]), (400, &json!(field)), "{failure}");
        }
        assert_eq!(answer(gateway.acme("PATCH", &path).json(&json!({"name": "Echo"}))).await.0, 409);
        let used = format!("/api/agents/{}", gateway.acme.agent.id);
        assert_eq!(answer(gateway.acme("DELETE", &used)).await.0, 409, "channels use it");
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 204);
        assert_eq!(answer(gateway.acme("GET", &path)).await.0, 404);
        let own = format!("/api/agents/{}", gateway.acme.other_agent.id);
        assert_eq!(answer(gateway.acme("DELETE", &own)).await.0, 204);
    });
}
