//! What is documented but not built says so, in its surface's envelope.

use serde_json::Value;

use crate::support::gateway::{answer, scenario};

#[test]
fn says_so() {
    scenario(|gateway| async move {
        let document: Value = serde_json::from_str(&switchboard::api::openapi_json()).unwrap();
        let mut asked = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["tags"][0] != "not built yet" {
                    continue;
                }
                asked += 1;
                let address = path.replace("{id}", "1").replace("{channel_id}", "1").replace("{path}", "order");
                let (status, body) = answer(gateway.ask(&method.to_uppercase(), &address)).await;
                assert_eq!(status, 501, "{method} {path}");
                assert_eq!(body["error"]["code"], "NOT_IMPLEMENTED", "{method} {path}");
                if path.starts_with("/api/v1/") {
                    assert_eq!((&body["success"], &body["data"]), (&Value::Bool(false), &Value::Null));
                    assert!(body["meta"]["request_id"].is_string() && body["meta"]["timestamp"].is_string());
                } else {
                    assert!(body["error"]["request_id"].is_string(), "{method} {path}");
                }
            }
        }
        assert!(asked > 10);
        let (status, _) = answer(gateway.ask("DELETE", "/api/workflows")).await;
        assert_eq!(status, 405);
    });
}
