//! What we send: the vendor's own examples as our content, the limits, and how its answers are read.

use serde_json::{Value, json};
use switchboard_channels::contract::capabilities::{TextRule, Unit};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::outbound::{Outbound, Sent};
use switchboard_channels::contract::peer::Identity;
use switchboard_channels::contract::request::{Authorisation, Body, Method, Request};
use switchboard_channels::contract::splitting::split;
use switchboard_channels::whatsapp::{Settings, outcome, render};

use crate::fixtures::json;

pub(crate) const LIMIT: TextRule = TextRule { limit: 4_096, unit: Unit::Characters };

fn settings() -> Settings {
    Settings {
        phone_number_id: "106540352242922".to_owned(),
        waba_id: Some("102290129340398".to_owned()),
        access_token: Secret::new("TEST-TOKEN"),
        ..Settings::default()
    }
}

fn rendered(send: &Value) -> Result<Request, Failure> {
    let to: Vec<Identity> = serde_json::from_value(send["to"].clone()).unwrap();
    let content: Content =
        serde_json::from_value(send["content"].clone()).unwrap_or_else(|error| panic!("{error}: {send}"));
    assert!(!content.plain().trim().is_empty(), "{send}");
    let outbound = Outbound {
        reply_to: send["reply_to"].as_str(),
        ..Outbound::new(send["id"].as_str().unwrap_or_default(), &to, &content)
    };
    render::message(&settings(), &outbound)
}

fn operation(name: &str, arguments: &Value) -> Request {
    let settings = settings();
    let text = |index: usize| arguments[index].as_str();
    match name {
        "read_mark" => render::read_mark(&settings, text(0).unwrap(), arguments[1] == true).unwrap(),
        "media_lookup" => render::media_lookup(&settings, text(0).unwrap()).unwrap(),
        "media_upload" => render::media_upload(&settings, text(0).unwrap(), text(1).unwrap()),
        "media_delete" => render::media_delete(&settings, text(0).unwrap()).unwrap(),
        "templates" => render::templates(&settings, text(0)).unwrap(),
        "account_check" => render::account_check(&settings),
        other => panic!("no operation {other}"),
    }
}

#[test]
fn the_vendors_examples() {
    let exchanges = json("outbound/exchanges.json");
    let cases = json("outbound/cases.json");
    for exchange in exchanges["exchanges"].as_array().unwrap() {
        let name = exchange["name"].as_str().unwrap();
        let case = &cases[name];
        assert!(case.is_object(), "{name} is not listed");
        if case["unused"].is_string() {
            continue;
        }
        let request = match case["operation"].as_str() {
            Some(operation_name) => operation(operation_name, &case["arguments"]),
            None => rendered(&case["send"]).unwrap_or_else(|failure| panic!("{name}: {failure}")),
        };
        same_request(name, &request, &exchange["request"]);
        let status = u16::try_from(exchange["response"]["status"].as_u64().unwrap()).unwrap();
        let body = match &exchange["response"]["body"] {
            Value::String(page) => page.clone().into_bytes(),
            body => serde_json::to_vec(body).unwrap(),
        };
        assert_eq!(read(case, status, &body), case["answer"], "{name}");
    }
}

fn same_request(name: &str, ours: &Request, theirs: &Value) {
    let method = match ours.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    assert_eq!(Some(method), theirs["method"].as_str(), "{name}");
    let (url, query) = ours.url.split_once('?').unwrap_or((&ours.url, ""));
    assert_eq!(url, format!("https://graph.facebook.com{}", theirs["path"].as_str().unwrap()), "{name}");
    assert!(!ours.url.contains("TEST-TOKEN"), "{name}");
    assert_eq!(ours.authorisation, Some(Authorisation::Bearer(Secret::new("TEST-TOKEN"))), "{name}");
    for (parameter, value) in theirs["query"].as_object().into_iter().flatten() {
        // How many templates a page has is ours to choose, and we ask for why they were rejected, too.
        let value = match parameter.as_str() {
            "limit" => "100".to_owned(),
            "fields" if theirs["path"].as_str().unwrap().ends_with("/message_templates") => {
                format!("{},rejected_reason", value.as_str().unwrap())
            }
            _ => value.as_str().unwrap().to_owned(),
        };
        let wanted = format!("{parameter}={}", value.replace(',', "%2C"));
        assert!(query.split('&').any(|pair| pair == wanted), "{name}: no {wanted} in {query}");
    }
    match &ours.body {
        Body::Form(_) => panic!("{name}: this vendor takes no forms"),
        Body::Json(body) => {
            let mut body = body.clone();
            let mut wanted = theirs["body"].clone();
            for body in [&mut body, &mut wanted] {
                if body["text"]["preview_url"] == false {
                    body["text"].as_object_mut().unwrap().remove("preview_url");
                }
            }
            assert_eq!(body, wanted, "{name}");
        }
        Body::Multipart { fields, file_field, filename, mime_type } => {
            let form = &theirs["form"];
            for (field, value) in fields {
                assert_eq!(form[field], *value, "{name}");
            }
            assert_eq!(form[file_field], format!("@{filename};type={mime_type}"), "{name}");
        }
        Body::Empty => assert!(theirs["body"].is_null(), "{name}"),
    }
}

fn read(case: &Value, status: u16, body: &[u8]) -> Value {
    match case["operation"].as_str() {
        None => match outcome::sent(status, body) {
            Sent::Accepted(accepted) => {
                assert!(!accepted.id.is_empty());
                json!({ "accepted": { "recipient": accepted.recipient, "held": accepted.held } })
            }
            Sent::Refused(failure) => refused(&failure),
            Sent::Unclear(why) => json!({ "unclear": why }),
        },
        Some("media_lookup") => match outcome::media_link(status, body) {
            Ok(link) => {
                json!({ "url": link.url, "mime_type": link.mime_type, "sha256": link.sha256, "size": link.size })
            }
            Err(failure) => refused(&failure),
        },
        Some("media_upload") => json!({ "id": outcome::uploaded(status, body).unwrap() }),
        Some("templates") => {
            let (templates, after) = outcome::templates(status, body).unwrap();
            let listed: Vec<Value> = templates
                .iter()
                .map(|template| {
                    json!([
                        template.name,
                        template.language,
                        template.status,
                        template.category,
                        template.components.len()
                    ])
                })
                .collect();
            json!({ "templates": listed, "after": after })
        }
        Some("account_check") => json!(outcome::account(status, body).unwrap()),
        Some(_) => Value::Null,
    }
}

fn refused(failure: &Failure) -> Value {
    assert!(!failure.message.is_empty());
    json!({
        "code": failure.code,
        "retry": failure.retry,
        "fault": failure.fault,
        "vendor_code": failure.vendor_code,
        "stops_channel": failure.stops_channel,
    })
}

/// `{"repeat": "x", "times": 4097}` stands for a long text.
pub(crate) fn expand(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let (Some(Value::String(text)), Some(times)) = (members.get("repeat"), members.get("times")) {
                *value = Value::String(text.repeat(usize::try_from(times.as_u64().unwrap()).unwrap()));
                return;
            }
            members.values_mut().for_each(expand);
        }
        Value::Array(elements) => elements.iter_mut().for_each(expand),
        _ => {}
    }
}

#[test]
fn limits_refuse_or_degrade() {
    for case in json("outbound/limits.json").as_array().unwrap() {
        let mut case = case.clone();
        expand(&mut case);
        let name = case["name"].as_str().unwrap();
        let group = json!([{ "kind": "group", "value": "120363418770915618@g.us" }]);
        let person = json!([{ "kind": "phone", "value": "16505551234" }]);
        let to = if case["group"] == true { group } else { case.get("to").cloned().unwrap_or(person) };
        let send = json!({ "to": to, "content": case["content"], "id": "m1" });
        match (rendered(&send), case["refused"].as_array()) {
            (Err(failure), Some(wanted)) => {
                assert_eq!(json!(failure.code), wanted[0], "{name}: {failure}");
                assert!(failure.message.contains(wanted[1].as_str().unwrap()), "{name}: {failure}");
                assert_eq!((failure.vendor_code, failure.stops_channel), (None, false), "{name}");
            }
            (Ok(request), None) => {
                let Body::Json(body) = request.body else { panic!("{name}: no JSON") };
                assert_eq!(body["biz_opaque_callback_data"], "m1", "{name}");
                assert_eq!(body["type"], case["type"], "{name}");
                assert_eq!(body[case["type"].as_str().unwrap()], case["object"], "{name}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn classes_of_refusals() {
    for case in json("outbound/classes.json").as_array().unwrap() {
        let http = case["http"].as_u64().map(|status| u16::try_from(status).unwrap());
        for code in case["codes"].as_array().unwrap() {
            let failure = outcome::classify(code.as_i64().unwrap(), case["subcode"].as_i64(), http, "words");
            assert_eq!(json!(failure.code), case["code"], "{code}");
            assert_eq!(json!(failure.retry), case["retry"], "{code}");
            assert_eq!(json!(failure.fault), case["fault"], "{code}");
            assert_eq!(failure.stops_channel, case["stops_channel"] == true, "{code}");
            assert_eq!(failure.vendor_message.as_deref(), Some("words"), "{code}");
        }
    }
    let long = outcome::classify(100, Some(33), None, &"é".repeat(501));
    assert_eq!((long.vendor_code.as_deref(), long.vendor_message.unwrap().chars().count()), (Some("100/33"), 500));
}

#[test]
fn odd_answers() {
    let unclear = |status, body: &str| matches!(outcome::sent(status, body.as_bytes()), Sent::Unclear(_));
    for body in ["", "<html>", "[]", "{}", r#"{"messages":[]}"#, r#"{"messages":[{"id":""}]}"#, r#"{"messages":{}}"#] {
        assert!(unclear(200, body), "{body}");
    }
    let code = |status, body: &str| match outcome::sent(status, body.as_bytes()) {
        Sent::Refused(failure) => (failure.code, json!(failure.retry)),
        other => panic!("{body}: {other:?}"),
    };
    assert_eq!(code(502, "<html>"), ("VENDOR_UNAVAILABLE".to_owned(), json!("backoff")));
    assert_eq!(code(429, ""), ("RATE_LIMITED_BY_VENDOR".to_owned(), json!("slow_account")));
    assert_eq!(code(302, ""), ("VENDOR_REFUSED".to_owned(), json!("never")));
    // An error counts whatever the status says.
    assert_eq!(code(200, r#"{"error":{"code":131047}}"#).0, "WINDOW_CLOSED");
    assert_eq!(code(400, r#"{"error":{"code":"131047"}}"#).0, "WINDOW_CLOSED");
    let transient = r#"{"error":{"code":987654,"is_transient":true}}"#;
    assert_eq!(code(400, transient), ("VENDOR_REFUSED".to_owned(), json!("backoff")));
    let unreadable = outcome::media_link(200, b"{}").unwrap_err();
    assert_eq!(unreadable.code, "VENDOR_ANSWER_UNREADABLE");
    assert_eq!(outcome::uploaded(200, b"[]").unwrap_err().code, "VENDOR_ANSWER_UNREADABLE");
    assert_eq!(outcome::templates(200, b"{}").unwrap_err().code, "VENDOR_ANSWER_UNREADABLE");
    assert_eq!(outcome::uploaded(200, br#"{"id":1234567890123456789}"#).unwrap(), "1234567890123456789");
}

#[test]
fn splits_where_a_reader_would_pause() {
    assert_eq!(split("short", LIMIT), ["short"]);
    assert!(split(" \n ", LIMIT).is_empty());
    let paragraph = "a".repeat(3_000);
    assert_eq!(split(&format!("{paragraph}\n\n{paragraph}"), LIMIT), [paragraph.clone(), paragraph]);
    let sentences = "One sentence here. ".repeat(400);
    assert!(split(&sentences, LIMIT).iter().all(|part| part.ends_with("here.")));
    let words = "word ".repeat(2_000);
    assert!(split(&words, LIMIT).iter().all(|part| part.split(' ').all(|word| word == "word")));
    // Families, flags and accents stay whole even where no blank helps.
    for whole in ["👩\u{200d}👩\u{200d}👧", "🇩🇪", "e\u{301}", "👍🏽"] {
        let text = whole.repeat(4_096);
        for part in split(&text, LIMIT) {
            assert_eq!(part, whole.repeat(part.len() / whole.len()), "cut through {whole}");
        }
    }
}
