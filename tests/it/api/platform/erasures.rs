//! Erasure as its callers and the person see it: a receipt, no trace, and a fresh beginning.

use serde_json::{Value, json};
use switchboard::domain::principals::Permission;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;
use crate::support::receiver::Receiver;
use crate::support::schema::texts_with;

const MARK: &str = "zanzibar";

/// Waits until an erasure is done, and gives its receipt.
async fn receipt(gateway: &Gateway, key: &str, id: &Value) -> Value {
    let path = format!("/api/erasures/{}", id.as_str().unwrap());
    await_some("the receipt", || async {
        let (_, receipt) = answer(gateway.ask("GET", &path).bearer_auth(key)).await;
        if receipt["state"] == "done" { Ok(receipt) } else { Err(receipt.to_string()) }
    })
    .await
}

/// Everything through the doors that may name the customer.
async fn leave_traces(gateway: &Gateway) -> (String, String) {
    let receiver = Receiver::start().await;
    let hook = gateway.acme("POST", "/api/webhook-endpoints").json(&json!({ "url": receiver.url, "events": [] }));
    assert_eq!(answer(hook).await.0, 201);
    let conversation = gateway.customer_writes("wamid.1", &format!("I am {MARK}")).await;
    let contact = gateway.read(&format!("/api/conversations/{conversation}")).await["contact"]["id"].clone();
    let contact = contact.as_str().unwrap().to_owned();
    let known = json!({ "name": MARK, "email": format!("{MARK}@example.com"), "attributes": { "likes": MARK } });
    let changed = gateway.acme("PATCH", &format!("/api/contacts/{contact}")).json(&known);
    assert_eq!(answer(changed).await.0, 200);
    for (path, body) in [
        ("/api/v1/tasks", json!({ "title": format!("Call {MARK}"), "contact_id": contact })),
        ("/api/v1/follow-ups", json!({ "note": format!("Ask {MARK}"), "due": "tomorrow", "contact_id": contact })),
        ("/api/v1/memory", json!({ "text": format!("{MARK} likes tea"), "contact_id": contact })),
        ("/api/leads", json!({ "contact_name": MARK, "contact_email": format!("{MARK}@example.com") })),
    ] {
        let (status, made) = answer(gateway.acme("POST", path).json(&body)).await;
        assert_eq!(status, 201, "{path}: {made}");
    }
    let upload = gateway.acme("POST", "/api/files").header("content-type", "text/plain");
    let file = answer(upload.body(format!("for {MARK}"))).await.1;
    let said = json!({ "content": { "type": "document", "file_id": file["id"] } });
    let said = gateway.acme("POST", &format!("/api/conversations/{conversation}/messages")).json(&said);
    let (status, said) = answer(said).await;
    assert_eq!(status, 201, "{said}");
    await_some("what is told", || async {
        let told = receiver.received().iter().filter(|one| one.body.contains(MARK)).count();
        if told >= 3 { Ok(()) } else { Err(told.to_string()) }
    })
    .await;
    (contact, conversation)
}

#[test]
fn erases_and_leaves_a_receipt() {
    scenario(|gateway| async move {
        let own = gateway.key_with(&gateway.acme, &Permission::ALL).await;
        let (contact, conversation) = leave_traces(&gateway).await;
        let path = format!("/api/contacts/{contact}/erasure");
        let erase = |key: &str| gateway.ask("POST", &path).bearer_auth(&own).header("idempotency-key", key);
        assert_eq!(answer(gateway.acme("POST", &path)).await.0, 403, "an owner's matter");
        let (status, begun) = answer(erase("one")).await;
        assert_eq!((status, &begun["contact_id"]), (202, &json!(contact)), "{begun}");
        let receipt = receipt(&gateway, &own, &begun["id"]).await;
        assert!(receipt["requested_by"].as_str().unwrap().starts_with("key:"), "{receipt}");
        for class in ["contacts", "conversations", "messages", "memories", "leads", "deliveries", "events"] {
            assert!(receipt["erased"][class].as_i64() > Some(0), "{class}: {receipt}");
        }
        assert_eq!(texts_with(&gateway.database(), &[MARK, "4915112345678"]).await, []);
        assert_eq!(gateway.kept_files(), Vec::<std::path::PathBuf>::new());
        for gone in [
            format!("/api/contacts/{contact}"),
            format!("/api/conversations/{conversation}"),
            format!("/api/contacts/{contact}/export"),
        ] {
            assert_eq!(answer(gateway.acme("GET", &gone)).await.0, 404, "{gone}");
        }
        let again = erase("one").send().await.unwrap();
        assert_eq!((again.status().as_u16(), &again.headers()["idempotent-replayed"]), (202, &"true".parse().unwrap()));
        assert_eq!(again.json::<Value>().await.unwrap(), receipt);
        assert_eq!(answer(erase("two")).await.0, 404);
        assert_eq!(answer(erase("no spaces")).await.0, 400);
        let (_, all) = answer(gateway.ask("GET", "/api/erasures").bearer_auth(&own)).await;
        assert_eq!(all, json!({ "items": [receipt], "total": 1 }));
        let (_, log) = answer(gateway.ask("GET", "/api/audit").bearer_auth(&own)).await;
        let noted = &log["items"][0];
        assert_eq!((&noted["action"], &noted["target"]), (&json!("contact.erased"), &json!(contact)), "{log}");
    });
}

#[test]
fn what_was_erased_stays_away_and_who_writes_again_is_new() {
    scenario(|gateway| async move {
        let own = gateway.key_with(&gateway.acme, &Permission::ALL).await;
        let delivery = gateway.delivery("wamid.1", &format!("I am {MARK}"));
        let mut watch = gateway.watch();
        assert_eq!(gateway.deliver(&delivery).await.status(), 200);
        let before = watch.until("message.sent").await;
        let contact = gateway.read(&format!("/api/conversations/{before}")).await["contact"]["id"].clone();
        let path = format!("/api/contacts/{}/erasure", contact.as_str().unwrap());
        let (_, begun) = answer(gateway.ask("POST", &path).bearer_auth(&own)).await;
        receipt(&gateway, &own, &begun["id"]).await;

        assert_eq!(gateway.deliver(&delivery).await.status(), 200);
        let newest = gateway.read("/api/deliveries").await["items"][0].clone();
        assert_eq!(newest["outcome"], "duplicate");
        let newest = gateway.read(&format!("/api/deliveries/{}", newest["id"].as_str().unwrap())).await;
        assert_eq!(newest["body"], "");
        assert_eq!(gateway.read("/api/contacts").await["total"], 0);
        // Of two messages in one delivery, one was erased before: the other is kept, the delivery's body is not.
        let mut both: Value = serde_json::from_str(&delivery).unwrap();
        let second: Value = serde_json::from_str(&gateway.delivery("wamid.2", "Hello again")).unwrap();
        let messages = &mut both["entry"][0]["changes"][0]["value"]["messages"];
        messages.as_array_mut().unwrap().push(second["entry"][0]["changes"][0]["value"]["messages"][0].clone());
        let mut watch = gateway.watch();
        assert_eq!(gateway.deliver(&both.to_string()).await.status(), 200);
        let after = watch.until("message.sent").await;
        assert_ne!(after, before);
        let now = gateway.read(&format!("/api/conversations/{after}")).await["contact"]["id"].clone();
        assert_ne!(now, contact);
        assert_eq!(texts_with(&gateway.database(), &[MARK]).await, []);
        let messages = gateway.read(&format!("/api/conversations/{after}/messages")).await;
        assert_eq!(messages["messages"][0]["body"], "Hello again");
        // A late receipt takes its delivery's body along, once what came with it is handled.
        let receipt = |id: &Value, status: &str| json!({ "id": id, "status": status, "timestamp": "1767225700", "recipient_id": "4915112345678" });
        let (gone, here) = (json!("wamid.1"), messages["messages"][1]["provider_id"].clone());
        let third: Value = serde_json::from_str(&gateway.delivery("wamid.3", "And again")).unwrap();
        let said = third["entry"][0]["changes"][0]["value"]["messages"].clone();
        for (receipts, said, outcome, kept) in [
            (json!([receipt(&here, "delivered")]), json!([]), "stored", true),
            (json!([receipt(&gone, "delivered")]), json!([]), "ignored", false),
            (json!([receipt(&gone, "read"), receipt(&here, "read")]), json!([]), "stored", false),
            (json!([receipt(&here, "read"), receipt(&here, "delivered")]), json!([]), "duplicate", true),
            (json!([receipt(&gone, "read")]), said, "stored", false),
        ] {
            let mut body = third.clone();
            body["entry"][0]["changes"][0]["value"]["statuses"] = receipts;
            body["entry"][0]["changes"][0]["value"]["messages"] = said;
            assert_eq!(gateway.deliver(&body.to_string()).await.status(), 200);
            let newest = gateway.read("/api/deliveries").await["items"][0]["id"].clone();
            let newest = gateway.read(&format!("/api/deliveries/{}", newest.as_str().unwrap())).await;
            let is_kept = newest["body"] != "";
            assert_eq!((newest["outcome"].as_str().unwrap(), is_kept), (outcome, kept), "{body}: {newest}");
        }
        let messages = gateway.read(&format!("/api/conversations/{after}/messages")).await;
        let messages = messages["messages"].as_array().unwrap();
        assert!(messages.iter().any(|message| message["body"] == "And again"), "{messages:?}");
        assert_eq!(messages[1]["status"], "read");
    });
}
