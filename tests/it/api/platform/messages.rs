//! Messages one by one: held until the person writes again, and taken back until then.

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, answer, scenario};

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Says something for a program, to be held.
async fn hold(gateway: &Gateway, conversation: &str, text: &str) -> Value {
    let body = json!({"body": text, "on_window_closed": "queue", "author": {"kind": "system"}});
    let request = gateway.acme("POST", &format!("/api/conversations/{conversation}/messages"));
    let (status, said) = answer(request.header("idempotency-key", text.replace(' ', "-")).json(&body)).await;
    assert_eq!(status, 201, "{said}");
    said
}

/// What the vendor has got, once it is so many.
async fn got(gateway: &Gateway, messages: usize) -> Vec<String> {
    let number = &gateway.account.phone_number_id;
    let address = format!("{}/sim/books/{number}?wait_ms=10000&messages={messages}", gateway.simulator.base_url());
    let books: Value = gateway.elsewhere(&address).send().await.unwrap().json().await.unwrap();
    let texts = books["messages"].as_array().unwrap().iter().map(|sent| sent["text"].as_str().unwrap().to_owned());
    texts.collect()
}

#[test]
fn holds_and_takes_back() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let open = hold(&gateway, &id, "at once").await;
        assert_eq!((&open["held"], &open["status"]), (&Value::Null, &json!("queued")), "the window is open");
        let before = got(&gateway, 2).await;
        gateway.switchboard.store.clock().advance(DAY + 1);

        let mut watch = gateway.watch();
        let first = hold(&gateway, &id, "first").await;
        assert_eq!((&first["held"], &first["status"]), (&json!(true), &json!("queued")));
        watch.until_data("conversation.window_closed", "held").await;
        let (second, third) = (hold(&gateway, &id, "second").await, hold(&gateway, &id, "third").await);
        assert_eq!(hold(&gateway, &id, "third").await["id"], third["id"], "the same key holds it once");
        let path = |message: &Value| format!("/api/messages/{}", message["id"].as_str().unwrap());
        let (status, gone) = answer(gateway.acme("DELETE", &path(&second))).await;
        assert_eq!((status, &gone["status"], &gone["error"]["code"]), (200, &json!("failed"), &json!("WITHDRAWN")));
        assert_eq!(gone["held"], Value::Null);
        let listed = gateway.read(&format!("/api/conversations/{id}/messages")).await;
        let held = listed["messages"].as_array().unwrap().iter().filter(|message| message["held"] == true);
        assert_eq!(held.map(|message| message["body"].clone()).collect::<Vec<_>>(), [json!("first"), json!("third")]);
        assert_eq!(got(&gateway, 2).await, before, "nothing has left");

        // A message that the vendor brings a day late opens nothing; the next one does.
        let late = gateway.delivery("wamid.late", "late");
        gateway.switchboard.store.clock().advance(DAY + 1);
        assert_eq!(gateway.deliver(&late).await.status(), 200);
        watch.until("agent.failed").await;
        assert_eq!(got(&gateway, 2).await, before);
        gateway.customer_writes("wamid.2", "I am back").await;
        let after = got(&gateway, before.len() + 3).await;
        assert_eq!(after[before.len()..before.len() + 2], ["first", "third"], "in order, and before the answer");
        assert!(after[before.len() + 2].contains("I am back"), "{after:?}");

        for message in [&first, &second, &open] {
            let (status, refused) = answer(gateway.acme("DELETE", &path(message))).await;
            assert_eq!((status, &refused["error"]["code"]), (409, &json!("CONFLICT")));
        }
    });
}

#[test]
fn holds_no_flood() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        gateway.switchboard.store.clock().advance(DAY + 1);
        for nth in 0..50 {
            hold(&gateway, &id, &format!("n{nth}")).await;
        }
        let body = json!({"body": "one more", "on_window_closed": "queue"});
        let (status, refused) =
            answer(gateway.acme("POST", &format!("/api/conversations/{id}/messages")).json(&body)).await;
        assert_eq!((status, &refused["error"]["code"]), (409, &json!("CONFLICT")), "{refused}");
    });
}
