//! What agents know: handed in as text, as files and as addresses, read in the background, searched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use switchboard::domain::jobs::{Embeddable, Verdict};
use switchboard::domain::nearness::FoundBy;
use switchboard::domain::usage::{Cap, UsedUp};
use switchboard::domain::workspaces::Workspace;
use switchboard::usecases::Switchboard;

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

/// Tokens of all embeddings that the model was asked for, as it counts them.
async fn embedded_tokens(gateway: &Gateway) -> i64 {
    let asked = gateway.asked().await;
    let texts = asked.iter().filter_map(|asked| asked["input"].as_array()).flatten();
    let tokens: usize = texts.map(|text| text.as_str().unwrap().len() / 4 + 1).sum();
    i64::try_from(tokens).unwrap()
}

async fn given(gateway: &Gateway, text: &str) -> String {
    let document = json!({"title": text.chars().take(30).collect::<String>(), "text": text, "format": "text"});
    let (status, given) = answer(gateway.acme("POST", &place(gateway)).json(&document)).await;
    assert_eq!(status, 201, "{given}");
    given["id"].as_str().unwrap().to_owned()
}

async fn on_plan(gateway: &Gateway, plan: &str) {
    let workspace = Workspace { plan: plan.to_owned(), ..gateway.acme.workspace.clone() };
    gateway.switchboard.store.put_workspace(&workspace).await.unwrap();
}

/// What the agent knows of a question, and how it was found.
async fn known(gateway: &Gateway, switchboard: &Switchboard, question: &str) -> (Vec<String>, FoundBy) {
    let (workspace_id, agent_id) = (&gateway.acme.workspace.id, &gateway.acme.agent.id);
    let (found, by) = switchboard.search_knowledge(workspace_id, agent_id, question, 5).await.unwrap();
    (found.into_iter().map(|passage| passage.text).collect(), by)
}

#[test]
fn are_found_by_their_meaning_where_a_model_of_embeddings_is_configured() {
    scenario(|gateway| async move {
        let gateway = &gateway;
        let switchboard = gateway.with_meaning(&gateway.simulator.base_url(), Some("sk-hosted"));
        let embed = async |id: &str, end: Verdict| gateway.embed(&switchboard, Embeddable::Document, id, &end).await;
        let drinks = given(gateway, "We serve espresso.").await;
        let garden = given(gateway, "The green garden opens in May.").await;
        let texts = |texts: &[&str], by: FoundBy| (texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), by);
        let nothing = texts(&[], FoundBy::Words);
        assert_eq!(
            known(gateway, &switchboard, "expresso").await,
            nothing,
            "nothing is embedded yet, and nobody asked"
        );
        assert_eq!(embedded_tokens(gateway).await, 0);
        embed(&drinks, Verdict::Drop).await;
        embed(&garden, Verdict::Drop).await;
        let asked = gateway.asked().await.len();
        embed(&garden, Verdict::Drop).await;
        assert_eq!(gateway.asked().await.len(), asked, "a second run finds nothing left to do");

        let by_both = |found: &[&str]| texts(found, FoundBy::WordsAndMeaning);
        assert_eq!(known(gateway, &switchboard, "expresso").await, by_both(&["We serve espresso."]));
        assert_eq!(known(gateway, &gateway.switchboard, "expresso").await, nothing, "the words are others");
        // What both find stands before what one of them finds, and is found once.
        let both = known(gateway, &switchboard, "espresso garden").await;
        assert!(both.0.len() == 2 && both.1 == FoundBy::WordsAndMeaning, "{both:?}");
        let away = gateway.with_meaning("http://127.0.0.1:9", None);
        assert_eq!(known(gateway, &away, "espresso").await, texts(&["We serve espresso."], FoundBy::Words));
        let (workspace_id, other) = (&gateway.acme.workspace.id, &gateway.acme.other_agent.id);
        let others = switchboard.search_knowledge(workspace_id, other, "expresso", 5).await.unwrap();
        assert_eq!((others.0.len(), others.1), (0, FoundBy::Words));
        let path = format!("/api/agents/{}/knowledge/search?q=espresso", gateway.acme.agent.id);
        assert_eq!(gateway.read(&path).await["found_by"], "words");

        // What is put in its place is where its new text is.
        let other = json!({"title": "Drinks", "source": "drinks", "text": "We serve chamomile.", "format": "text"});
        let one = format!("{}/{drinks}", place(gateway));
        assert_eq!(answer(gateway.acme("PUT", &one).json(&other)).await.0, 200);
        assert_eq!(known(gateway, &switchboard, "expresso").await, by_both(&[]));
        embed(&drinks, Verdict::Drop).await;
        assert_eq!(known(gateway, &switchboard, "camomile").await, by_both(&["We serve chamomile."]));

        // All of it was counted, the questions, too, and nothing else.
        let usage = gateway.read("/api/usage?by=model").await;
        let model = usage["items"].as_array().unwrap().iter().find(|item| item["key"] == "test-model").unwrap();
        let tokens = embedded_tokens(gateway).await;
        let counted = (model["input_tokens"].as_i64(), model["hosted_tokens"].as_i64(), model["turns"].as_i64());
        assert_eq!(counted, (Some(tokens), Some(tokens), Some(0)), "{usage}");
    });
}

#[test]
fn are_found_by_their_words_once_the_months_tokens_are_used_up() {
    scenario(|gateway| async move {
        let gateway = &gateway;
        let switchboard = gateway.with_meaning(&gateway.simulator.base_url(), Some("sk-hosted"));
        let of = Embeddable::Document;
        let long = given(gateway, &"We serve espresso all day long. ".repeat(20)).await;
        on_plan(gateway, "frugal").await;
        gateway.embed(&switchboard, of, &long, &Verdict::Drop).await;
        let (asked, late) = (gateway.asked().await.len(), given(gateway, "We serve chamomile.").await);
        let refused = async |plan: &str, switchboard: &Switchboard| {
            on_plan(gateway, plan).await;
            let (found, by) = known(gateway, switchboard, "chamomile").await;
            assert_eq!((found.as_slice(), by), (&["We serve chamomile.".to_owned()][..], FoundBy::Words), "{plan}");
        };
        refused("frugal", &switchboard).await;
        let used_up = UsedUp::at(Cap::Tokens, 100, switchboard.now()).sentence();
        let wait = Verdict::Wait { after_ms: 3_600_000, reason: used_up };
        gateway.embed(&switchboard, of, &late, &wait).await;
        refused("own", &switchboard).await;
        gateway.embed(&switchboard, of, &late, &Verdict::Drop).await;
        assert_eq!(gateway.asked().await.len(), asked, "nobody was asked");

        // A server that needs no key is nobody's account.
        let local = gateway.with_meaning(&gateway.simulator.base_url(), None);
        let spent = gateway.read("/api/usage").await["sum"]["hosted_tokens"].clone();
        gateway.embed(&local, of, &late, &Verdict::Drop).await;
        assert_eq!(known(gateway, &local, "camomile").await.1, FoundBy::WordsAndMeaning);
        assert_eq!(gateway.read("/api/usage").await["sum"]["hosted_tokens"], spent);
    });
}
