//! The ledger of raw deliveries, and what was said to the vendor for a message.

use crate::support::gateway::{answer, scenario};

#[test]
fn lists_reads_and_runs_again() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let list = gateway.read("/api/deliveries?outcome=stored").await;
        assert_eq!(list["total"], 1);
        assert!(list["items"][0].get("body").is_none());
        assert_eq!(gateway.read("/api/deliveries?outcome=dead_letter").await["total"], 0);
        assert_eq!(answer(gateway.acme("GET", "/api/deliveries?outcome=lost")).await.0, 400);
        let path = format!("/api/deliveries/{}", list["items"][0]["id"].as_str().unwrap());
        assert!(gateway.read(&path).await["body"].as_str().unwrap().contains("wamid.1"));
        let (status, again) = answer(gateway.acme("POST", &format!("{path}/redeliver"))).await;
        assert_eq!((status, again["outcome"].as_str()), (200, Some("duplicate")));
        let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        assert_eq!(messages["messages"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn keeps_the_exchanges_of_a_message() {
    scenario(|gateway| async move {
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        let sent = messages["messages"][1]["id"].as_str().unwrap();
        let exchanges = gateway.read(&format!("/api/messages/{sent}/exchanges")).await;
        assert_eq!((exchanges["total"].as_i64(), exchanges["items"][0]["status"].as_i64()), (Some(1), Some(200)));
        assert!(!exchanges.to_string().contains(&gateway.account.access_token));
    });
}
