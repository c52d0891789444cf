//! `/api/v1/tasks`: made, listed, changed, replaced, deleted, reminded of; once for each key.

use serde_json::{Value, json};

use super::{make, refused, send, told};
use crate::support::gateway::{answer, scenario};

#[test]
fn makes_changes_and_deletes() {
    scenario(|gateway| async move {
        gateway.switchboard.store.put_time_zone(&gateway.acme.workspace.id, "Asia/Kolkata").await.unwrap();
        let body = json!({"title": "Follow up with ABC Traders", "due_date": "2126-03-26", "priority": "high",
            "remind": "tomorrow at nine", "tags": ["sales"], "assignee": "Ana"});
        let post =
            |key: &str, body: &Value| gateway.acme("POST", "/api/v1/tasks").header("idempotency-key", key).json(body);
        let (status, made) = answer(post("k1", &body)).await;
        assert_eq!(status, 201, "{made}");
        let task = made["data"].clone();
        assert_eq!(
            (&task["due_date"], &task["priority"], &task["status"]),
            (&json!("2126-03-26"), &json!("high"), &json!("open"))
        );
        // The day ends when it ends there: 18:30 UTC.
        assert_eq!(task["due_at"].as_i64().unwrap() % 86_400_000, 66_600_000 - 1);
        assert_eq!(task["remind_at"].as_i64().unwrap() % 86_400_000, 12_600_000);
        assert_eq!((&task["source"], &task["tags"]), (&json!("api"), &json!(["sales"])));
        let again = post("k1", &body).send().await.unwrap();
        assert_eq!((again.status().as_u16(), &again.headers()["idempotent-replayed"]), (201, &"true".parse().unwrap()));
        assert_eq!(again.json::<Value>().await.unwrap()["data"], task);
        let (status, mismatch) = answer(post("k1", &json!({"title": "Other"}))).await;
        assert_eq!((status, &mismatch["error"]["code"]), (409, &json!("IDEMPOTENCY_MISMATCH")));
        assert_eq!(told(&gateway, "task.created").await.len(), 1);

        let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
        assert_eq!(gateway.read(&path).await["data"], task);
        let (_, changed) = send(&gateway, "PATCH", &path, &json!({"status": "done", "assignee": null})).await;
        assert!(changed["data"]["completed_at"].is_i64(), "{changed}");
        assert_eq!((&changed["data"]["assignee"], &changed["data"]["tags"]), (&Value::Null, &task["tags"]));
        assert_eq!(told(&gateway, "task.completed").await[0]["task"]["id"], task["id"]);
        let (status, replaced) = send(&gateway, "PUT", &path, &json!({"title": "Call"})).await;
        assert_eq!((status, &replaced["data"]["tags"], &replaced["data"]["status"]), (200, &json!([]), &json!("open")));
        assert_eq!((&replaced["data"]["due_at"], &replaced["data"]["remind_at"]), (&Value::Null, &Value::Null));
        assert_eq!(refused(&gateway, "PUT", &path, &json!({})).await, "title");
        assert_eq!(send(&gateway, "DELETE", &path, &json!({})).await.1["data"]["deleted"], true);
        assert_eq!(answer(gateway.acme("GET", &path)).await.0, 404);
        assert_eq!(send(&gateway, "PATCH", &path, &json!({"title": "x"})).await.0, 404);
        let (status, gone) = answer(post("k1", &body)).await;
        assert_eq!((status, &gone["error"]["code"]), (409, &json!("CONFLICT")));
    });
}

#[test]
fn lists_what_is_asked_for() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let contact = gateway.read(&format!("/api/conversations/{conversation}")).await["contact"]["id"].clone();
        for body in [
            json!({"title": "Later", "due_date": "2126-05-01", "contact_id": contact}),
            json!({"title": "100% sure", "priority": "urgent", "conversation_id": conversation}),
            json!({"title": "Sooner", "due_date": "2126-04-01T09:00:00Z", "description": "SURELY"}),
        ] {
            make(&gateway, "/api/v1/tasks", body).await;
        }
        let titles = async |query: &str| {
            let page = gateway.read(&format!("/api/v1/tasks{query}")).await;
            let tasks = page["data"]["tasks"].as_array().unwrap();
            let titles: Vec<String> = tasks.iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect();
            (titles.join(" "), page["meta"]["total"].as_i64().unwrap())
        };
        for (query, expected, total) in [
            ("", "Sooner Later 100% sure", 3),
            ("?limit=1", "Sooner", 3),
            ("?limit=1&page=2", "Later", 3),
            ("?page=9", "", 3),
            ("?due_before=2126-05-01", "Sooner", 1),
            ("?due_before=2126-05-02", "Sooner Later", 2),
            ("?priority=urgent", "100% sure", 1),
            ("?status=done", "", 0),
            ("?q=SURE", "Sooner 100% sure", 2),
            ("?q=0%25%20s", "100% sure", 1),
            ("?q=_", "", 0),
        ] {
            assert_eq!(titles(query).await, (expected.to_owned(), total), "{query}");
        }
        assert_eq!(titles(&format!("?contact_id={}", contact.as_str().unwrap())).await.0, "Later");
        let meta = &gateway.read("/api/v1/tasks?limit=2").await["meta"];
        assert_eq!((&meta["page"], &meta["limit"], &meta["total"]), (&json!(1), &json!(2), &json!(3)));
        for query in ["page=0", "limit=101", "status=finished", "priority=1", "due_before=soon", "contact_id=1"] {
            let (status, body) = answer(gateway.acme("GET", &format!("/api/v1/tasks?{query}"))).await;
            let field = query.split('=').next().unwrap();
            assert_eq!((status, &body["error"]["details"][0]["field"]), (400, &json!(field)), "{query}");
        }
        let rival = gateway.ask("GET", "/api/v1/tasks").bearer_auth(&gateway.rival.key);
        assert_eq!(answer(rival).await.1["meta"]["total"], 0);
    });
}

#[test]
fn names_what_is_wrong() {
    scenario(|gateway| async move {
        for (body, field) in [
            (json!({"title": ""}), "title"),
            (json!({"title": "x", "priority": "top"}), "priority"),
            (json!({"title": "x", "colour": "red"}), "colour"),
            (json!({"title": "x", "due_date": "when I am old"}), "due_date"),
            (json!({"title": "x", "remind": "yesterday"}), "remind"),
            (json!({"title": "x", "remind_at": 5}), "remind_at"),
            (json!({"title": "x", "contact_id": gateway.whatsapp.id}), "contact_id"),
            (json!({"title": "x", "conversation_id": gateway.whatsapp.id}), "conversation_id"),
        ] {
            assert_eq!(refused(&gateway, "POST", "/api/v1/tasks", &body).await, field, "{body}");
        }
        let (_, refused) = send(&gateway, "POST", "/api/v1/tasks", &json!({"title": "x", "remind": "soon"})).await;
        assert!(refused["error"]["details"][0]["expected"].as_str().unwrap().contains("tomorrow at nine"), "{refused}");
        assert_eq!(gateway.read("/api/v1/tasks").await["meta"]["total"], 0);
    });
}

#[test]
fn reminds_once_at_its_time() {
    scenario(|gateway| async move {
        let mut watch = gateway.watch();
        let soon = gateway.switchboard.now() + 3_000;
        let first = make(&gateway, "/api/v1/tasks", json!({"title": "First", "remind_at": soon})).await;
        let path = |task: &Value| format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
        // These are set anew, done or deleted before their time, and tell nothing at it.
        let moved = make(&gateway, "/api/v1/tasks", json!({"title": "Moved", "remind_at": soon})).await;
        send(&gateway, "PATCH", &path(&moved), &json!({"remind_at": soon + 300})).await;
        let done = make(&gateway, "/api/v1/tasks", json!({"title": "Done", "remind_at": soon})).await;
        send(&gateway, "PATCH", &path(&done), &json!({"status": "done"})).await;
        let gone = make(&gateway, "/api/v1/tasks", json!({"title": "Gone", "remind_at": soon})).await;
        send(&gateway, "DELETE", &path(&gone), &json!({})).await;
        watch.until_data("reminder.triggered", "reminder").await;
        watch.until_data("reminder.triggered", "reminder").await;
        let told = told(&gateway, "reminder.triggered").await;
        let titles: Vec<_> = told.iter().map(|data| data["task"]["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["First", "Moved"]);
        let reminder = &told[0]["reminder"];
        assert_eq!(
            (&reminder["about"], &reminder["id"], &reminder["remind_at"]),
            (&json!("task"), &first["id"], &json!(soon))
        );
        assert!(told.iter().all(|data| data["reminder"]["at"].as_i64() >= data["reminder"]["remind_at"].as_i64()));
        assert!(gateway.read(&path(&first)).await["data"]["reminded_at"].is_i64());
        assert!(gateway.switchboard.store.count_jobs().await.unwrap().iter().all(|jobs| jobs.kind != "remind"));
    });
}
