//! The event sequence.

use crate::support::gateway::{answer, scenario};

#[test]
fn reads_on_from_the_last_number_seen() {
    scenario(|gateway| async move {
        gateway.customer_writes("wamid.1", "Hello").await;
        let all = gateway.read("/api/events").await;
        let events = all["events"].as_array().unwrap();
        let numbers: Vec<i64> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
        assert!(events.iter().any(|event| event["event"] == "message.received" && event["data"].is_object()));
        let first = gateway.read("/api/events?limit=1").await;
        assert_eq!(first["last_seq"], 1);
        let rest = gateway.read(&format!("/api/events?since={}", all["last_seq"])).await;
        assert!(rest["last_seq"].as_i64() >= all["last_seq"].as_i64());
        assert_eq!(answer(gateway.acme("GET", "/api/events?since=-1")).await.0, 400);
    });
}
