//! Leads captured by a program.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn captures_as_the_reference_shows() {
    scenario(|gateway| async move {
        let mut watch = gateway.watch();
        let lead = json!({
            "agent_id": gateway.acme.agent.id, "contact_name": "John Smith", "contact_email": "John@Example.com",
            "contact_phone": "+44 7700 900000", "source": "api", "notes": "Interested in premium plan",
        });
        let capture = || gateway.acme("POST", "/functions/v1/leads").header("idempotency-key", "l-1").json(&lead);
        let (status, captured) = answer(capture()).await;
        assert_eq!((status, &captured["status"]), (201, &json!("new")), "{captured}");
        assert!(captured["created_at"].as_str().unwrap().ends_with('Z'));
        watch.until_data("lead_captured", captured["id"].as_str().unwrap()).await;
        assert_eq!(answer(capture()).await.1["id"], captured["id"]);
        let kept = gateway.read(&format!("/api/leads/{}", captured["id"].as_str().unwrap())).await;
        assert_eq!(kept["contact_email"], "john@example.com");
        assert_eq!(kept["contact_phone"], "+447700900000");
        let events = gateway.read("/api/events").await;
        let mut all = events["events"].as_array().unwrap().iter();
        let told = all.find(|event| event["event"] == "lead_captured");
        let data = &told.unwrap_or_else(|| panic!("{events}"))["data"];
        assert_eq!((&data["agent_name"], &data["source"]), (&json!("Echo"), &json!("api")));
        for (body, expected, field) in [
            (json!({}), 400, "contact_name"),
            (json!({"contact_name": "J", "agent_id": gateway.rival.agent.id}), 404, "agent_id"),
            (json!({"agent_id": gateway.rival.agent.id}), 400, "contact_name"),
            (json!({"contact_name": "x".repeat(321)}), 400, "contact_name"),
            (json!({"contact_name": 5}), 400, "contact_name"),
        ] {
            let (status, failure) = answer(gateway.acme("POST", "/functions/v1/leads").json(&body)).await;
            assert_eq!((status, &failure["error"]["details"][0]["field"]), (expected, &json!(field)), "{failure}");
        }
    });
}
