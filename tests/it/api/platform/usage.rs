//! What the workspace uses, and what happens when the month's allowance is used up.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use switchboard::domain::agents::AgentSettings;
use switchboard::domain::workspaces::Workspace;

use crate::support::gateway::{Gateway, answer, scenario};

/// What a customer reads whose message no agent answers.
const FALLBACK: &str = "We will come back to you.";
/// The messages of the plan `tiny`, and the tokens of the plan `frugal`.
const MESSAGES: i64 = 4;
const TOKENS: i64 = 100;

async fn on_plan(gateway: &Gateway, plan: &str) {
    let workspace = Workspace { plan: plan.to_owned(), ..gateway.acme.workspace.clone() };
    gateway.switchboard.store.put_workspace(&workspace).await.unwrap();
}

fn said(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}]})
}

/// A chat in each of its framings, and what is said in a conversation.
fn asks(gateway: &Gateway, agent: &str, conversation: &str) -> [RequestBuilder; 4] {
    let functions = json!({"agent_id": agent, "messages": said("Hi")["messages"]});
    [
        gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&said("Hi")),
        gateway.acme("POST", "/functions/v1/allxone-agent-chat").json(&functions),
        gateway.acme("POST", "/api/v1/chat").json(&json!({"message": "Hi"})),
        gateway.acme("POST", &format!("/api/conversations/{conversation}/messages")).json(&json!({"body": "Hi"})),
    ]
}

async fn used(gateway: &Gateway) -> (i64, i64) {
    let plan = gateway.read("/api/usage/plan").await;
    (plan["used"]["messages"].as_i64().unwrap(), plan["used"]["tokens"].as_i64().unwrap())
}

/// The code and the text of the newest event of a failed agent.
async fn why(gateway: &Gateway) -> String {
    let events = gateway.read("/api/events?events=agent.failed&limit=500").await;
    events["events"].as_array().unwrap().last().unwrap()["data"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn is_told_apart_by_day_agent_channel_and_model() {
    scenario(|gateway| async move {
        let settings = AgentSettings { base_url: Some(gateway.simulator.base_url()), ..AgentSettings::default() };
        let agent = gateway.hire("test-model", settings).await;
        gateway.customer_writes("wamid.1", "Hello").await;
        // A vendor delivers at least once; what it delivers again is not used again.
        assert_eq!(gateway.deliver(&gateway.delivery("wamid.1", "Hello")).await.status(), 200);
        let chat = || gateway.acme("POST", &format!("/api/agents/{agent}/chat")).header("idempotency-key", "one");
        let (_, answered) = answer(chat().json(&said("Hi"))).await;
        let (_, again) = answer(chat().json(&said("Hi"))).await;
        assert_eq!(again["message"]["id"], answered["message"]["id"]);
        let usage = &answered["usage"];

        let by_day = gateway.read("/api/usage").await;
        let expected = json!({
            "messages_received": 2, "messages_sent": 2, "turns": 1, "input_tokens": usage["input_tokens"],
            "output_tokens": usage["output_tokens"], "hosted_tokens": 0, "costs": [answered["trace"]["usage"]["cost"]],
        });
        assert_eq!((&by_day["sum"], &by_day["total"], &by_day["by"]), (&expected, &json!(1), &json!("day")));
        assert_eq!(by_day["items"][0]["key"], by_day["to"], "today");
        for (by, key) in [("agent", agent.as_str()), ("model", "test-model")] {
            let report = gateway.read(&format!("/api/usage?by={by}")).await;
            assert_eq!(report["sum"], expected, "{by}");
            let items = report["items"].as_array().unwrap();
            let one = items.iter().find(|item| item["key"] == key).unwrap();
            assert_eq!((&one["turns"], &one["input_tokens"]), (&json!(1), &usage["input_tokens"]), "{by}: {report}");
        }
        let by_channel = gateway.read("/api/usage?by=channel").await;
        let items = by_channel["items"].as_array().unwrap();
        let whatsapp = items.iter().find(|item| item["key"] == gateway.whatsapp.id.as_str()).unwrap();
        let counts = ["messages_received", "messages_sent", "turns"].map(|name| whatsapp[name].as_i64().unwrap());
        assert_eq!((counts, by_channel["total"].as_i64()), ([1, 1, 0], Some(2)), "{by_channel}");

        let before = gateway.read("/api/usage?to=2025-01-31").await;
        assert_eq!((&before["from"], &before["items"]), (&json!("2025-01-01"), &json!([])));
        for (query, field) in [
            ("from=yesterday", "from"),
            ("to=2026-02-30", "to"),
            ("from=2026-02-02&to=2026-02-01", "to"),
            ("from=2024-01-01&to=2025-01-01", "to"),
            ("by=moon", "by"),
        ] {
            let (status, refused) = answer(gateway.acme("GET", &format!("/api/usage?{query}"))).await;
            assert_eq!((status, &refused["error"]["details"][0]["field"]), (400, &json!(field)), "{query}");
        }
        let rival = answer(gateway.ask("GET", "/api/usage").bearer_auth(&gateway.rival.key)).await.1;
        assert_eq!((&rival["items"], &rival["sum"]["messages_received"]), (&json!([]), &json!(0)));
    });
}

#[test]
fn the_plan_is_shown_with_what_is_used_of_it() {
    scenario(|gateway| async move {
        on_plan(&gateway, "free").await;
        gateway.customer_writes("wamid.1", "Hello").await;
        let plan = gateway.read("/api/usage/plan").await;
        assert_eq!(plan["plan"], "free");
        let limits = json!({
            "requests_per_minute": 10, "concurrency": 2, "messages_per_month": 1_000, "tokens_per_month": 200_000,
            "own_key_only": false,
        });
        assert_eq!((&plan["limits"], &plan["used"]), (&limits, &json!({"messages": 2, "tokens": 0})));
        let left = plan["resets_at"].as_i64().unwrap() - gateway.switchboard.now();
        assert!((0..=31 * 24 * 60 * 60 * 1_000).contains(&left), "{plan}");
    });
}

#[test]
fn past_the_months_messages_nothing_is_stored_but_what_customers_write() {
    scenario(|gateway| async move {
        on_plan(&gateway, "tiny").await;
        let settings = AgentSettings { fallback_message: FALLBACK.to_owned(), ..AgentSettings::default() };
        gateway.equip(&gateway.acme.agent, "builtin/echo", settings, None).await;
        let (agent, conversation) = (gateway.acme.agent.id.clone(), gateway.customer_writes("wamid.1", "Hello").await);
        let chat = || gateway.acme("POST", &format!("/api/agents/{agent}/chat")).header("idempotency-key", "one");
        let (status, first) = answer(chat().json(&said("Hi"))).await;
        assert_eq!((status, used(&gateway).await.0), (200, MESSAGES));

        let resets_at = gateway.read("/api/usage/plan").await["resets_at"].clone();
        for request in asks(&gateway, &agent, &conversation) {
            let (status, refused) = answer(request).await;
            assert_eq!((status, &refused["error"]["code"]), (402, &json!("MESSAGE_LIMIT_REACHED")), "{refused}");
            assert_eq!(refused["error"]["details"], json!({"limit": MESSAGES, "resets_at": resets_at}), "{refused}");
        }
        assert_eq!(used(&gateway).await.0, MESSAGES, "what was refused is not stored");
        let (status, again) = answer(chat().json(&said("Hi"))).await;
        assert_eq!((status, &again["message"]["id"]), (200, &first["message"]["id"]), "it was said before");

        // What a customer writes is stored, and they are told that nobody can answer just now.
        gateway.customer_writes("wamid.2", "Are you there?").await;
        let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        let bodies: Vec<_> = messages["messages"].as_array().unwrap().iter().map(|one| one["body"].clone()).collect();
        assert_eq!(bodies, ["Hello", "Hello", "Are you there?", FALLBACK]);
        assert_eq!(why(&gateway).await, "MESSAGE_LIMIT_REACHED");
        assert_eq!(used(&gateway).await.0, MESSAGES + 2);

        // A month later it is counted anew.
        gateway.switchboard.store.clock().advance(31 * 24 * 60 * 60 * 1_000);
        assert_eq!(used(&gateway).await.0, 0);
        let (status, said) = answer(gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&said("Hi"))).await;
        assert_eq!(status, 200, "{said}");
    });
}

#[test]
fn the_months_messages_are_exact_however_many_ask_at_once() {
    scenario(|gateway| async move {
        on_plan(&gateway, "tiny").await;
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{conversation}/messages");
        let asking = (0..20).map(|nth| {
            let request = gateway.acme("POST", &path).json(&json!({"body": format!("{nth}")}));
            tokio::spawn(async move { answer(request).await.0 })
        });
        let mut stored = 0;
        for asked in asking.collect::<Vec<_>>() {
            let status = asked.await.unwrap();
            assert!(status == 201 || status == 402, "{status}");
            stored += i64::from(status == 201);
        }
        assert_eq!((stored, used(&gateway).await.0), (MESSAGES - 2, MESSAGES));
    });
}

#[test]
fn past_the_months_tokens_no_hosted_model_is_asked_and_an_own_key_spends_none() {
    scenario(|gateway| async move {
        on_plan(&gateway, "frugal").await;
        let settings = AgentSettings { fallback_message: FALLBACK.to_owned(), ..AgentSettings::default() };
        let agent = gateway.hire("openai/x", settings.clone()).await;
        let chat = |text: &str| gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&said(text));
        let (status, first) = answer(chat(&"many words ".repeat(100))).await;
        let spent =
            first["usage"]["input_tokens"].as_i64().unwrap() + first["usage"]["output_tokens"].as_i64().unwrap();
        assert_eq!((status, used(&gateway).await), (200, (2, spent)), "{first}");
        assert!(spent > TOKENS, "a turn that has begun goes to its end");

        let asked = gateway.asked().await.len();
        let (status, refused) = answer(chat("Hi")).await;
        assert_eq!((status, &refused["error"]["code"]), (402, &json!("TOKEN_LIMIT_REACHED")), "{refused}");
        assert_eq!(refused["error"]["details"]["limit"], TOKENS);
        gateway.equip(&gateway.acme.agent, "openai/x", settings, None).await;
        let conversation = gateway.customer_writes("wamid.1", "Hello?").await;
        let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        assert_eq!(messages["messages"][1]["body"], FALLBACK);
        assert_eq!(why(&gateway).await, "TOKEN_LIMIT_REACHED");
        assert_eq!(gateway.asked().await.len(), asked, "nobody was asked");
        assert_eq!(used(&gateway).await, (4, spent));

        // With a key of its own the workspace spends nothing of the installation's.
        let own = json!({"api_key": "own", "base_url": gateway.simulator.base_url()});
        assert_eq!(answer(gateway.acme("PUT", "/api/providers/openai").json(&own)).await.0, 200);
        let other = gateway.hire("openai/x", AgentSettings::default()).await;
        let (status, said) = answer(gateway.acme("POST", &format!("/api/agents/{other}/chat")).json(&said("Hi"))).await;
        assert!(status == 200 && said["usage"]["input_tokens"].as_i64() > Some(0), "{said}");
        assert_eq!(gateway.read("/api/usage").await["sum"]["hosted_tokens"], spent);
    });
}
