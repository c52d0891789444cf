//! Agents that act: a model of each protocol asks for tools, gets their results, and answers, within its budget.

use serde_json::{Value, json};
use switchboard::domain::agents::AgentSettings;

use crate::support::gateway::{Gateway, answer, scenario};

/// Models of all protocols, as the simulator plays them.
const MODELS: [&str; 3] = ["test-model", "anthropic/test-model", "gemini/test-model"];

fn settings(gateway: &Gateway) -> AgentSettings {
    AgentSettings {
        base_url: Some(gateway.simulator.base_url()),
        tools: vec!["*".to_owned()],
        fallback_message: "Later.".to_owned(),
        ..AgentSettings::default()
    }
}

async fn chat(gateway: &Gateway, agent: &str, text: &str) -> Value {
    let body = json!({"messages": [{"role": "user", "content": text}]});
    let (status, said) = answer(gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&body)).await;
    assert_eq!(status, 200, "{said}");
    said
}

#[test]
fn a_model_uses_tools_and_its_turn_can_be_looked_into() {
    scenario(|gateway| async move {
        for model in MODELS {
            let agent = gateway.hire(model, settings(&gateway)).await;
            let email = format!("{}@example.com", agent);
            gateway
                .replies(&json!([
                    { "text": "Let me see.", "tool_calls": [
                        { "name": "create_contact", "arguments": { "name": "Jane", "email": email } },
                        { "name": "create_contact", "arguments": { "nickname": "J" } },
                    ] },
                    { "text": "She is in the book now." },
                ]))
                .await;
            let said = chat(&gateway, &agent, "Please add Jane.").await;
            assert_eq!(said["message"]["content"], "Let me see.\n\nShe is in the book now.", "{model}");
            let found = gateway.switchboard.store.persons_like(&gateway.acme.workspace.id, &email, 5).await.unwrap();
            assert_eq!(found.len(), 1, "{model}");

            let trace = gateway.read(&format!("/api/messages/{}/trace", said["message"]["id"].as_str().unwrap())).await;
            assert_eq!(trace, said["trace"], "{model}");
            assert_eq!(trace["model"], model);
            assert_eq!(trace["calls"][0]["result"]["contact_id"], found[0].id.as_str());
            assert!(trace["calls"][1]["error"].as_str().unwrap().contains("INVALID_REQUEST"), "{trace}");
            assert!(trace["usage"]["cost"]["amount"].as_f64() > Some(0.0), "{trace}");
            let conversation = said["conversation_id"].as_str().unwrap();
            let usage = &gateway.read(&format!("/api/conversations/{conversation}")).await["usage"];
            assert_eq!(usage, &trace["usage"], "{model}: one turn is all the conversation has cost");
            let last = gateway.asked().await.pop().unwrap().to_string();
            assert!(
                last.contains(&found[0].id) && last.contains("INVALID_REQUEST"),
                "{model} is told both results: {last}"
            );
        }
        let message = gateway.read("/api/conversations").await["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(answer(gateway.acme("GET", &format!("/api/messages/{message}/trace"))).await.0, 404);
    });
}

#[test]
fn an_agent_without_tools_is_offered_none() {
    scenario(|gateway| async move {
        let agent = gateway.hire("test-model", AgentSettings { tools: Vec::new(), ..settings(&gateway) }).await;
        assert_eq!(chat(&gateway, &agent, "Hi").await["message"]["content"], "You said: Hi");
        assert!(gateway.asked().await[0].get("tools").is_none());
    });
}

#[test]
fn a_turn_that_goes_in_circles_or_beyond_its_budget_ends() {
    scenario(|gateway| async move {
        let again = |arguments: Value| json!({"tool_calls": [{"name": "search_contacts", "arguments": arguments}]});
        let same =
            json!([again(json!({"query": "Jane"})), again(json!({"query": "Jane"})), again(json!({"query": "Jane"}))]);
        let other =
            json!([again(json!({"query": "aa"})), again(json!({"query": "bb"})), again(json!({"query": "cc"}))]);
        let few_rounds = AgentSettings { max_tool_rounds: 2, ..settings(&gateway) };
        let few_tokens = AgentSettings { max_turn_tokens: 1, ..settings(&gateway) };
        let cases = [
            ("circles", same, settings(&gateway), "MODEL_TOOL_LOOP"),
            ("rounds", other.clone(), few_rounds, "MODEL_BUDGET_SPENT"),
            ("tokens", other, few_tokens, "MODEL_BUDGET_SPENT"),
        ];
        for (name, replies, settings, code) in cases {
            let agent = gateway.hire("test-model", settings).await;
            gateway.replies(&replies).await;
            let said = chat(&gateway, &agent, name).await;
            assert_eq!(
                (&said["message"]["content"], &said["failed"]),
                (&json!("Later."), &json!(true)),
                "{name}: {said}"
            );
            let trace = gateway.read(&format!("/api/messages/{}/trace", said["message"]["id"].as_str().unwrap())).await;
            assert_eq!(trace["error"], code, "{name}");
            // What a case left over is not the next one's.
            let left = format!("{}/sim/model", gateway.simulator.base_url());
            assert!(gateway.delete_elsewhere(&left).await.is_success());
        }
    });
}

#[test]
fn a_hand_over_says_its_last_word_first() {
    scenario(|gateway| async move {
        let arguments = json!({"reason": "She wants a refund."});
        gateway
            .replies(&json!([
                { "tool_calls": [{ "name": "hand_over_to_person", "arguments": arguments }] },
                { "text": "A colleague will take over." },
            ]))
            .await;
        let echo = gateway.acme.agent.clone();
        gateway.equip(&echo, "test-model", settings(&gateway), None).await;
        let conversation = gateway.customer_writes("wamid.1", "I want my money back").await;
        let shown = gateway.read(&format!("/api/conversations/{conversation}")).await;
        assert_eq!(shown["owner"]["kind"], "human");
        let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        assert_eq!(messages["messages"][1]["body"], "A colleague will take over.");
        let events = gateway.switchboard.store.events(&gateway.acme.workspace.id, 0, 100).await.unwrap();
        let handed = events.iter().find(|event| event.kind == "agent.handed_over").unwrap();
        assert!(handed.data.to_string().contains("refund"), "{handed:?}");
        assert_eq!(handed.conversation_id.as_deref(), Some(conversation.as_str()));
        assert!(events.iter().any(|event| event.kind == "conversation.assigned"));
    });
}

#[test]
fn an_agent_that_answers_too_often_is_paused() {
    scenario(|gateway| async move {
        let echo = gateway.acme.agent.clone();
        gateway.equip(&echo, "test-model", AgentSettings { max_answers: 2, ..settings(&gateway) }, None).await;
        gateway.customer_writes("wamid.1", "one").await;
        gateway.customer_writes("wamid.2", "two").await;
        let mut watch = gateway.watch();
        assert_eq!(gateway.deliver(&gateway.delivery("wamid.3", "three")).await.status(), 200);
        let conversation = watch.until("agent.paused").await;
        let shown = gateway.read(&format!("/api/conversations/{conversation}")).await;
        assert_eq!((&shown["owner"]["kind"], &shown["last_seq"]), (&json!("human"), &json!(5)));
    });
}

#[test]
fn the_fallback_model_answers_where_the_first_fails_for_now() {
    scenario(|gateway| async move {
        gateway.replies(&json!([{ "when": "chat-1", "status": 503, "times": 9 }])).await;
        let settings = AgentSettings { fallback_model: Some("chat-2".to_owned()), ..settings(&gateway) };
        let agent = gateway.hire("chat-1", settings).await;
        let said = chat(&gateway, &agent, "Hi").await;
        assert_eq!((&said["message"]["content"], &said["trace"]["model"]), (&json!("You said: Hi"), &json!("chat-2")));
        assert!(said.get("failed").is_none());
    });
}
