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
        for path in ["/api/widget/sessions", "/api/widget/leads"] {
            let asked = gateway.ask("OPTIONS", path).header("origin", "https://shop.example");
            let response = asked.send().await.unwrap();
            assert_eq!(response.status(), 204);
            assert_eq!(response.headers()["access-control-allow-origin"], "https://shop.example");
            let headers = response.headers()["access-control-allow-headers"].to_str().unwrap();
            assert!(headers.contains("content-type") && headers.contains("idempotency-key"));
        }
    });
}

#[test]
fn serves_the_script_and_the_page() {
    scenario(|gateway| async move {
        for path in ["/widget.js", "/widget-lead.js"] {
            let script = gateway.ask("GET", path).send().await.unwrap();
            assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
            let etag = script.headers()["etag"].to_str().unwrap().to_owned();
            let known = gateway.ask("GET", path).header("if-none-match", &etag).send().await.unwrap();
            assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, etag.as_str()));
        }
        let page = gateway.ask("GET", &format!("/chat/{}", gateway.acme.widget.id)).send().await.unwrap();
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
        assert!(page.text().await.unwrap().contains("<title>Echo</title>"));
        let path = format!("/api/channels/{}", gateway.acme.widget.id);
        let settings = json!({"title": "Ask \"us\"", "greeting": "Hola", "color": "#0a7", "language": "es"});
        let (status, changed) = answer(gateway.acme("PATCH", &path).json(&json!({"settings": settings}))).await;
        assert_eq!(status, 200, "{changed}");
        let page = gateway.ask("GET", &format!("/chat/{}", gateway.acme.widget.id)).send().await.unwrap();
        let page = page.text().await.unwrap();
        for part in ["<html lang=\"es\">", "Ask &quot;us&quot;", "data-greeting=\"Hola\"", "data-color=\"#0a7\""] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(answer(gateway.ask("GET", &format!("/chat/{}", gateway.whatsapp.id))).await.0, 404);
    });
}

#[test]
fn takes_a_visitors_form() {
    scenario(|gateway| async move {
        let channel = format!("/api/channels/{}", gateway.acme.widget.id);
        let set = async |word: &str| {
            let settings = json!({"settings": {"lead_form": word}});
            answer(gateway.acme("PATCH", &channel).json(&settings)).await.0
        };
        let open = || gateway.ask("POST", "/api/widget/sessions").json(&json!({"channel_id": gateway.acme.widget.id}));
        let (_, session) = answer(open()).await;
        assert_eq!(session["lead_form"], "off");
        let filled = json!({
            "token": session["token"], "contact_name": "Jane", "contact_email": "Jane@Example.com",
            "contact_phone": "030 / 12 34 56", "message": "<b>Do you cater?</b>",
        });
        let fill = |body: &serde_json::Value| {
            let origin = "https://shop.example";
            gateway.ask("POST", "/api/widget/leads").header("origin", origin).header("idempotency-key", "k").json(body)
        };
        assert_eq!(answer(fill(&filled)).await.0, 404, "there is no form");
        assert_eq!((set("always").await, set("before").await), (400, 200));
        assert_eq!(answer(open()).await.1["lead_form"], "before");

        let bad = json!({"token": session["token"], "contact_email": "jane", "contact_phone": "1", "message": " "});
        let (status, refused) = answer(fill(&bad)).await;
        let fields: Vec<_> = refused["error"]["details"].as_array().unwrap().iter().map(|one| &one["field"]).collect();
        assert_eq!((status, json!(fields)), (400, json!(["message", "contact_email", "contact_phone"])));
        assert_eq!(gateway.read("/api/conversations").await["total"], 0, "nothing was said");

        let (status, first) = answer(fill(&filled)).await;
        assert_eq!(status, 201, "{first}");
        let told = gateway.read("/api/events?since=0&events=lead_captured").await;
        assert_eq!(told["events"][0]["data"]["lead_id"], first["id"], "{told}");
        assert_eq!(answer(fill(&filled)).await, (201, first.clone()), "once");
        let mut other = filled.clone();
        other["contact_name"] = json!("Kim");
        assert_eq!(answer(fill(&other)).await.0, 409);
        let leads = gateway.read("/api/leads").await;
        let lead = &leads["items"][0];
        assert_eq!((&leads["total"], &lead["id"], &lead["source"]), (&json!(1), &first["id"], &json!("widget")));
        assert_eq!((&lead["contact_email"], &lead["notes"]), (&json!("jane@example.com"), &filled["message"]));
        let path = format!("/api/conversations/{}", first["conversation_id"].as_str().unwrap());
        assert_eq!(lead["contact_id"], gateway.read(&path).await["contact"]["id"], "the visitor's own contact");
        let said = gateway.read(&format!("{path}/messages")).await;
        let asked = said["messages"].as_array().unwrap().iter().filter(|one| one["direction"] == "inbound").count();
        assert_eq!(asked, 1, "{said}");

        let mut forged = filled.clone();
        forged["token"] = json!("forged.token");
        assert_eq!(answer(fill(&forged)).await.0, 401);
        let evil = gateway.ask("POST", "/api/widget/leads").header("origin", "https://evil.example").json(&filled);
        let refused = evil.send().await.unwrap();
        assert_eq!(refused.status(), 403);
        assert!(refused.headers().get("access-control-allow-origin").is_none());
        let mut tries = Vec::new();
        for _ in 0..10 {
            tries.push(answer(fill(&filled)).await.0);
        }
        assert!(tries.contains(&429), "{tries:?}");
    });
}
