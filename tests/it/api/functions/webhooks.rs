//! A test of a webhook endpoint, as the reference asks for it.

use serde_json::json;

use crate::support::gateway::{answer, scenario};
use crate::support::receiver::Receiver;

#[test]
fn tests_an_endpoint() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        let (_, made) =
            answer(gateway.acme("POST", "/api/webhook-endpoints").json(&json!({ "url": receiver.url }))).await;
        let test = |id: &str| gateway.acme("POST", "/functions/v1/webhooks/test").json(&json!({ "webhook_id": id }));
        let (status, tested) = answer(test(made["id"].as_str().unwrap())).await;
        assert_eq!((status, &tested["success"], &tested["status_code"]), (200, &json!(true), &json!(200)));
        assert!(tested["response_time_ms"].is_u64());
        assert!(receiver.received()[0].is_signed_with(made["secret"].as_str().unwrap()));
        assert_eq!(answer(test(&gateway.acme.agent.id)).await.0, 404);
        assert_eq!(answer(test("nonsense")).await.0, 404);
        let (status, refused) = answer(gateway.acme("POST", "/functions/v1/webhooks/test").json(&json!({}))).await;
        assert_eq!((status, &refused["error"]["code"]), (400, &json!("INVALID_REQUEST")));
    });
}
