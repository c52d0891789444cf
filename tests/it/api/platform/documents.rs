//! What agents know: handed in as text, as files and as addresses, read in the background, searched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;

fn place(gateway: &Gateway) -> String {
    format!("/api/agents/{}/documents", gateway.acme.agent.id)
}

/// The document once it has been read.
async fn settled(gateway: &Gateway, path: &str) -> Value {
    await_some("the document to be read", || async {
        let document = gateway.read(path).await;
        if document["state"] == "pending" { Err(document.to_string()) } else { Ok(document) }
    })
    .await
}

async fn found(gateway: &Gateway, question: &str) -> Vec<Value> {
    let path = format!("/api/agents/{}/knowledge/search?q={question}", gateway.acme.agent.id);
    gateway.read(&path).await["items"].as_array().unwrap().clone()
}

/// A small PDF that says this.
fn pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for place in places {
        file.push_str(&format!("{place:010} 00000 n \n"));
    }
    file.push_str(&format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1));
    file.into_bytes()
}

#[test]
fn are_given_as_text_replaced_and_removed() {
    scenario(|gateway| async move {
        let place = place(&gateway);
        let text =
            json!({"title": "Returns", "source": "returns.md", "text": "# Returns\n\nReturn any item within 30 days."});
        let give = || gateway.acme("POST", &place).header("idempotency-key", "d-1").json(&text);
        let (status, given) = answer(give()).await;
        assert_eq!((status, &given["state"], &given["passages"]), (201, &json!("ready"), &json!(1)), "{given}");
        assert_eq!(answer(give()).await.1["id"], given["id"]);
        assert_eq!(answer(gateway.acme("POST", &place).json(&text)).await.0, 409, "one document a source");
        let hits = found(&gateway, "return").await;
        assert_eq!((&hits[0]["source"], &hits[0]["title"]), (&json!("returns.md"), &json!("Returns")));
        assert!(hits[0]["score"].is_number());
        let one = format!("{place}/{}", given["id"].as_str().unwrap());
        let other = json!({"title": "Hours", "source": "returns.md", "text": "Open from nine.", "format": "text"});
        let (status, replaced) = answer(gateway.acme("PUT", &one).json(&other)).await;
        assert_eq!((status, &replaced["title"], &replaced["id"]), (200, &json!("Hours"), &given["id"]), "{replaced}");
        assert!(found(&gateway, "return").await.is_empty() && found(&gateway, "open").await.len() == 1);
        assert_eq!(answer(gateway.acme("POST", &format!("{one}/refresh"))).await.0, 409);
        assert_eq!(gateway.read(&place).await["total"], 1);
        let others = format!("/api/agents/{}/documents/{}", gateway.acme.other_agent.id, given["id"].as_str().unwrap());
        assert_eq!(answer(gateway.acme("GET", &others)).await.0, 404);
        for (body, field) in [
            (json!({"title": "T"}), "text"),
            (json!({"title": "T", "text": "x", "url": "https://a.example"}), "text"),
            (json!({"text": "x"}), "title"),
            (json!({"url": "ftp://a.example/x"}), "url"),
            (json!({"url": "https://user@a.example/x"}), "url"),
        ] {
            let (status, failure) = answer(gateway.acme("POST", &place).json(&body)).await;
            assert_eq!((status, &failure["error"]["details"][0]["field"]), (400, &json!(field)), "{failure}");
        }
        let search = format!("/api/agents/{}/knowledge/search?q=", gateway.acme.agent.id);
        assert_eq!(answer(gateway.acme("GET", &search)).await.0, 400);
        assert_eq!(answer(gateway.acme("DELETE", &one)).await.0, 204);
        assert!(found(&gateway, "open").await.is_empty());
    });
}

#[test]
fn are_read_from_files_however_hostile() {
    scenario(|gateway| async move {
        let place = place(&gateway);
        let deep = "<div>".repeat(2_000);
        let page =
            "<html><head><title>Opening hours</title></head><body><h1>Hours</h1><p>The bakery opens at dawn.</p>";
        let cases: [(&str, &str, Vec<u8>, &str); 8] = [
            ("text/html; charset=utf-8", "hours.html", page.into(), "ready"),
            ("text/plain", "notes.md", "# Notes\n\nThe oven is Bavarian.".into(), "ready"),
            ("application/pdf", "menu.pdf", pdf("The soup of Monday is lentil."), "ready"),
            ("application/pdf", "broken.pdf", b"%PDF-1.7 nothing of the sort".to_vec(), "failed"),
            ("application/pdf", "cut.pdf", pdf("cut")[..300].to_vec(), "failed"),
            ("application/pdf", "empty.pdf", pdf(""), "failed"),
            ("text/html", "empty.html", b"<script>1</script>".to_vec(), "failed"),
            ("text/html", "deep.html", deep.into(), "failed"),
        ];
        for (media_type, name, bytes, state) in cases {
            let request = gateway.acme("POST", &format!("{place}?filename={name}"));
            let (status, given) = answer(request.header("content-type", media_type).body(bytes)).await;
            assert_eq!((status, &given["source"]), (201, &json!(name)), "{given}");
            let read = settled(&gateway, &format!("{place}/{}", given["id"].as_str().unwrap())).await;
            assert_eq!(read["state"], state, "{name}: {read}");
            assert_eq!(read["reason"].is_string(), state == "failed", "{name}: {read}");
        }
        assert_eq!(found(&gateway, "bakery").await[0]["title"], "Opening hours");
        assert_eq!(found(&gateway, "lentil+soup").await[0]["source"], "menu.pdf");
        assert_eq!(found(&gateway, "Bavarian").await.len(), 1);
        let untyped = gateway.acme("POST", &place).header("content-type", "image/png").body("x");
        assert_eq!(answer(untyped).await.0, 415);
        let nameless = gateway.acme("POST", &place).header("content-type", "text/plain").body("x");
        assert_eq!(answer(nameless).await.0, 400);
        let large = gateway.acme("POST", &format!("{place}?filename=a.txt")).header("content-type", "text/plain");
        assert_eq!(answer(large.body("x".repeat(10 * 1024 * 1024 + 1))).await.0, 413);
    });
}

/// A site whose page changes when it is told to.
fn site(version: Arc<AtomicUsize>) -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        let version = Arc::clone(&version);
        let page = move || {
            let word = ["apples", "pears"][version.load(Ordering::SeqCst)];
            async move {
                HttpResponse::Ok().content_type("text/html").body(format!("<title>Fruit</title><p>We sell {word}.</p>"))
            }
        };
        App::new()
            .route("/robots.txt", web::get().to(|| async { "User-agent: *\nDisallow: /private\n" }))
            .route("/fruit", web::get().to(page))
            .route("/private/fruit", web::get().to(|| async { "We sell secrets." }))
            .route(
                "/moved",
                web::get()
                    .to(|| async { HttpResponse::Found().insert_header(("location", "/private/fruit")).finish() }),
            )
            .route(
                "/there",
                web::get().to(|| async { HttpResponse::Found().insert_header(("location", "/fruit")).finish() }),
            )
            .route("/image", web::get().to(|| async { HttpResponse::Ok().content_type("image/png").body("x") }))
    });
    actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
    url
}

#[test]
fn are_fetched_from_the_web_with_its_consent() {
    scenario(|gateway| async move {
        let version = Arc::new(AtomicUsize::new(0));
        let (site, place) = (site(Arc::clone(&version)), place(&gateway));
        let give = |path: &str| gateway.acme("POST", &place).json(&json!({"url": format!("{site}{path}")}));
        let (status, given) = answer(give("/there")).await;
        assert_eq!((status, &given["origin"]), (201, &json!("url")), "{given}");
        let one = format!("{place}/{}", given["id"].as_str().unwrap());
        let read = settled(&gateway, &one).await;
        assert_eq!((&read["state"], &read["title"]), (&json!("ready"), &json!("Fruit")), "{read}");
        assert_eq!(found(&gateway, "apples").await.len(), 1);
        version.store(1, Ordering::SeqCst);
        let (status, refreshed) = answer(gateway.acme("POST", &format!("{one}/refresh"))).await;
        assert_eq!((status, &refreshed["state"]), (202, &json!("pending")));
        assert_eq!(settled(&gateway, &one).await["state"], "ready");
        assert!(found(&gateway, "apples").await.is_empty() && found(&gateway, "pears").await.len() == 1);
        for (path, why) in
            [("/private/fruit", "robots.txt"), ("/moved", "robots.txt"), ("/nowhere", "404"), ("/image", "no web page")]
        {
            let (_, given) = answer(give(path)).await;
            let read = settled(&gateway, &format!("{place}/{}", given["id"].as_str().unwrap())).await;
            assert_eq!(read["state"], "failed", "{path}: {read}");
            assert!(read["reason"].as_str().unwrap().contains(why), "{path}: {read}");
        }
        assert!(found(&gateway, "secrets").await.is_empty());
    });
}
