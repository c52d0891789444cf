//! Twilio: sends, errors, signatures, statuses, opt-outs, windows, media, answers in TwiML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::stage::{Arrived, Stage};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345678901234567890123456789012";
const SMS: &str = "+15005550006";
const WHATSAPP: &str = "whatsapp:+14155238886";

async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.open("twilio", ACCOUNT, json!({"receipt_delays_ms": [1, 20, 40]})).await;
    stage
}

async fn call(stage: &Stage, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = request(stage, method, path);
    if form.is_empty() {
        return answer(request).await;
    }
    let body = reqwest::Url::parse_with_params("http://x/", form).unwrap().query().unwrap().to_owned();
    answer(request.header("Content-Type", "application/x-www-form-urlencoded").body(body)).await
}

async fn call_json(stage: &Stage, method: &str, path: &str, body: &Value) -> (u16, Value) {
    answer(request(stage, method, path).json(body)).await
}

fn request(stage: &Stage, method: &str, path: &str) -> reqwest::RequestBuilder {
    let url = if path.starts_with("http") { path.to_owned() } else { stage.simulator.base_url() + path };
    #[expect(clippy::disallowed_methods, reason = "the test's own client")]
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    http.request(method.parse().unwrap(), url).basic_auth(ACCOUNT, Some(TOKEN))
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    if let Some(location) = answer.headers().get("Location") {
        return (status, json!(location.to_str().unwrap()));
    }
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
}

async fn send(stage: &Stage, form: &[(&str, &str)]) -> (u16, Value) {
    call(stage, "POST", &format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"), form).await
}

/// The vendor's rule, written down once more.
fn signature(url: &str, arrived: &Arrived) -> String {
    let mut fields: Vec<_> = arrived.body.as_object().unwrap().iter().collect();
    fields.sort_by(|a, b| a.0.cmp(b.0));
    let signed = fields.iter().fold(url.to_owned(), |text, (key, value)| text + key + value.as_str().unwrap());
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn statuses(stage: &Stage, sid: &str) -> Vec<String> {
    let all = stage.receiver.all();
    let about = all.iter().filter(|one| one.body["MessageSid"] == sid && one.body.get("MessageStatus").is_some());
    about.map(|one| one.body["MessageStatus"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_send_is_answered_booked_and_followed_by_signed_statuses() {
    let stage = stage().await;
    stage.write_on("twilio", ACCOUNT, json!({"from": "whatsapp:+14155550100", "text": "Hi"})).await;
    let callback = format!("{}?uuid=0190c7f2", stage.callback);
    let with_fragment = format!("{callback}#rc=5&rp=all");
    for (from, to, wanted) in [
        (SMS, "+14155550100", vec!["sent", "delivered"]),
        (WHATSAPP, "whatsapp:+14155550100", vec!["sent", "delivered", "read"]),
    ] {
        stage.call("DELETE", "/sim/books", None).await;
        let form = [("To", to), ("From", from), ("Body", "Hello! 👍"), ("StatusCallback", with_fragment.as_str())];
        let (status, answer) = send(&stage, &form).await;
        assert_eq!((status, &answer["status"], &answer["direction"]), (201, &json!("queued"), &json!("outbound-api")));
        let sid = answer["sid"].as_str().unwrap();
        let books = stage.books_of(ACCOUNT, &format!("messages=1&acknowledged={}", wanted.len())).await;
        assert_eq!(statuses(&stage, sid), wanted);
        let booked = &books["messages"][0];
        assert_eq!(
            (&booked["id"], &booked["text"], &booked["tracking"], &booked["body"]["To"]),
            (&json!(sid), &json!("Hello! 👍"), &json!("uuid=0190c7f2"), &json!(to))
        );
        let last = stage.receiver.all().pop().unwrap();
        assert_eq!(last.headers["x-twilio-signature"], signature(&callback, &last));
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json");
        assert_eq!(call(&stage, "GET", &path, &[]).await.1["status"], *wanted.last().unwrap());
    }
}

#[actix_web::test]
async fn what_is_wrong_with_a_send_is_said_by_its_code() {
    let stage = stage().await;
    stage.write_on("twilio", ACCOUNT, json!({"from": "whatsapp:+14155550100", "text": "Hi"})).await;
    let long = "x".repeat(1_601);
    let (to, wa) = ("+14155550100", "whatsapp:+14155550100");
    let template = "HX00000000000000000000000000000001";
    for (form, status, code) in [
        (vec![("From", SMS), ("Body", "x")], 400, 21_604),
        (vec![("To", to), ("Body", "x")], 400, 21_603),
        (vec![("To", to), ("From", SMS)], 400, 21_602),
        (vec![("To", to), ("From", SMS), ("Body", long.as_str())], 400, 21_617),
        (vec![("To", "+1415555XXXX"), ("From", SMS), ("Body", "x")], 400, 21_211),
        (vec![("To", "+15005550001"), ("From", SMS), ("Body", "x")], 400, 21_211),
        (vec![("To", "+15005550004"), ("From", SMS), ("Body", "x")], 400, 21_610),
        (vec![("To", "+15005550009"), ("From", SMS), ("Body", "x")], 400, 21_614),
        (vec![("To", to), ("From", "+15005550007"), ("Body", "x")], 400, 21_606),
        (vec![("To", wa), ("From", "whatsapp:+1999999999"), ("Body", "x")], 400, 63_007),
        (vec![("To", wa), ("From", SMS), ("Body", "x")], 400, 21_910),
        (vec![("To", to), ("From", SMS), ("MediaUrl", "ftp://x")], 400, 21_620),
        (vec![("To", to), ("From", SMS), ("Body", "x"), ("StatusCallback", "http://a_b/x")], 400, 21_609),
        (vec![("To", wa), ("From", WHATSAPP), ("ContentSid", "HX404")], 400, 21_655),
        (vec![("To", wa), ("From", WHATSAPP), ("ContentSid", template), ("ContentVariables", "[1]")], 400, 21_656),
        (vec![("To", "whatsapp:+14155550199"), ("From", WHATSAPP), ("Body", "x")], 400, 63_016),
        (vec![("To", "whatsapp:+14155550199"), ("From", WHATSAPP), ("ContentSid", template)], 201, 0),
        (
            vec![("To", wa), ("From", WHATSAPP), ("MediaUrl", "https://e.x/1"), ("MediaUrl", "https://e.x/2")],
            400,
            21_623,
        ),
        (vec![("To", to), ("From", SMS), ("MediaUrl", "https://e.x/1"), ("MediaUrl", "https://e.x/2")], 201, 0),
    ] {
        let (is, answer) = send(&stage, &form).await;
        assert_eq!((is, answer["code"].as_i64().unwrap_or_default()), (status, code), "{form:?} gave {answer}");
    }
    let wrong = stage.request("POST", &format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")).send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), wrong.headers().contains_key("WWW-Authenticate")), (401, true));
    let (_, filled) = send(
        &stage,
        &[
            ("To", wa),
            ("From", WHATSAPP),
            ("ContentSid", template),
            ("ContentVariables", r#"{"1":"Bo \"B\"","2":"noon"}"#),
        ],
    )
    .await;
    assert_eq!(filled["body"], "Hello Bo \"B\", your appointment is on noon.");
    assert!(filled["sid"].as_str().unwrap().starts_with("MM"));
}

#[actix_web::test]
async fn inbound_messages_carry_the_fields_of_their_channel_and_a_signature() {
    let stage = stage().await;
    let cases = [
        (json!({"from": "+14155550100", "text": "Hello"}), "Body", "Hello"),
        (json!({"from": "+14155550100", "type": "image", "image": {"data_base64": "aGVsbG8="}}), "NumMedia", "1"),
        (
            json!({"from": "whatsapp:+14155550100", "type": "button_reply", "button_reply": {"id": "confirm:42", "title": "Confirm"}}),
            "ButtonPayload",
            "confirm:42",
        ),
        (
            json!({"from": "whatsapp:+14155550100", "type": "list_reply", "list_reply": {"id": "blue", "title": "Blue"}}),
            "ListId",
            "blue",
        ),
        (
            json!({"from": "whatsapp:+14155550100", "type": "location", "location": {"latitude": 40.7484, "longitude": -73.9857, "name": "ESB"}}),
            "Latitude",
            "40.7484",
        ),
        (
            json!({"from": "whatsapp:+14155550100", "text": "this", "reply_to": "SM1"}),
            "OriginalRepliedMessageSid",
            "SM1",
        ),
        (json!({"from": "whatsapp:US.4566546130240823", "text": "hey"}), "From", "whatsapp:US.4566546130240823"),
    ];
    for (message, field, wanted) in cases {
        stage.receiver.arrived.lock().unwrap().clear();
        let answer = stage.write_on("twilio", ACCOUNT, message.clone()).await;
        let arrived = stage.receiver.all().remove(0);
        assert_eq!(arrived.body[field], wanted, "{message} gave {}", arrived.body);
        assert_eq!(arrived.body["MessageSid"], answer["id"]);
        assert_eq!(arrived.headers["x-twilio-signature"], signature(&stage.callback, &arrived));
        let whatsapp = message["from"].as_str().unwrap().starts_with("whatsapp:");
        assert_eq!(arrived.body.get("ProfileName").is_some(), whatsapp);
        assert_eq!(arrived.body["To"], if whatsapp { WHATSAPP } else { SMS });
    }
}

#[actix_web::test]
async fn media_are_fetched_with_credentials_and_a_redirect_without() {
    let stage = stage().await;
    let image = json!({"from": "+14155550100", "type": "image", "image": {"data_base64": "aGVsbG8=", "mime_type": "image/png"}});
    stage.write_on("twilio", ACCOUNT, image).await;
    let url = stage.receiver.all()[0].body["MediaUrl0"].as_str().unwrap().to_owned();
    assert_eq!(stage.request("GET", &url).send().await.unwrap().status(), 401);
    let (status, location) = call(&stage, "GET", &url, &[]).await;
    assert_eq!(status, 307);
    let file = stage.request_as("none", "GET", location.as_str().unwrap()).send().await.unwrap();
    assert_eq!((&file.headers()["Content-Type"], file.status().as_u16()), (&"image/png".parse().unwrap(), 200));
    assert_eq!(call(&stage, "DELETE", &url, &[]).await.0, 204);
    assert_eq!(call(&stage, "GET", &url, &[]).await.0, 404);
}

#[actix_web::test]
async fn stop_blocks_until_start_and_both_reach_the_webhook() {
    let stage = stage().await;
    stage.open("twilio", ACCOUNT, json!({"messaging_service_sid": "MG1", "advanced_opt_out": true})).await;
    let form = [("To", "+14155550100"), ("From", SMS), ("Body", "x")];
    for (words, kind, code) in [(" Stop ", "STOP", 21_610), ("HELP", "HELP", 21_610), ("start", "START", 0)] {
        stage.receiver.arrived.lock().unwrap().clear();
        stage.write_on("twilio", ACCOUNT, json!({"from": "+14155550100", "text": words})).await;
        assert_eq!(stage.receiver.all()[0].body["OptOutType"], kind);
        assert_eq!(send(&stage, &form).await.1["code"].as_i64().unwrap_or_default(), code, "{words}");
    }
    let wa = [("To", "whatsapp:+14155550100"), ("From", WHATSAPP), ("Body", "x")];
    stage.write_on("twilio", ACCOUNT, json!({"from": "whatsapp:+14155550100", "text": "stop"})).await;
    assert_eq!(send(&stage, &wa).await.0, 201, "WhatsApp has no such block");
}

#[actix_web::test]
async fn refusals_come_as_a_status_when_they_are_asked_to() {
    let stage = stage().await;
    stage.open("twilio", ACCOUNT, json!({"window": "failed_status"})).await;
    let form =
        [("To", "whatsapp:+14155550100"), ("From", WHATSAPP), ("Body", "x"), ("StatusCallback", &stage.callback)];
    let (status, answer) = send(&stage, &form).await;
    assert_eq!(status, 201);
    stage.books_of(ACCOUNT, "acknowledged=1").await;
    let arrived = stage.receiver.all().remove(0);
    assert_eq!((&arrived.body["MessageSid"], &arrived.body["ErrorCode"]), (&answer["sid"], &json!("63016")));
    stage.faults(json!([{"match": {"vendor": "twilio"}, "action": {"fail_receipt": 30_003}}])).await;
    let form = [("To", "+14155550100"), ("From", SMS), ("Body", "x"), ("StatusCallback", &stage.callback)];
    let (_, answer) = send(&stage, &form).await;
    stage.books_of(ACCOUNT, "acknowledged=2").await;
    assert_eq!(statuses(&stage, answer["sid"].as_str().unwrap()), ["undelivered"]);
}

#[actix_web::test]
async fn faults_speak_the_vendors_language() {
    let stage = stage().await;
    let form = [("To", "+14155550100"), ("From", SMS), ("Body", "x")];
    stage.faults(json!([{"match": {"vendor": "twilio", "kind": "send"}, "action": {"status": {"code": 20_429, "retry_after": 2}}}])).await;
    let (status, answer) = send(&stage, &form).await;
    assert_eq!((status, &answer["code"], &answer["status"]), (429, &json!(20_429), &json!(429)));
    assert_eq!(stage.books_of(ACCOUNT, "").await["counts"]["messages"], 0);
}

#[actix_web::test]
async fn a_plain_answer_goes_to_the_customer_and_an_empty_document_does_not() {
    let stage = stage().await;
    for (kind, body, messages) in [
        ("text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>", 0),
        ("text/plain", "ok", 1),
        ("text/xml", "<Response><Message>Thanks</Message></Response>", 2),
    ] {
        *stage.receiver.answer.lock().unwrap() = Some((kind, body));
        stage.write_on("twilio", ACCOUNT, json!({"from": "+14155550100", "text": "Hi"})).await;
        let books = stage.books_of(ACCOUNT, &format!("messages={messages}")).await;
        assert_eq!(books["counts"]["messages"], messages, "{body}");
    }
}

#[actix_web::test]
async fn templates_are_listed_and_typing_marks_as_read() {
    let stage = stage().await;
    let (_, page) = call(&stage, "GET", "/v1/Content", &[]).await;
    assert_eq!(page["contents"].as_array().unwrap().len(), 2);
    let sid = page["contents"][1]["sid"].as_str().unwrap();
    assert_eq!(call(&stage, "GET", &format!("/v1/Content/{sid}"), &[]).await.1["friendly_name"], "confirm_order");
    let typing = [("messageId", "SM1"), ("channel", "whatsapp")];
    assert_eq!(call(&stage, "POST", "/v2/Indicators/Typing.json", &typing).await.1, json!({"success": true}));
}

#[actix_web::test]
async fn a_template_is_made_approved_and_ended() {
    let stage = stage().await;
    stage.call("PUT", &format!("/sim/accounts/{ACCOUNT}"), Some(json!({"template_review_ms": 0}))).await;
    let content = json!({"friendly_name": "one", "language": "en", "types": {"twilio/text": {"body": "Hi"}}});
    let (status, made) = call_json(&stage, "POST", "/v1/Content", &content).await;
    assert_eq!((status, &made["approval_requests"]), (201, &json!({})));
    assert_eq!(call_json(&stage, "POST", "/v1/Content", &json!({"language": "en"})).await.0, 400);
    let one = format!("/v1/Content/{}", made["sid"].as_str().unwrap());
    let wish = json!({"name": "one", "category": "UTILITY"});
    let (status, asked) = call_json(&stage, "POST", &format!("{one}/ApprovalRequests/whatsapp"), &wish).await;
    assert_eq!((status, &asked["status"]), (201, &json!("approved")));
    assert_eq!(call(&stage, "GET", &one, &[]).await.1["approval_requests"]["status"], "approved");
    assert_eq!(call(&stage, "DELETE", &one, &[]).await.0, 204);
    assert_eq!(call(&stage, "DELETE", &one, &[]).await.0, 404);
}
