//! Retention as owners set it, and what becomes of what is older.

use serde_json::{Value, json};
use switchboard::domain::principals::Permission;

use crate::support::gateway::{answer, scenario};

/// Milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;

#[test]
fn is_set_by_class_and_channel() {
    scenario(|gateway| async move {
        let own = gateway.key_with(&gateway.acme, &Permission::ALL).await;
        let put = |body: &Value| gateway.ask("PUT", "/api/retention").bearer_auth(&own).json(body);
        let first = gateway.read("/api/retention").await;
        assert_eq!((&first["messages"], &first["webhook_deliveries"]), (&Value::Null, &json!(30)));
        let stranger = gateway.rival.widget.id.clone();
        for (body, field) in [
            (json!({ "messages": 0 }), "messages"),
            (json!({ "audit": 36_501 }), "audit"),
            (json!({ "colour": 1 }), "colour"),
            (json!({ "channels": { stranger.clone(): { "files": 1 } } }), &*format!("channels.{stranger}")),
            (
                json!({ "channels": { gateway.whatsapp.id.clone(): { "files": -1 } } }),
                &*format!("channels.{}.files", gateway.whatsapp.id),
            ),
        ] {
            let (status, refused) = answer(put(&body)).await;
            let expected = if field.ends_with(&stranger) { 404 } else { 400 };
            assert_eq!((status, &refused["error"]["details"][0]["field"]), (expected, &json!(field)), "{refused}");
        }
        let rules = json!({
            "messages": 30, "webhook_deliveries": null,
            "channels": { gateway.whatsapp.id.clone(): { "messages": null, "deliveries": 7 } },
        });
        let (status, set) = answer(put(&rules)).await;
        assert_eq!((status, &set["messages"], &set["webhook_deliveries"]), (200, &json!(30), &Value::Null), "{set}");
        assert_eq!(set["channels"], rules["channels"]);
        assert_eq!(gateway.read("/api/retention").await, set);

        // The customer's channel keeps messages for ever and deliveries for a week.
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let now = gateway.switchboard.now();
        assert_eq!(gateway.switchboard.forget_old(now + 6 * DAY).await.unwrap(), 0);
        assert!(gateway.switchboard.forget_old(now + 400 * DAY).await.unwrap() > 0);
        assert_eq!(gateway.read("/api/deliveries").await["total"], 0);
        let path = format!("/api/conversations/{conversation}/messages");
        assert_eq!(gateway.read(&path).await["messages"].as_array().unwrap().len(), 2);
        answer(put(&json!({ "messages": 30 }))).await;
        gateway.switchboard.forget_old(now + 31 * DAY).await.unwrap();
        assert_eq!(gateway.read(&path).await["messages"], json!([]));
        // What went is not stored again, and the conversation goes on.
        assert_eq!(gateway.deliver(&gateway.delivery("wamid.1", "Hello")).await.status(), 200);
        assert_eq!(gateway.read(&path).await["messages"], json!([]));
        assert_eq!(gateway.customer_writes("wamid.2", "Hello").await, conversation);
    });
}
