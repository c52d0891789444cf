//! Leads: captured, listed, taken further and deleted.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn are_captured_changed_and_deleted() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let contact = gateway.read("/api/contacts").await["items"][0]["id"].clone();
        let lead = json!({"conversation_id": conversation, "contact_name": " Jane Doe ", "session_id": "abc-123",
                          "source": "fair", "contact_email": "[email\u{a0}protected]"});
        let (status, made) = answer(gateway.acme("POST", "/api/leads").json(&lead)).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!((&made["contact_name"], &made["contact_id"]), (&json!("Jane Doe"), &contact));
        assert_eq!((&made["agent_id"], &made["source"]), (&json!(gateway.acme.agent.id), &json!("fair")));
        let path = format!("/api/leads/{}", made["id"].as_str().unwrap());
        let patch = json!({"status": "contacted", "contact_phone": "+4930123456", "contact_email": null});
        let (status, changed) = answer(gateway.acme("PATCH", &path).json(&patch)).await;
        assert_eq!(status, 200, "{changed}");
        assert_eq!((&changed["status"], &changed["contact_phone"]), (&json!("contacted"), &json!("+4930123456")));
        assert_eq!((&changed["contact_email"], &changed["contact_name"]), (&json!(null), &json!("Jane Doe")));
        assert_eq!(gateway.read(&path).await, changed);
        assert_eq!(gateway.read("/api/leads?status=contacted").await["items"][0], changed);
        assert_eq!(gateway.read("/api/leads?status=won").await["total"], 0);
        let (status, failure) = answer(gateway.acme("GET", "/api/leads?status=gone&limit=0")).await;
        assert_eq!((status, failure["error"]["details"].as_array().unwrap().len()), (400, 2));
        for (body, expected, field) in [
            (json!({"contact_name": "J", "conversation_id": "x"}), 404, "conversation_id"),
            (json!({"contact_name": "J", "colour": "red"}), 400, "colour"),
            (json!({"notes": "nobody"}), 400, "contact_name"),
        ] {
            let (status, failure) = answer(gateway.acme("POST", "/api/leads").json(&body)).await;
            assert_eq!((status, &failure["error"]["details"][0]["field"]), (expected, &json!(field)), "{failure}");
        }
        let (status, failure) = answer(gateway.acme("PATCH", &path).json(&json!({"status": "lukewarm"}))).await;
        assert_eq!((status, &failure["error"]["details"][0]["field"]), (400, &json!("status")));
        let rival = gateway.ask("GET", &path).bearer_auth(&gateway.rival.key);
        assert_eq!(answer(rival).await.0, 404);
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 204);
        assert_eq!(answer(gateway.acme("GET", &path)).await.0, 404);
    });
}
