//! The widget's script, its sessions and its page.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn opens_sessions_from_allowed_pages() {
    scenario(|gateway| async move {
        let open = |body: &serde_json::Value, origin: &str| {
            gateway.ask("POST", "/api/widget/sessions").header("origin", origin).json(body)
        };
        let body = json!({"channel_id": gateway.acme.widget.id});
        let good = open(&body, "https://shop.example").send().await.unwrap();
        assert_eq!(good.status(), 201);
        assert_eq!(good.headers()["access-control-allow-origin"], "https://shop.example");
        let session: serde_json::Value = good.json().await.unwrap();
        assert_eq!((&session["agent"]["name"], &session["conversation_id"]), (&json!("Echo"), &json!(null)));
        let again = json!({"channel_id": gateway.acme.widget.id, "token": session["token"]});
        let (status, known) = answer(open(&again, &gateway.url)).await;
        assert_eq!((status, &known["visitor_id"]), (200, &session["visitor_id"]));
        let foreign = open(&body, "https://evil.example").send().await.unwrap();
        assert_eq!(foreign.status(), 403);
        assert!(foreign.headers().get("access-control-allow-origin").is_none());
        let unknown = open(&json!({"channel_id": gateway.whatsapp.id}), "https://evil.example").send().await.unwrap();
        assert_eq!(unknown.status(), 404);
        assert!(unknown.headers().get("access-control-allow-origin").is_some());
    });
}

#[test]
fn answers_the_preflight() {
    scenario(|gateway| async move {
        let asked = gateway.ask("OPTIONS", "/api/widget/sessions").header("origin", "https://shop.example");
        let response = asked.send().await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(response.headers()["access-control-allow-origin"], "https://shop.example");
        assert!(response.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
    });
}

#[test]
fn serves_the_script_and_the_page() {
    scenario(|gateway| async move {
        let script = gateway.ask("GET", "/widget.js").send().await.unwrap();
        assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
        let etag = script.headers()["etag"].to_str().unwrap().to_owned();
        let known = gateway.ask("GET", "/widget.js").header("if-none-match", &etag).send().await.unwrap();
        assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, etag.as_str()));
        let page = gateway.ask("GET", &format!("/chat/{}", gateway.acme.widget.id)).send().await.unwrap();
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
        assert!(page.text().await.unwrap().contains("<title>Echo</title>"));
        assert_eq!(answer(gateway.ask("GET", &format!("/chat/{}", gateway.whatsapp.id))).await.0, 404);
    });
}
