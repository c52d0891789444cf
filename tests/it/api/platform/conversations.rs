//! Conversations: reading, saying something once, the window's rule, handing over, and their actors.

use serde_json::{Value, json};
use switchboard::domain::members::Role;

use crate::support::gateway::{answer, scenario};

#[test]
fn lists_and_reads() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let list = gateway.read(&format!("/api/conversations?channel_id={}", gateway.whatsapp.id)).await;
        assert_eq!((list["total"].as_i64(), list["items"][0]["id"].as_str()), (Some(1), Some(id.as_str())));
        let other = gateway.read(&format!("/api/conversations?channel_id={}", gateway.acme.widget.id)).await;
        assert_eq!(other["total"], 0);
        let one = gateway.read(&format!("/api/conversations/{id}")).await;
        assert_eq!((one["contact"]["name"].as_str(), one["window"]["state"].as_str()), (Some("Kim"), Some("open")));
        assert_eq!((&one["channel_kind"], &one["owner"]), (&json!("whatsapp"), &json!({"kind": "agent"})));
        let messages = gateway.read(&format!("/api/conversations/{id}/messages?since=1&limit=200")).await;
        assert_eq!(messages["messages"][0]["seq"], 2);
        let state = gateway.read(&format!("/api/conversations/{id}/state")).await;
        assert_eq!((state["conversation_id"].as_str(), state["revivals"].as_i64()), (Some(id.as_str()), Some(0)));
    });
}

#[test]
fn says_something_once() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}/messages");
        let post = |key: &str, body| gateway.acme("POST", &path).header("idempotency-key", key).json(&body);
        let (status, first) = answer(post("k1", json!({"body": "Your room is ready."}))).await;
        assert_eq!((status, first["author"]["kind"].as_str()), (201, Some("human")));
        let repeated = post("k1", json!({"body": "Your room is ready."})).send().await.unwrap();
        assert_eq!(
            (repeated.status().as_u16(), &repeated.headers()["idempotent-replayed"]),
            (201, &"true".parse().unwrap())
        );
        let (status, body) = answer(post("k1", json!({"body": "Something else."}))).await;
        assert_eq!((status, body["error"]["code"].as_str()), (409, Some("IDEMPOTENCY_MISMATCH")));
        assert_eq!(gateway.read(&format!("/api/conversations/{id}")).await["owner"]["kind"], "human");
        for (key, body, expected) in [
            ("k 2", json!({"body": "Hi"}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "content": {"type": "text", "text": "Hi"}}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "reply_to": "nothing"}), "NOT_FOUND"),
            ("k2", json!({"body": "Hi", "colour": 1}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "on_window_closed": "later"}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "fallback_after": 0}), "INVALID_REQUEST"),
            ("k2", json!({"body": "Hi", "fallback_after": 86_401}), "INVALID_REQUEST"),
            ("k2", json!({"body": "One sentence. ".repeat(400), "fallback_after": 60}), "INVALID_CONTENT"),
            ("k2", json!({"body": "x".repeat(100_000)}), "MESSAGE_TOO_LONG"),
            ("k2", json!({"content": {"type": "choice", "id": "1", "title": "One"}}), "INVALID_CONTENT"),
        ] {
            let (_, answered) = answer(post(key, body.clone())).await;
            assert_eq!(answered["error"]["code"], expected, "{answered}");
        }
    });
}

#[test]
fn refuses_once_the_window_is_closed() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}/messages");
        let before = gateway.read(&path).await;
        gateway.switchboard.store.clock().advance(25 * 60 * 60 * 1_000);
        let (status, refused) = answer(gateway.acme("POST", &path).json(&json!({"body": "Still there?"}))).await;
        assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("WINDOW_CLOSED")));
        let details = &refused["error"]["details"];
        assert!(details["closed_at"].is_i64() && details["human_agent_tag"] == false, "{details}");
        let templates = details["templates"].as_array().unwrap_or_else(|| panic!("{details}"));
        assert!(!templates.is_empty() && templates.iter().all(|template| template["status"] == "APPROVED"));
        let after = gateway.read(&path).await;
        assert_eq!(before["messages"].as_array().unwrap().len(), after["messages"].as_array().unwrap().len());
        let nowhere = json!({"body": "Still there?", "on_window_closed": "fallback"});
        let (status, refused) = answer(gateway.acme("POST", &path).json(&nowhere)).await;
        assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("WINDOW_CLOSED")), "there is no other way");
        let template = json!({"name": "hello_world", "language": "en_US"});
        let instead = json!({"body": "Still there?", "on_window_closed": "template", "template": template});
        let post = || gateway.acme("POST", &path).header("idempotency-key", "instead").json(&instead);
        let (status, said) = answer(post()).await;
        assert_eq!((status, said["content"]["type"].as_str()), (201, Some("template")), "{said}");
        let (status, again) = answer(post()).await;
        assert_eq!((status, &again["id"]), (201, &said["id"]), "the same key says it once");
    });
}

#[test]
fn a_long_text_becomes_several_messages_in_order() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}/messages");
        let sentence = "One sentence that ends here. ";
        let (status, _) = answer(gateway.acme("POST", &path).json(&json!({"body": sentence.repeat(300)}))).await;
        assert_eq!(status, 201);
        let messages = gateway.read(&path).await;
        let said: Vec<&str> = messages["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|message| message["author"]["kind"] == "human")
            .map(|message| message["body"].as_str().unwrap())
            .collect();
        assert_eq!(said.len(), 3);
        assert!(said.iter().all(|part| part.len() <= 4_096 && part.ends_with("here.")), "{said:?}");
        assert_eq!(said.join(" ").len(), sentence.len() * 300 - 1);
    });
}

#[test]
fn changes_hands_and_shows_signs() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}");
        let (status, body) = answer(gateway.acme("PATCH", &path).json(&json!({"owner": {"kind": "nobody"}}))).await;
        assert_eq!((status, &body["owner"]), (200, &json!({"kind": "nobody"})));
        let (status, body) = answer(gateway.acme("PATCH", &path).json(&json!({"owner": {"kind": "cat"}}))).await;
        assert_eq!((status, &body["error"]["details"][0]["field"]), (400, &json!("owner.kind")));
        for sign in ["read", "typing"] {
            let (status, body) = answer(gateway.acme("POST", &format!("{path}/{sign}"))).await;
            assert_eq!(status, 204, "{sign}: {body}");
        }
    });
}

#[test]
fn is_given_to_a_member() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}");
        let (ann, session) = gateway.member_with(&gateway.acme, "ann@example.com", Role::Agent).await;
        let (stranger, _) = gateway.member_with(&gateway.rival, "eve@example.com", Role::Agent).await;
        let give = |user: &str| {
            answer(
                gateway.acme("PATCH", &path).json(&json!({"owner": {"kind": "human", "id": user, "name": "Nobody"}})),
            )
        };
        let (status, refused) = give(&stranger.id).await;
        assert_eq!((status, &refused["error"]["details"][0]["field"]), (404, &json!("owner.id")), "{refused}");
        let (status, given) = give(&ann.id).await;
        let hers = json!({"kind": "human", "id": ann.id, "name": ann.name});
        assert_eq!((status, &given["owner"]), (200, &hers));
        for (query, expected) in [
            (format!("assignee_id={}", ann.id), 1),
            (format!("assignee_id={}&owner=human", ann.id), 1),
            (format!("assignee_id={}", stranger.id), 0),
            ("owner=human".to_owned(), 1),
            ("owner=agent".to_owned(), 0),
            (format!("owner=human&contact_id={}", given["contact"]["id"].as_str().unwrap()), 1),
            (format!("status=closed&contact_id={}", given["contact"]["id"].as_str().unwrap()), 0),
        ] {
            assert_eq!(gateway.read(&format!("/api/conversations?{query}")).await["total"], expected, "{query}");
        }
        for (query, field) in [
            ("owner=cat".to_owned(), "owner"),
            ("status=asleep".to_owned(), "status"),
            (format!("assignee_id={}&owner=agent", ann.id), "assignee_id"),
            ("assignee_id=ann".to_owned(), "assignee_id"),
        ] {
            let (status, refused) = answer(gateway.acme("GET", &format!("/api/conversations?{query}"))).await;
            assert_eq!((status, &refused["error"]["details"][0]["field"]), (400, &json!(field)), "{refused}");
        }
        // Who writes with their own session takes it.
        assert_eq!(answer(gateway.acme("PATCH", &path).json(&json!({"owner": {"kind": "agent"}}))).await.0, 200);
        let says = gateway.by_cookie(&session, "POST", &format!("{path}/messages")).json(&json!({"body": "Ann here."}));
        assert_eq!(answer(says).await.0, 201);
        assert_eq!(gateway.read(&path).await["owner"]["id"], json!(ann.id));
    });
}

#[test]
fn is_closed_until_the_person_writes_again() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let path = format!("/api/conversations/{id}");
        let change = |body| answer(gateway.acme("PATCH", &path).json(&body));
        let (_, taken) = change(json!({"owner": {"kind": "human", "name": "Ann"}})).await;
        assert_eq!((&taken["status"], &taken["closed_at"]), (&json!("open"), &json!(null)));
        let mut watch = gateway.watch();
        let (status, closed) = change(json!({"status": "closed"})).await;
        assert_eq!((status, &closed["status"], &closed["owner"]), (200, &json!("closed"), &json!({"kind": "agent"})));
        watch.until_data("conversation.closed", "closed_at").await;
        let (status, again) = change(json!({"status": "closed"})).await;
        assert_eq!((status, &again["closed_at"]), (200, &closed["closed_at"]), "once");
        assert_eq!(gateway.read("/api/conversations?status=closed").await["total"], 1);
        for body in [json!({}), json!({"status": "open", "owner": {"kind": "nobody"}}), json!({"status": "gone"})] {
            assert_eq!(change(body.clone()).await.0, 400, "{body}");
        }
        // What a program says settles nothing and opens nothing; the person's next word does, and is answered.
        let said = gateway.acme("POST", &format!("{path}/messages"));
        let said = answer(said.json(&json!({"body": "How was it?", "author": {"kind": "system"}}))).await;
        assert_eq!((said.0, gateway.read(&path).await["status"].as_str()), (201, Some("closed")));
        gateway.customer_writes("wamid.2", "One more thing").await;
        let open = gateway.read(&path).await;
        assert_eq!((&open["status"], &open["closed_at"]), (&json!("open"), &json!(null)));
        assert!(open["opened_at"].as_i64() >= closed["closed_at"].as_i64(), "{open}");
        let (_, closed) = change(json!({"status": "closed"})).await;
        let (_, open) = change(json!({"status": "open"})).await;
        assert_eq!((&closed["status"], &open["status"]), (&json!("closed"), &json!("open")));
    });
}

#[test]
fn tells_when_the_window_closes() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let mut watch = gateway.watch();
        gateway.switchboard.store.clock().advance(25 * 60 * 60 * 1_000);
        watch.until_data("conversation.window_closed", "closed_at").await;
        let events = gateway.read("/api/events?limit=200").await;
        let told: Vec<&Value> = events["events"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["event"] == "conversation.window_closed")
            .collect();
        assert_eq!(told.len(), 1, "{events}");
        assert_eq!((&told[0]["data"]["conversation_id"], &told[0]["data"]["cause"]), (&json!(id), &json!("time")));
    });
}

#[test]
fn speaks_first() {
    scenario(|gateway| async move {
        let here = gateway.whatsapp.id.as_str();
        let begin = |body: Value| answer(gateway.acme("POST", "/api/conversations").json(&body));
        let template = json!({"type": "template", "name": "hello_world", "language": "en_US"});
        let to = "+49 151 12345678";
        for (body, expected, told) in [
            (json!({"channel_id": here, "to": to, "body": "Hello?"}), 409, "WINDOW_CLOSED"),
            (json!({"channel_id": here, "body": "Hello?"}), 400, "to"),
            (json!({"channel_id": here, "to": "Kim", "body": "Hello?"}), 400, "to"),
            (json!({"channel_id": here, "to": to}), 400, "body"),
            (json!({"channel_id": here, "to": to, "body": "Hello?", "name": " "}), 400, "name"),
            (json!({"channel_id": here, "to": "kim@example.com", "content": template}), 422, "OUT_OF_REACH"),
            (json!({"channel_id": gateway.acme.widget.id, "to": to, "body": "Hello?"}), 422, "OUT_OF_REACH"),
            (json!({"channel_id": gateway.rival.widget.id, "to": to, "body": "Hello?"}), 404, "NOT_FOUND"),
            (json!({"channel_id": here, "contact_id": here, "body": "Hello?"}), 404, "NOT_FOUND"),
        ] {
            let (status, refused) = begin(body.clone()).await;
            assert_eq!(status, expected, "{body}: {refused}");
            assert!(refused.to_string().contains(told), "{body}: {refused}");
        }
        for list in ["conversations", "contacts"] {
            assert_eq!(gateway.read(&format!("/api/{list}")).await["total"], 0, "nothing was stored: {list}");
        }
        let mut watch = gateway.watch();
        let (status, begun) = begin(json!({"channel_id": here, "to": to, "name": "Kim", "content": template})).await;
        assert_eq!(status, 201, "{begun}");
        let conversation = &begun["conversation"];
        assert_eq!(
            (&conversation["owner"], &conversation["window"]["state"]),
            (&json!({"kind": "agent"}), &json!("closed"))
        );
        assert_eq!(conversation["contact"]["name"], "Kim");
        assert_eq!(begun["message"]["author"]["kind"], "system");
        let id = watch.until("message.sent").await;
        assert_eq!(conversation["id"], json!(id));
        // The answer comes into it, and is answered by the agent; and what is said next is said there, too.
        assert_eq!(gateway.customer_writes("wamid.1", "Thanks!").await, id);
        let (status, again) = begin(json!({"channel_id": here, "to": to, "body": "Welcome."})).await;
        assert_eq!((status, &again["conversation"]["id"]), (201, &json!(id)));
        assert_eq!(gateway.read("/api/conversations").await["total"], 1);
    });
}

#[test]
fn speaks_first_to_a_contact() {
    scenario(|gateway| async move {
        let person = json!({"name": "Jane", "phone": "+14155550100"});
        let (_, jane) = answer(gateway.acme("POST", "/api/contacts").json(&person)).await;
        let (_, nobody) = answer(gateway.acme("POST", "/api/contacts").json(&json!({"name": "Nobody"}))).await;
        let template = json!({"type": "template", "name": "hello_world", "language": "en_US"});
        let asked = |contact: &Value| {
            let body = json!({"channel_id": gateway.whatsapp.id, "contact_id": contact["id"], "content": template});
            answer(gateway.acme("POST", "/api/conversations").json(&body))
        };
        assert_eq!(asked(&nobody).await.0, 422);
        // At once, and by several.
        let begun = futures_util::future::join_all((0..6).map(|_| asked(&jane))).await;
        for (status, answer) in &begun {
            assert_eq!((*status, &answer["conversation"]["contact"]["id"]), (201, &jane["id"]), "{answer}");
            assert_eq!(answer["conversation"]["id"], begun[0].1["conversation"]["id"]);
        }
        let contact = gateway.read(&format!("/api/contacts/{}", jane["id"].as_str().unwrap())).await;
        assert_eq!(contact["identities"][0]["value"], "14155550100", "{contact}");
        let (ann, session) = gateway.member_with(&gateway.acme, "ann@example.com", Role::Agent).await;
        let body = json!({"channel_id": gateway.whatsapp.id, "contact_id": jane["id"], "content": template});
        let said = answer(gateway.by_cookie(&session, "POST", "/api/conversations").json(&body)).await;
        assert_eq!((said.0, &said.1["conversation"]["owner"]["id"]), (201, &json!(ann.id)));
    });
}
