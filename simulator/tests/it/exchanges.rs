//! The recorded exchanges with the Graph API, one by one: our answers must have the recorded shape.

use serde_json::{Value, json};

use crate::stage::{NUMBER, Stage};

const EXCHANGES: &str = include_str!("../fixtures/whatsapp-exchanges.json");

/// Members that differ from call to call.
const FREE: &[&str] = &["fbtrace_id", "url", "sha256", "file_size", "before", "after", "next", "message_status"];

/// Whether `is` has the shape of `wanted`: the same members, and the same values where they are not made up.
pub fn alike(path: &str, wanted: &Value, is: &Value) {
    match (wanted, is) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                if FREE.contains(&key.as_str()) {
                    continue;
                }
                alike(&format!("{path}.{key}"), &a.get(key).cloned().unwrap_or(json!("absent")), &is[key]);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{path}: {wanted} against {is}");
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                alike(&format!("{path}[{index}]"), a, b);
            }
        }
        (Value::String(a), Value::String(b)) if a.starts_with("wamid.") => {
            assert!(b.starts_with("wamid.") && b.len() > 50, "{path}: {b}");
        }
        (Value::String(a), Value::String(b)) if path.ends_with(".message_id") => {
            assert!(b.starts_with(if a.starts_with("m_") { "m_" } else { "aWdfZA" }) && b.len() > 40, "{path}: {b}");
        }
        (Value::String(_), Value::String(b)) if path.ends_with(".attachment_id") => {
            assert!(b.bytes().all(|byte| byte.is_ascii_digit()), "{path}: {b}");
        }
        (Value::String(_), Value::String(b)) if path.ends_with(".profile_pic") => assert!(b.starts_with("http")),
        _ => assert_eq!(wanted, is, "{path}"),
    }
}

/// The account, customers and files that the recordings take for granted.
async fn prepare(stage: &Stage, exchanges: &[Value]) {
    let page = |name: &str| {
        exchanges.iter().find(|one| one["name"] == name).unwrap()["response"]["body"]["data"]
            .as_array()
            .unwrap()
            .clone()
    };
    let templates: Vec<Value> = page("templates-page-1").into_iter().chain(page("templates-page-2")).collect();
    stage.call("PUT", &format!("/sim/accounts/{NUMBER}"), Some(json!({"templates": templates}))).await;
    for from in ["16505551234", "554187654321", "US.13491208655302741918"] {
        stage.write(json!({"from": from, "text": "hello", "group_id": "120363418770915618@g.us"})).await;
    }
    for id in ["1234567890123456", "1234567890123457", "1234567890123458", "1234567890123459"] {
        let file = stage.request("POST", &format!("/sim/media?id={id}")).header("Content-Type", "image/jpeg");
        assert!(file.body("bytes").send().await.unwrap().status().is_success());
    }
}

/// The request's address with its query.
pub fn address(request: &Value) -> String {
    let mut path = request["path"].as_str().unwrap().to_owned();
    for (index, (key, value)) in request["query"].as_object().into_iter().flatten().enumerate() {
        let value = if key == "after" { "dDE" } else { value.as_str().unwrap() };
        path.push_str(&format!("{}{key}={value}", if index == 0 { "?" } else { "&" }));
    }
    path
}

/// The error recordings all carry the same request, so the error is asked for by a rule.
async fn provoke(stage: &Stage, wanted: &Value) {
    let (http, body) = (wanted["status"].as_u64().unwrap(), &wanted["body"]);
    let status = match body["error"]["code"].as_i64() {
        Some(_) if body["error"].get("error_subcode").is_some() => json!({"http": http, "body": body}),
        // The words of an undocumented code cannot be known.
        Some(code) => json!({"code": code}),
        None => json!({"http": http, "body": body}),
    };
    stage.faults(json!([{"match": {"kind": "send"}, "action": {"status": status}}])).await;
}

#[actix_web::test]
async fn every_recorded_exchange_is_answered_in_its_shape() {
    let stage = Stage::new().await;
    let recorded: Value = serde_json::from_str(EXCHANGES).unwrap();
    let exchanges = recorded["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 63);
    prepare(&stage, exchanges).await;
    // Templates are listed as recorded, but only approved ones can be sent: the recorded sends need these.
    let sendable = json!({"templates": [
        {"name": "order_confirmation", "language": "en_US", "status": "APPROVED", "components": [
            {"type": "BODY", "text": "{{1}} {{2}}"}, {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://e.x/{{1}}"}]}]},
        {"name": "order_confirmation_named", "language": "en", "status": "APPROVED", "components": [
            {"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "{{first_name}}"}]},
        {"name": "hello_world", "language": "en_US", "status": "APPROVED", "components": [{"type": "BODY", "text": "Hi"}]}]});
    let listed = stage.call("GET", &format!("/sim/accounts/{NUMBER}"), None).await.1["templates"].clone();
    for exchange in exchanges {
        let (name, request, wanted) = (exchange["name"].as_str().unwrap(), &exchange["request"], &exchange["response"]);
        let templates = if name.starts_with("templates") { json!({"templates": listed}) } else { sendable.clone() };
        stage.call("PUT", &format!("/sim/accounts/{NUMBER}"), Some(templates)).await;
        stage.faults(json!([])).await;
        if name.starts_with("error") {
            provoke(&stage, wanted).await;
        }
        let (status, body) = if name == "media-upload" {
            let part = reqwest::multipart::Part::bytes(b"jpeg".to_vec()).file_name("a.jpg").mime_str("image/jpeg");
            let form = reqwest::multipart::Form::new().text("messaging_product", "whatsapp").text("type", "image/jpeg");
            let path = request["path"].as_str().unwrap();
            let answer = stage.request("POST", path).multipart(form.part("file", part.unwrap())).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        } else {
            stage.call(request["method"].as_str().unwrap(), &address(request), request.get("body").cloned()).await
        };
        assert_eq!(Some(u64::from(status)), wanted["status"].as_u64(), "{name}: {body}");
        if name == "media-upload" {
            assert!(body["id"].as_str().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit())));
        } else {
            alike(name, &wanted["body"], &body);
        }
    }
}

/// What is wrong with a send, and the code and status that say so.
#[actix_web::test]
async fn limits_are_kept() {
    let stage = Stage::new().await;
    stage.open_window().await;
    let long = |n: usize| "x".repeat(n);
    let button = |title: &str, id: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    let buttons = |all: Value| json!({"type": "interactive", "interactive": {"type": "button", "body": {"text": "?"}, "action": {"buttons": all}}});
    let rows = |n: usize| {
        let rows: Vec<Value> = (0..n).map(|i| json!({"id": format!("r{i}"), "title": "t"})).collect();
        json!({"type": "interactive", "interactive": {"type": "list", "body": {"text": "?"},
            "action": {"button": "b", "sections": [{"rows": rows}]}}})
    };
    let template = |name: &str, components: Value| json!({"type": "template", "template": {"name": name, "language": {"code": "en_US"}, "components": components}});
    let cases = [
        (json!({"type": "text", "text": {"body": long(4096)}}), 200, 0),
        (json!({"type": "text", "text": {"body": long(4097)}}), 400, 100),
        (json!({"type": "text", "text": {}}), 400, 100),
        (json!({"type": "text"}), 400, 131_008),
        (json!({"type": "dance"}), 400, 100),
        (json!({"type": "image", "image": {"id": "404"}}), 400, 131_009),
        (json!({"type": "image", "image": {"link": "https://e.x/a", "caption": long(1025)}}), 400, 100),
        (json!({"type": "audio", "audio": {"link": "https://e.x/a", "caption": "no"}}), 400, 100),
        (buttons(json!([button("a", "1"), button("b", "2"), button("c", "3")])), 200, 0),
        (buttons(json!([button("a", "1"), button("b", "2"), button("c", "3"), button("d", "4")])), 400, 131_009),
        (buttons(json!([button(&long(21), "1")])), 400, 131_009),
        (buttons(json!([button("a", "1"), button("b", "1")])), 400, 131_009),
        (buttons(json!([button("a", " 1")])), 400, 131_009),
        (rows(10), 200, 0),
        (rows(11), 400, 131_009),
        (json!({"type": "location", "location": {"latitude": 91, "longitude": 0}}), 400, 131_009),
        (json!({"type": "contacts", "contacts": []}), 400, 131_009),
        (json!({"type": "reaction", "reaction": {"message_id": "wamid.x"}}), 400, 131_008),
        (template("hello_world", json!([])), 200, 0),
        (template("nope", json!([])), 404, 132_001),
        (template("spring_sale", json!([])), 400, 132_015),
        (template("order_confirmation", json!([])), 400, 132_000),
    ];
    for (mut body, status, code) in cases {
        body["messaging_product"] = json!("whatsapp");
        body["to"] = json!("16505551234");
        let (is, answer) = stage.call("POST", &format!("/v24.0/{NUMBER}/messages"), Some(body.clone())).await;
        assert_eq!((is, answer["error"]["code"].as_i64().unwrap_or(0)), (status, code), "{body} gave {answer}");
    }
    let wrong = stage.request_as("other", "POST", &format!("/v24.0/{NUMBER}/messages")).body("{}");
    assert_eq!(wrong.send().await.unwrap().status(), 401);
}

#[actix_web::test]
async fn a_customers_file_can_be_fetched_for_five_minutes() {
    let stage = Stage::new().await;
    stage
        .write(json!({"from": "16505551234", "type": "image", "image": {"data_base64": "aGVsbG8=", "caption": "é"}}))
        .await;
    let image = stage.receiver.all()[0].body["entry"][0]["changes"][0]["value"]["messages"][0]["image"].clone();
    let id = image["id"].as_str().unwrap();
    let (_, metadata) = stage.call("GET", &format!("/v24.0/{id}"), None).await;
    assert_eq!(metadata["file_size"], 5);
    let url = metadata["url"].as_str().unwrap();
    assert_eq!(stage.request("GET", url).send().await.unwrap().bytes().await.unwrap(), "hello");
    assert_eq!(stage.request_as("other", "GET", url).send().await.unwrap().status(), 401);
    stage.call("PUT", "/sim/clock", Some(json!({"advance_ms": 301_000}))).await;
    assert_eq!(stage.request("GET", url).send().await.unwrap().status(), 404);
    assert_eq!(stage.call("DELETE", &format!("/v24.0/{id}"), None).await.1, json!({"success": true}));
    assert_eq!(stage.call("GET", &format!("/v24.0/{id}"), None).await.0, 400);
}

#[actix_web::test]
async fn a_template_is_handed_in_judged_and_ended() {
    let stage = Stage::new().await;
    let waba = stage.call("GET", &format!("/sim/accounts/{NUMBER}"), None).await.1["waba_id"].clone();
    let edge = format!("/v24.0/{}/message_templates", waba.as_str().unwrap());
    let draft = |name: &str| json!({"name": name, "language": "en", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hi"}]});
    let (status, made) = stage.call("POST", &edge, Some(draft("one"))).await;
    assert_eq!((status, &made["status"], &made["category"]), (200, &json!("PENDING"), &json!("UTILITY")));
    let (status, again) = stage.call("POST", &edge, Some(draft("one"))).await;
    assert_eq!((status, &again["error"]["error_subcode"]), (400, &json!(2_388_024)));
    stage.books("acknowledged=1").await;
    let news = &stage.receiver.all()[0].body["entry"][0]["changes"][0];
    assert_eq!(news["field"], "message_template_status_update");
    assert_eq!((&news["value"]["event"], &news["value"]["message_template_name"]), (&json!("APPROVED"), &json!("one")));
    let listed = stage.call("GET", &format!("{edge}?name=one"), None).await.1;
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["id"]), (&json!("APPROVED"), &made["id"]));

    let review = json!({"template_review": "reject", "template_review_ms": 0});
    stage.call("PUT", &format!("/sim/accounts/{NUMBER}"), Some(review)).await;
    assert_eq!(stage.call("POST", &edge, Some(draft("two"))).await.1["status"], "REJECTED");
    for (member, value) in [
        ("name", json!("Two")),
        ("category", json!("TRANSACTIONAL")),
        ("language", json!("")),
        ("components", json!([{"type": "BODDY"}])),
        ("components", json!([{"type": "FOOTER", "text": "a\nb"}])),
    ] {
        let mut wrong = draft("three");
        wrong[member] = value;
        let (status, refused) = stage.call("POST", &edge, Some(wrong)).await;
        assert_eq!((status, &refused["error"]["code"]), (400, &json!(100)), "{member}: {refused}");
    }
    let end = format!("{edge}?name=one&hsm_id={}", made["id"].as_str().unwrap());
    assert_eq!(stage.call("DELETE", &end, None).await, (200, json!({"success": true})));
    assert_eq!(stage.call("DELETE", &end, None).await.0, 404);
}
