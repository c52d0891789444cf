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

#[test]
fn shows_a_page_that_tries_the_api() {
    scenario(|gateway| async move {
        for path in ["/docs", "/docs/"] {
            let led = gateway.ask("GET", path).send().await.unwrap();
            assert_eq!((led.status().as_u16(), led.url().path()), (200, "/docs/index.html"));
        }
        for (file, kind) in [
            ("index.html", "text/html"),
            ("index.css", "text/css"),
            ("favicon-32x32.png", "image/png"),
            ("swagger-initializer.js", "text/javascript"),
            ("swagger-ui-bundle.js", "text/javascript"),
        ] {
            let answer = gateway.ask("GET", &format!("/docs/{file}")).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{file}");
            assert_eq!(answer.headers()["content-type"], kind);
            let policy = answer.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        }
        for file in ["oauth2-redirect.html", "nothing.js", "..%2Findex.html"] {
            assert_eq!(answer(gateway.ask("GET", &format!("/docs/{file}"))).await.0, 404, "{file}");
        }
    });
}
