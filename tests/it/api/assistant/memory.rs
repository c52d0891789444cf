//! `/api/v1/memory`: what was learned, corrected and forgotten, and the search over it and over what was said.

use serde_json::{Value, json};
use switchboard::domain::jobs::{Embeddable, Verdict};
use switchboard::usecases::Switchboard;

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

/// A fact that is embedded.
async fn learned(gateway: &Gateway, switchboard: &Switchboard, text: &str, contact: Option<&str>) -> String {
    let fact = make(gateway, "/api/v1/memory", json!({"text": text, "contact_id": contact})).await;
    let id = fact["id"].as_str().unwrap().to_owned();
    embed(gateway, switchboard, &id).await;
    id
}

async fn embed(gateway: &Gateway, switchboard: &Switchboard, id: &str) {
    gateway.embed(switchboard, Embeddable::Memory, id, &Verdict::Drop).await;
}

#[test]
fn finds_what_is_meant_where_a_model_of_embeddings_is_configured() {
    scenario(|gateway| async move {
        let gateway = &gateway;
        let switchboard = gateway.with_meaning(&gateway.simulator.base_url(), None);
        let workspace_id = &gateway.acme.workspace.id;
        let jane = answer(gateway.acme("POST", "/api/contacts").json(&json!({"name": "Jane"}))).await.1;
        let jane = jane["id"].as_str().unwrap();
        let coffee = learned(gateway, &switchboard, "Likes espresso", Some(jane)).await;
        learned(gateway, &switchboard, "Lives in a green house", None).await;
        let texts = async |switchboard: &Switchboard, question: &str, contact: Option<&str>| {
            let found = switchboard.search_memory(workspace_id, question, contact).await.unwrap();
            assert!(found.first().is_none_or(|best| best.score >= 1.0));
            found.into_iter().map(|one| one.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&gateway.switchboard, "expresso", None).await, Vec::<String>::new(), "the words are others");
        assert_eq!(texts(&switchboard, "expresso", None).await, ["Likes espresso"]);
        assert_eq!(texts(&switchboard, "expresso", Some(jane)).await, ["Likes espresso"]);
        let nobody = switchboard.store.clock().id();
        assert_eq!(texts(&switchboard, "expresso", Some(&nobody)).await, Vec::<String>::new());
        let rival = switchboard.search_memory(&gateway.rival.workspace.id, "expresso", None).await.unwrap();
        assert!(rival.is_empty(), "{rival:?}");
        // Found by word and by meaning is found once; what only one of them finds stands behind it.
        assert_eq!(texts(&switchboard, "espresso house", None).await[..1], ["Likes espresso"]);
        assert_eq!(texts(&switchboard, "espresso house", None).await.len(), 2);
        // What is corrected is where its new text is.
        let path = format!("/api/v1/memory/{coffee}");
        assert_eq!(send(gateway, "PATCH", &path, &json!({"text": "Likes chamomile"})).await.0, 200);
        assert_eq!(texts(&switchboard, "expresso", None).await, Vec::<String>::new());
        embed(gateway, &switchboard, &coffee).await;
        assert_eq!(texts(&switchboard, "camomile", None).await, ["Likes chamomile"]);
        // A second run of the job asks nobody; a server that is away takes nothing from the words.
        let asked = gateway.asked().await.len();
        embed(gateway, &switchboard, &coffee).await;
        assert_eq!(gateway.asked().await.len(), asked);
        let away = gateway.with_meaning("http://127.0.0.1:9", None);
        assert_eq!(texts(&away, "chamomile", None).await, ["Likes chamomile"]);
    });
}
