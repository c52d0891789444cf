//! Webhook endpoints and what they were told, as the API shows them.

use serde_json::{Value, json};

use crate::support::gateway::{answer, scenario};
use crate::support::process::await_some;
use crate::support::receiver::Receiver;

#[test]
fn makes_changes_and_removes() {
    scenario(|gateway| async move {
        let agent = gateway.acme.agent.id.clone();
        let body = json!({
            "url": "http://127.0.0.1:9/hook?token=x", "description": "CRM", "events": ["run.failed", "message.sent"],
            "agent_id": agent, "rate_per_second": 5, "timeout_ms": 2_000,
        });
        let create = || gateway.acme("POST", "/api/webhook-endpoints").header("idempotency-key", "once").json(&body);
        let (status, made) = answer(create()).await;
        assert_eq!(status, 201, "{made}");
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(made["events"], json!(["message.sent", "run.failed"]));
        assert_eq!(answer(create()).await, (201, made.clone()));
        let other = gateway.acme("POST", "/api/webhook-endpoints").header("idempotency-key", "once");
        assert_eq!(answer(other.json(&json!({ "url": "http://127.0.0.1:8/" }))).await.0, 409);

        let path = format!("/api/webhook-endpoints/{}", made["id"].as_str().unwrap());
        let mut shown = made.clone();
        shown.as_object_mut().unwrap().remove("secret");
        assert_eq!(gateway.read(&path).await, shown, "the secret is shown once");
        assert_eq!(gateway.read("/api/webhook-endpoints").await, json!({ "items": [shown], "total": 1 }));

        let change = json!({ "events": [], "agent_id": null, "description": "", "rate_per_second": 1_000 });
        let (status, changed) = answer(gateway.acme("PATCH", &path).json(&change)).await;
        assert_eq!(status, 200, "{changed}");
        assert_eq!((&changed["agent_id"], &changed["events"]), (&Value::Null, &json!([])));
        assert_eq!((&changed["timeout_ms"], &changed["url"]), (&json!(2_000), &made["url"]));

        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 204);
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 404);
        assert_eq!(answer(gateway.acme("GET", &path)).await.0, 404);
    });
}

#[test]
fn names_what_cannot_work() {
    scenario(|gateway| async move {
        let stranger = gateway.rival.agent.id.clone();
        for (body, field) in [
            (json!({}), "body"),
            (json!({ "url": "nonsense" }), "url"),
            (json!({ "url": "http://127.0.0.1/#x" }), "url"),
            (json!({ "url": "http://127.0.0.1/", "events": ["message.sent", "message.*"] }), "events[1]"),
            (json!({ "url": "http://127.0.0.1/", "agent_id": stranger }), "agent_id"),
            (json!({ "url": "http://127.0.0.1/", "rate_per_second": 0 }), "rate_per_second"),
            (json!({ "url": "http://127.0.0.1/", "timeout_ms": 99_999 }), "timeout_ms"),
            (json!({ "url": "http://127.0.0.1/", "description": "x".repeat(501) }), "description"),
            (json!({ "url": "http://127.0.0.1/", "secret": "whsec_AAAA" }), "secret"),
        ] {
            let (status, answered) = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&body)).await;
            assert_eq!(status, if field == "agent_id" { 404 } else { 400 }, "{body}");
            assert_eq!(answered["error"]["details"][0]["field"], field, "{body}: {answered}");
            assert!(!answered.to_string().contains("whsec_AAAA"), "a secret is repeated");
        }
        assert_eq!(gateway.read("/api/webhook-endpoints").await["total"], 0);
    });
}

#[test]
fn tests_rotates_and_enables() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        receiver.answers(&["204 No Content", "418 Teapot", "200 OK"]);
        let body = json!({ "url": receiver.url, "events": ["run.failed"] });
        let (_, made) = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&body)).await;
        let path = format!("/api/webhook-endpoints/{}", made["id"].as_str().unwrap());
        for (success, code) in [(true, 204), (false, 418)] {
            let (status, tested) = answer(gateway.acme("POST", &format!("{path}/test"))).await;
            assert_eq!(status, 200);
            assert_eq!((&tested["success"], &tested["status_code"]), (&json!(success), &json!(code)));
            assert!(tested["response_time_ms"].is_u64() && tested.get("error").is_none());
        }
        assert_eq!(receiver.received()[0].json()["event"], "webhook.test");
        let tests = gateway.read(&format!("{path}/deliveries?state=failed")).await;
        assert_eq!((&tests["total"], &tests["items"][0]["cause"]), (&json!(1), &json!("test")));
        assert_eq!(gateway.read(&path).await["failures"], 0, "a test says nothing of deliveries");

        let rotate = |body: Value| gateway.acme("POST", &format!("{path}/rotate-secret")).json(&body);
        let (status, refused) = answer(rotate(json!({ "overlap_seconds": 604_801 }))).await;
        assert_eq!((status, &refused["error"]["details"][0]["field"]), (400, &json!("overlap_seconds")));
        let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (status, rotated) = answer(rotate(json!({ "overlap_seconds": 0, "secret": own }))).await;
        assert_eq!((status, rotated["secret"].as_str()), (200, Some(own)));
        assert_eq!(rotated["retiring_secrets"], json!([]));
        answer(gateway.acme("POST", &format!("{path}/test"))).await;
        assert!(receiver.received()[2].is_signed_with(own));
        for _ in 0..9 {
            assert_eq!(answer(rotate(json!({}))).await.0, 200);
        }
        assert_eq!(answer(rotate(json!({}))).await.0, 409, "ten at once are enough");
        assert_eq!(answer(gateway.acme("POST", &format!("{path}/enable"))).await.0, 200);
    });
}

#[test]
fn lists_reads_and_tells_again() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        let body = json!({ "url": receiver.url, "events": ["message.received"] });
        let (_, made) = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&body)).await;
        let path = format!("/api/webhook-endpoints/{}", made["id"].as_str().unwrap());
        gateway.customer_writes("wamid.1", "Hello").await;
        let list = format!("{path}/deliveries?state=delivered");
        let delivered = await_some("the delivery", || async {
            let shown = gateway.read(&list).await;
            if shown["total"] == 1 { Ok(shown["items"][0].clone()) } else { Err(shown.to_string()) }
        })
        .await;
        assert!(delivered.get("body").is_none() && delivered["ended_at"].is_i64());
        assert_eq!(gateway.read(&format!("{path}/deliveries?state=failed")).await["total"], 0);
        assert_eq!(answer(gateway.acme("GET", &format!("{path}/deliveries?state=lost"))).await.0, 400);
        let one = format!("/api/webhook-deliveries/{}", delivered["id"].as_str().unwrap());
        assert_eq!(gateway.read(&one).await["attempts"][0]["status"], 200);
        let (status, due) = answer(gateway.acme("POST", &format!("{one}/redeliver"))).await;
        assert_eq!((status, &due["state"], &due["cause"]), (202, &json!("waiting"), &json!("redelivery")));
        let both = receiver.until(2).await;
        assert_eq!((both[0].id(), &both[0].body), (both[1].id(), &both[1].body));

        let redeliver = |body: Value| gateway.acme("POST", &format!("{path}/redeliver")).json(&body);
        for bad in [json!({}), json!({ "from": 0 }), json!({ "from": 1, "since": 0 }), json!({ "from": 5, "to": 4 })] {
            assert_eq!(answer(redeliver(bad)).await.0, 400);
        }
        assert_eq!(answer(redeliver(json!({ "from": 1 }))).await, (202, json!({ "deliveries": 1 })));
        assert_eq!(receiver.until(3).await[2].id(), both[0].id());
        let seq = both[0].json()["sequence"].as_i64().unwrap();
        assert_eq!(answer(redeliver(json!({ "from": seq + 1 }))).await, (202, json!({ "deliveries": 0 })));
    });
}
