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

#[test]
fn a_link_opens_its_own_file_for_a_while() {
    scenario(|gateway| async move {
        let store = &gateway.switchboard.store;
        let mut kept = Vec::new();
        for text in ["one", "other"] {
            let upload = gateway.acme("POST", "/api/files").header("content-type", "text/plain").body(text);
            let id = answer(upload).await.1["id"].as_str().unwrap().to_owned();
            kept.push(store.file(&gateway.acme.workspace.id, &id).await.unwrap().unwrap());
        }
        let [one, other] = &kept[..] else { panic!("{kept:?}") };
        let open = async |path: &str| {
            let answer = gateway.ask("GET", path).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let link = gateway.switchboard.file_link(&gateway.acme.workspace.id, one);
        assert_eq!(open(&link).await, (200, "one".to_owned()));
        let (path, proof) = link.split_once("?link=").unwrap();
        let (claims, signature) = proof.split_once('.').unwrap();
        let changed = |text: &str| {
            let rest: String = text.chars().skip(1).collect();
            format!("{}{rest}", if text.starts_with('A') { 'B' } else { 'A' })
        };
        let of_other = gateway.switchboard.file_link(&gateway.acme.workspace.id, other);
        let claims_of_other = of_other.split_once("?link=").unwrap().1.split_once('.').unwrap().0.to_owned();
        let refused = [
            format!("/api/files/{}?link={proof}", other.id),
            format!("{path}?link={claims}.{}", changed(signature)),
            format!("{path}?link={}.{signature}", changed(claims)),
            format!("/api/files/{}?link={claims_of_other}.{signature}", other.id),
            format!("{path}?link={claims}."),
            format!("{path}?link={claims}"),
            format!("{path}?link="),
            // Signed, but of a workspace that has no such file.
            gateway.switchboard.file_link(&gateway.rival.workspace.id, one),
        ];
        for path in refused {
            assert_eq!(open(&path).await.0, 401, "{path}");
        }
        store.clock().advance(31 * 24 * 60 * 60 * 1_000);
        assert_eq!(open(&link).await.0, 401);
    });
}
