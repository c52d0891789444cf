//! Vendors' callbacks: the handshake, a signed delivery, and what is turned away.

mod mail;

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
