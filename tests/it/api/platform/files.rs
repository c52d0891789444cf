//! Files: handed in, served safely, and only to those who may read them.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn keeps_and_serves() {
    scenario(|gateway| async move {
        let page = gateway.acme("POST", "/api/files?filename=a%22b.html").header("content-type", "text/html");
        let (status, file) = answer(page.body("<script>alert(1)</script>")).await;
        assert_eq!((status, file["size"].as_i64(), file["filename"].as_str()), (201, Some(25), Some("a\"b.html")));
        let served = gateway.acme("GET", file["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(served.headers()["content-type"], "application/octet-stream");
        assert_eq!(served.headers()["x-content-type-options"], "nosniff");
        assert_eq!(served.headers()["content-security-policy"], "default-src 'none'; sandbox");
        assert_eq!(served.headers()["cache-control"], "private");
        let disposition = served.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert_eq!(disposition, "attachment; filename=\"a_b.html\"; filename*=UTF-8''a%22b.html");
        assert_eq!(served.text().await.unwrap(), "<script>alert(1)</script>");

        let picture = gateway.acme("POST", "/api/files").header("content-type", "image/png").body("png");
        let (_, picture) = answer(picture).await;
        let served = gateway.acme("GET", picture["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(served.headers()["content-type"], "image/png");
        assert!(served.headers()["content-disposition"].to_str().unwrap().starts_with("inline"));
    });
}

#[test]
fn refuses_what_is_not_a_file() {
    scenario(|gateway| async move {
        assert_eq!(answer(gateway.acme("POST", "/api/files").body("x")).await.0, 415);
        let typed = |path: &str| gateway.acme("POST", path).header("content-type", "text/plain");
        assert_eq!(answer(typed("/api/files")).await.0, 400);
        assert_eq!(answer(typed("/api/files?filename=..%2Fx").body("x")).await.0, 400);
        assert_eq!(answer(typed("/api/files").body(vec![0_u8; 16 * 1024 * 1024 + 1])).await.0, 413);
    });
}

#[test]
fn shows_a_visitor_only_the_files_of_the_visitors_conversation() {
    scenario(|gateway| async move {
        let open = || gateway.ask("POST", "/api/widget/sessions").json(&json!({"channel_id": gateway.acme.widget.id}));
        let (_, one) = answer(open()).await;
        let (_, other) = answer(open()).await;
        let visitor = gateway.switchboard.visitor(one["token"].as_str().unwrap()).unwrap();
        let hello = switchboard_channels::contract::content::Content::text("Hello");
        let mut watch = gateway.watch();
        gateway.switchboard.visitor_says(&visitor, "c1", hello, None).await.unwrap();
        let conversation = watch.until("message.received").await;
        let upload = gateway.acme("POST", "/api/files").header("content-type", "image/png").body("png");
        let (_, file) = answer(upload).await;
        let path =
            |token: &serde_json::Value| format!("{}?token={}", file["url"].as_str().unwrap(), token.as_str().unwrap());
        assert_eq!(answer(gateway.ask("GET", &path(&one["token"]))).await.0, 404);
        let body = json!({"content": {"type": "image", "file_id": file["id"]}});
        let send = gateway.acme("POST", &format!("/api/conversations/{conversation}/messages")).json(&body);
        assert_eq!(answer(send).await.0, 201);
        assert_eq!(answer(gateway.ask("GET", &path(&one["token"]))).await.0, 200);
        assert_eq!(answer(gateway.ask("GET", &path(&other["token"]))).await.0, 404);
        assert_eq!(answer(gateway.ask("GET", &path(&json!("forged.token")))).await.0, 401);
    });
}
