//! Health, readiness, metrics and the document.

use crate::support::gateway::{answer, scenario};

#[test]
fn is_well() {
    scenario(|gateway| async move {
        for path in ["/healthz", "/readyz"] {
            let (status, body) = answer(gateway.ask("GET", path)).await;
            assert_eq!((status, body["status"].as_str()), (200, Some("ok")), "{path}");
        }
        assert_eq!(gateway.ask("GET", "/metrics").send().await.unwrap().status(), 200);
        let (status, document) = answer(gateway.ask("GET", "/openapi.json")).await;
        assert_eq!(status, 200);
        assert!(document["paths"]["/api/conversations/{id}/messages"]["post"].is_object());
        let request = gateway.ask("GET", "/nowhere").header("x-request-id", "given-by-caller");
        let (status, body) = answer(request).await;
        assert_eq!((status, body["error"]["code"].as_str()), (404, Some("NOT_FOUND")));
        assert_eq!(body["error"]["request_id"], "given-by-caller");
    });
}
