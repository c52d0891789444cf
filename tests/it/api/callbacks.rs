//! Vendors' callbacks: the handshake, a signed delivery, and what is turned away.

mod mail;
mod notifications;

use serde_json::{Value, json};
use switchboard::domain::channels::Channel;

use crate::support::gateway::{answer, scenario};

#[test]
fn shakes_hands() {
    scenario(|gateway| async move {
        let path = |token: &str| {
            format!("/api/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=4711")
        };
        let good = gateway.ask("GET", &path(&gateway.account.verify_token)).send().await.unwrap();
        assert_eq!((good.status().as_u16(), good.text().await.unwrap().as_str()), (200, "4711"));
        let (status, body) = answer(gateway.ask("GET", &path("wrong"))).await;
        assert_eq!((status, body["error"]["code"].as_str()), (403, Some("FORBIDDEN")));
    });
}

#[test]
fn takes_signed_deliveries_only() {
    scenario(|gateway| async move {
        let id = gateway.customer_writes("wamid.1", "Hello").await;
        let messages = gateway.read(&format!("/api/conversations/{id}/messages")).await;
        assert_eq!(messages["messages"][0]["body"], "Hello");
        let unsigned = gateway.ask("POST", "/api/webhooks/whatsapp").body(gateway.delivery("wamid.2", "Hi"));
        let (status, body) = answer(unsigned).await;
        assert_eq!((status, body["error"]["code"].as_str()), (401, Some("INVALID_SIGNATURE")));
    });
}

#[test]
fn one_channel_has_an_address_of_its_own() {
    scenario(|gateway| async move {
        let own = format!("/api/webhooks/whatsapp/{}", gateway.whatsapp.id);
        let shake = |address: &str, token: &str| {
            let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=4711");
            gateway.ask("GET", &format!("{address}?{query}"))
        };
        let token = gateway.account.verify_token.as_str();
        let good = shake(&own, token).send().await.unwrap();
        assert_eq!((good.status().as_u16(), good.text().await.unwrap().as_str()), (200, "4711"));
        assert_eq!(answer(shake(&own, "wrong")).await.0, 403);
        assert_eq!(answer(gateway.ask("GET", &own)).await.0, 400);
        let body = gateway.delivery("wamid.1", "Hello");
        let signed = |address: &str, body: &str| {
            let signature = gateway.signature(body, &gateway.account.app_secret);
            gateway.ask("POST", address).header("x-hub-signature-256", signature).body(body.to_owned())
        };
        let mut watch = gateway.watch();
        assert_eq!(answer(signed(&own, &body)).await.0, 200);
        watch.until("message.sent").await;
        assert_eq!(answer(gateway.ask("POST", &own).body(body.clone())).await.0, 401);
        assert_eq!(answer(signed(&own, "{")).await.0, 400);
        // Nobody, of another kind, and ours.
        let widget = &gateway.acme.widget.id;
        let kind = own.replace("/whatsapp/", "/messenger/");
        for address in ["/api/webhooks/whatsapp/nobody".to_owned(), kind, format!("/api/webhooks/whatsapp/{widget}")] {
            assert_eq!(answer(signed(&address, &body)).await.0, 404, "{address}");
            assert_eq!(answer(shake(&address, token)).await.0, 404, "{address}");
        }
    });
}

#[test]
fn what_is_for_two_workspaces_shows_each_its_own() {
    scenario(|gateway| async move {
        let mut settings = gateway.whatsapp.settings.clone();
        settings["phone_number_id"] = json!("999");
        let theirs = Channel {
            id: gateway.switchboard.store.clock().id(),
            workspace_id: gateway.rival.workspace.id.clone(),
            agent_id: None,
            account: Some("999".to_owned()),
            settings,
            ..gateway.whatsapp.clone()
        };
        gateway.switchboard.store.put_channel(&theirs).await.unwrap();
        let mut both: Value = serde_json::from_str(&gateway.delivery("wamid.ours", "For acme alone")).unwrap();
        let mut other: Value = serde_json::from_str(&gateway.delivery("wamid.theirs", "For rival alone")).unwrap();
        other["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = json!("999");
        let change = other["entry"][0]["changes"][0].take();
        both["entry"][0]["changes"].as_array_mut().unwrap().push(change);
        let mut watch = gateway.watch();
        assert_eq!(gateway.deliver(&both.to_string()).await.status(), 200);
        watch.until("message.sent").await;
        let kept = async |key: &str| {
            let ask = |path: &str| gateway.ask("GET", path).bearer_auth(key);
            let (_, list) = answer(ask("/api/deliveries")).await;
            assert_eq!(list["total"], 1, "{list}");
            let path = format!("/api/deliveries/{}", list["items"][0]["id"].as_str().unwrap());
            answer(ask(&path)).await.1.to_string()
        };
        let ours = kept(&gateway.acme.key).await;
        assert!(ours.contains("For acme alone") && !ours.contains("For rival alone"), "{ours}");
        let theirs = kept(&gateway.rival.key).await;
        assert!(theirs.contains("For rival alone") && !theirs.contains("For acme alone"), "{theirs}");
        let (_, conversations) = answer(gateway.ask("GET", "/api/conversations").bearer_auth(&gateway.rival.key)).await;
        assert_eq!(conversations["total"], 1, "{conversations}");

        // What is no event for one of them is not shown to the other either, alone or beside what is one.
        let mut alone: Value = serde_json::from_str(&gateway.delivery("wamid.alone", "Alone for acme")).unwrap();
        let nameless =
            json!({"metadata": {"phone_number_id": "999"}, "contacts": [{"profile": {"name": "For rival alone"}}]});
        let nameless = json!({"field": "messages", "value": nameless});
        alone["entry"][0]["changes"].as_array_mut().unwrap().push(nameless);
        assert_eq!(gateway.deliver(&alone.to_string()).await.status(), 200);
        let mut both: Value = serde_json::from_str(&gateway.delivery("wamid.more", "More for acme")).unwrap();
        let unknown = json!({"metadata": {"phone_number_id": "999"}, "secret": "For rival alone"});
        let changes = both["entry"][0]["changes"].as_array_mut().unwrap();
        changes.push(json!({"field": "something_new", "value": unknown}));
        assert_eq!(gateway.deliver(&both.to_string()).await.status(), 200);
        let list = gateway.read("/api/deliveries").await;
        let (_, theirs) = answer(gateway.ask("GET", "/api/deliveries").bearer_auth(&gateway.rival.key)).await;
        assert_eq!((&list["total"], &theirs["total"]), (&json!(3), &json!(2)), "{list} {theirs}");
        for item in list["items"].as_array().unwrap() {
            let path = format!("/api/deliveries/{}", item["id"].as_str().unwrap());
            let ours = gateway.read(&path).await.to_string();
            assert!(ours.to_lowercase().contains("for acme"), "{ours}");
            assert!(!ours.contains("For rival alone"), "{ours}");
        }
    });
}
