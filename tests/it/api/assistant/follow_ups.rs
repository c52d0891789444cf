//! `/api/v1/follow-ups`: made, listed, changed, replaced, deleted, and told of at their time.

use serde_json::{Value, json};

use super::{make, refused, send, told};
use crate::support::gateway::{answer, scenario};

#[test]
fn makes_changes_and_deletes() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let body = json!({"note": "Ask about the samples", "due": "in three days", "conversation_id": conversation});
        let post = |body: &Value| gateway.acme("POST", "/api/v1/follow-ups").header("idempotency-key", "k").json(body);
        let (status, made) = answer(post(&body)).await;
        assert_eq!((status, &made["data"]["status"]), (201, &json!("pending")), "{made}");
        assert_eq!(answer(post(&body)).await.1["data"], made["data"]);
        assert_eq!(answer(post(&json!({"note": "x", "due": "tomorrow"}))).await.0, 409);
        assert_eq!(made["data"]["due_at"].as_i64().unwrap() % 86_400_000, 9 * 3_600_000);
        let path = format!("/api/v1/follow-ups/{}", made["data"]["id"].as_str().unwrap());
        assert_eq!(gateway.read(&path).await["data"], made["data"]);
        let (_, changed) = send(&gateway, "PATCH", &path, &json!({"status": "done"})).await;
        assert!(changed["data"]["completed_at"].is_i64());
        assert_eq!(changed["data"]["conversation_id"], json!(conversation));
        let (_, replaced) = send(&gateway, "PUT", &path, &json!({"note": "Call", "due": "tomorrow"})).await;
        assert_eq!(
            (&replaced["data"]["status"], &replaced["data"]["conversation_id"]),
            (&json!("pending"), &Value::Null)
        );
        for (method, path, body, field) in [
            ("PUT", path.as_str(), json!({"note": "Call"}), "due_at"),
            ("PATCH", &path, json!({"due": "never"}), "due"),
            ("PATCH", &path, json!({"contact_id": gateway.whatsapp.id}), "contact_id"),
            ("POST", "/api/v1/follow-ups", json!({"due": "tomorrow"}), "note"),
            ("POST", "/api/v1/follow-ups", json!({"note": "x", "due_at": 1}), "due_at"),
        ] {
            assert_eq!(refused(&gateway, method, path, &body).await, field, "{body}");
        }
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 200);
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 404);
        let kinds = ["follow_up.created", "follow_up.updated", "follow_up.deleted"];
        for (kind, count) in kinds.into_iter().zip([1, 2, 1]) {
            assert_eq!(told(&gateway, kind).await.len(), count, "{kind}");
        }
    });
}

#[test]
fn lists_what_is_asked_for() {
    scenario(|gateway| async move {
        for (note, due) in [("b", "2126-02-01"), ("a", "2126-01-01"), ("c", "2126-03-01")] {
            make(&gateway, "/api/v1/follow-ups", json!({"note": note, "due_at": due})).await;
        }
        let notes = async |query: &str| {
            let page = gateway.read(&format!("/api/v1/follow-ups{query}")).await;
            let found = page["data"]["follow_ups"].as_array().unwrap();
            found.iter().map(|follow_up| follow_up["note"].as_str().unwrap().to_owned()).collect::<String>()
        };
        for (query, expected) in
            [("", "abc"), ("?limit=2&page=2", "c"), ("?due_before=2126-02-02", "ab"), ("?status=done", "")]
        {
            assert_eq!(notes(query).await, expected, "{query}");
        }
        assert_eq!(answer(gateway.acme("GET", "/api/v1/follow-ups?status=open")).await.0, 400);
    });
}

#[test]
fn tells_once_at_its_time() {
    scenario(|gateway| async move {
        let mut watch = gateway.watch();
        let soon = gateway.switchboard.now() + 300;
        let made = make(&gateway, "/api/v1/follow-ups", json!({"note": "Call Kim", "due_at": soon})).await;
        watch.until_data("reminder.triggered", "reminder").await;
        let told = told(&gateway, "reminder.triggered").await;
        assert_eq!((told.len(), &told[0]["reminder"]["about"]), (1, &json!("follow_up")));
        assert_eq!(told[0]["follow_up"]["id"], made["id"]);
        assert!(told[0]["follow_up"]["reminded_at"].is_i64());
    });
}
