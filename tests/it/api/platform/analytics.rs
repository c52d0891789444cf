//! What conversations came to, as an owner reads it.

use serde_json::{Value, json};
use switchboard::domain::agents::AgentSettings;

use crate::support::gateway::{answer, scenario};

#[test]
fn tells_who_answered_how_fast_and_what_came_of_it() {
    scenario(|gateway| async move {
        let settings = AgentSettings {
            base_url: Some(gateway.simulator.base_url()),
            tools: vec!["*".to_owned()],
            ..AgentSettings::default()
        };
        gateway.equip(&gateway.acme.agent, "test-model", settings, Some("sk-any")).await;
        let call = json!({"name": "hand_over_to_person", "arguments": {"reason": "They ask for a person."}});
        gateway.replies(&json!([{"tool_calls": [call]}, {"text": "Somebody will take over."}])).await;
        let conversation = gateway.customer_writes("wamid.1", "A person, please").await;
        let say = gateway.acme("POST", &format!("/api/conversations/{conversation}/messages"));
        assert_eq!(answer(say.json(&json!({"body": "Kim here."}))).await.0, 201);
        let chat = gateway.acme("POST", &format!("/api/agents/{}/chat", gateway.acme.other_agent.id));
        assert_eq!(answer(chat.json(&json!({"messages": [{"role": "user", "content": "Hi"}]}))).await.0, 200);
        let lead = json!({"contact_name": "Jane", "conversation_id": conversation});
        assert_eq!(answer(gateway.acme("POST", "/api/leads").json(&lead)).await.0, 201);

        let report = gateway.read("/api/analytics?by=channel").await;
        let of = |figures: &Value| {
            let count = |part: &str, name: &str| figures[part][name].as_i64().unwrap();
            let said = ["received", "sent_by_agents", "sent_by_people"].map(|name| count("messages", name));
            let names = ["opened", "ended", "answered_by_agent", "taken_over", "unanswered", "handed_over"];
            (names.map(|name| count("conversations", name)), said, figures["leads_captured"].as_i64().unwrap())
        };
        assert_eq!(of(&report["totals"]), ([2, 0, 1, 1, 0, 1], [2, 2, 1], 1), "{report}");
        assert_eq!(report["totals"]["conversations"]["containment"], 0.5);
        let times = &report["totals"]["first_response"];
        assert!(times["count"] == 2 && times["median_ms"].as_i64() <= times["p90_ms"].as_i64(), "{times}");
        assert_eq!(report["totals"]["resolution"], json!({"count": 0, "median_ms": null, "p90_ms": null}));
        let series = report["series"].as_array().unwrap();
        assert_eq!((series.len(), &series[29]["day"]), (30, &report["to"]), "{report}");
        assert_eq!(series.iter().map(|day| day["conversations"]["opened"].as_i64().unwrap()).sum::<i64>(), 2);
        let groups = report["groups"].as_array().unwrap();
        let whatsapp = groups.iter().find(|group| group["key"] == gateway.whatsapp.id.as_str()).unwrap();
        assert_eq!(of(whatsapp), ([1, 0, 0, 1, 0, 1], [1, 1, 1], 1), "{whatsapp}");
        let other = gateway.read(&format!("/api/analytics?agent_id={}", gateway.acme.other_agent.id)).await;
        assert_eq!(of(&other["totals"]), ([1, 0, 1, 0, 0, 0], [1, 1, 0], 0), "{other}");
        assert_eq!((&other["by"], &other["groups"]), (&Value::Null, &json!([])));

        let foreign = gateway.ask("GET", &format!("/api/analytics?by=channel&channel_id={}", gateway.whatsapp.id));
        let rival = answer(foreign.bearer_auth(&gateway.rival.key)).await.1;
        assert_eq!((of(&rival["totals"]), &rival["groups"]), (([0; 6], [0; 3], 0), &json!([])));
    });
}

#[test]
fn days_are_those_of_the_workspace_and_bounded() {
    scenario(|gateway| async move {
        let home = format!("/api/workspaces/{}", gateway.acme.workspace.id);
        let moved = gateway.by_cookie(&gateway.acme.session, "PATCH", &home);
        let moved = moved.header("x-tenant-id", &gateway.acme.workspace.id).json(&json!({"time_zone": "Asia/Tokyo"}));
        assert_eq!(answer(moved).await.0, 200);
        let report = gateway.read("/api/analytics?from=2026-01-01&to=2026-04-02").await;
        assert_eq!((&report["time_zone"], report["series"].as_array().unwrap().len()), (&json!("Asia/Tokyo"), 92));
        assert_eq!((&report["from"], &report["series"][91]["day"]), (&json!("2026-01-01"), &json!("2026-04-02")));
        for (query, field) in [
            ("from=yesterday", "from"),
            ("to=2026-02-30", "to"),
            ("to=20260201", "to"),
            ("from=2026-02-02&to=2026-02-01", "to"),
            ("from=2026-01-01&to=2026-04-03", "to"),
            ("from=9999-12-31&to=9999-12-31", "to"),
            ("by=moon", "by"),
        ] {
            let (status, refused) = answer(gateway.acme("GET", &format!("/api/analytics?{query}"))).await;
            assert_eq!((status, &refused["error"]["details"][0]["field"]), (400, &json!(field)), "{query}: {refused}");
        }
    });
}
