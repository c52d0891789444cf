//! `/api/v1/memory`: what was learned, corrected and forgotten, and the search over it and over what was said.

use serde_json::{Value, json};

use super::{make, refused, send};
use crate::support::gateway::{Gateway, answer, scenario};

async fn found(gateway: &Gateway, query: &str) -> Vec<Value> {
    let page = gateway.read(&format!("/api/v1/memory/search?q={query}")).await;
    page["data"]["results"].as_array().unwrap().clone()
}

#[test]
fn learns_corrects_and_forgets() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let contact = gateway.read(&format!("/api/conversations/{conversation}")).await["contact"]["id"].clone();
        let body = json!({"text": "Prefers calls in the afternoon", "kind": "preference", "contact_id": contact});
        let post = |body: &Value| gateway.acme("POST", "/api/v1/memory").header("idempotency-key", "k").json(body);
        let (status, made) = answer(post(&body)).await;
        assert_eq!((status, &made["data"]["source"]), (201, &json!("api")), "{made}");
        assert_eq!(answer(post(&body)).await.1["data"], made["data"]);
        assert_eq!(answer(post(&json!({"text": "x"}))).await.0, 409);
        let path = format!("/api/v1/memory/{}", made["data"]["id"].as_str().unwrap());
        assert_eq!(gateway.read(&path).await["data"], made["data"]);
        assert_eq!(found(&gateway, "afternoon").await.len(), 1);
        let (_, corrected) = send(&gateway, "PATCH", &path, &json!({"text": "Prefers calls in the morning"})).await;
        assert_eq!(corrected["data"]["contact_id"], contact);
        assert_eq!((found(&gateway, "afternoon").await.len(), found(&gateway, "morning").await.len()), (0, 1));
        for (query, count) in [("", 1), ("?kind=fact", 0), ("?kind=preference", 1)] {
            assert_eq!(gateway.read(&format!("/api/v1/memory{query}")).await["meta"]["total"], count, "{query}");
        }
        for (body, field) in [
            (json!({}), "text"),
            (json!({"text": " "}), "text"),
            (json!({"text": "x", "message_id": gateway.whatsapp.id}), "message_id"),
            (json!({"text": "x", "contact_id": gateway.whatsapp.id}), "contact_id"),
        ] {
            assert_eq!(refused(&gateway, "POST", "/api/v1/memory", &body).await, field, "{body}");
        }
        let rival = gateway.ask("GET", "/api/v1/memory/search?q=morning").bearer_auth(&gateway.rival.key);
        assert_eq!(answer(rival).await.1["data"]["results"], json!([]));
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 200);
        assert_eq!((answer(gateway.acme("DELETE", &path)).await.0, found(&gateway, "morning").await.len()), (404, 0));
    });
}

#[test]
fn finds_what_was_learned_and_said() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "The blue kettle leaks").await;
        let contact = gateway.read(&format!("/api/conversations/{conversation}")).await["contact"]["id"].clone();
        make(&gateway, "/api/v1/memory", json!({"text": "The kettle in the office is red"})).await;
        let all = found(&gateway, "blue%20kettle").await;
        assert_eq!((all[0]["text"].as_str(), all[0]["score"].as_f64()), (Some("The blue kettle leaks"), Some(1.0)));
        let source = &all[0]["source"];
        assert_eq!(
            (&source["kind"], &source["conversation_id"], &source["contact_id"]),
            (&json!("message"), &json!(conversation), &contact)
        );
        assert!(source["message_id"].is_string() && source["at"].is_i64());
        let fact = all.iter().find(|one| one["source"]["kind"] == "fact").unwrap();
        assert!(fact["score"].as_f64().unwrap() < 1.0 && fact["source"]["memory_id"].is_string(), "{fact}");
        // The agent repeated what it heard, and that was said, too.
        assert_eq!(all.len(), 3);
        let about = found(&gateway, &format!("kettle&contact_id={}", contact.as_str().unwrap())).await;
        assert!(about.iter().all(|one| one["source"]["kind"] == "message") && about.len() == 2, "{about:?}");
        let page = gateway.read("/api/v1/memory/search?q=kettle&limit=1&page=2").await;
        assert_eq!((&page["meta"]["total"], page["data"]["results"].as_array().unwrap().len()), (&json!(3), 1));
        assert_eq!(found(&gateway, "%22%29*%20OR").await.len(), 0);
        for query in ["", "?q=", "?q=%20"] {
            let (status, body) = answer(gateway.acme("GET", &format!("/api/v1/memory/search{query}"))).await;
            assert_eq!((status, &body["error"]["details"][0]["field"]), (400, &json!("q")), "{query}");
        }
    });
}
