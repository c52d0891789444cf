//! What we send: our content as the vendor's calls, the limits, and how its answers are read.

use serde_json::{Value, json};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::fitting::fit;
use switchboard_channels::contract::outbound::{Outbound, Sent, Sign};
use switchboard_channels::contract::peer::{Identity, IdentityKind};
use switchboard_channels::contract::request::{Authorisation, Body, Dispatch, Method, Request};

use super::{TOKEN, read_json, vendor};
use crate::outbound::expand;

fn person() -> Identity {
    Identity::new(IdentityKind::ScopedId, "512300001")
}

fn http(dispatch: Dispatch) -> Request {
    match dispatch {
        Dispatch::Http(request) => request,
        Dispatch::Mail(_) => panic!("this vendor takes no mail"),
    }
}

pub(super) fn rendered(content: &Content) -> Result<Request, Failure> {
    vendor().render(&Outbound::new("m1", &[person()], content)).map(http)
}

fn status(case: &Value) -> u16 {
    u16::try_from(case["status"].as_u64().unwrap()).unwrap()
}

fn body(case: &Value) -> Vec<u8> {
    match &case["body"] {
        Value::String(page) => page.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    }
}

/// Holds a request against a method and what it is told; every call proves itself in its address.
fn called(request: &Request, method: &str, wanted: &Value) {
    assert_eq!(request.url, format!("https://api.telegram.org/bot{{secret}}/{method}"));
    assert_eq!(request.authorisation, Some(Authorisation::Path(Secret::new(TOKEN))));
    match &request.body {
        Body::Json(body) => assert_eq!((request.method, body), (Method::Post, wanted), "{method}"),
        Body::Empty => assert_eq!((request.method, &Value::Null), (Method::Get, wanted), "{method}"),
        other => panic!("{method}: {other:?}"),
    }
}

#[test]
fn content_becomes_calls() {
    for case in read_json("outbound/cases.json").as_array().unwrap() {
        let mut case = case.clone();
        expand(&mut case);
        let name = case["name"].as_str().unwrap();
        let content: Content =
            serde_json::from_value(case["content"].clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let to: Vec<Identity> = match case.get("to") {
            Some(to) => serde_json::from_value(to.clone()).unwrap(),
            None => vec![person()],
        };
        let outbound = Outbound { reply_to: case["reply_to"].as_str(), ..Outbound::new("m1", &to, &content) };
        match (vendor().render(&outbound).map(http), case["refused"].as_array()) {
            (Ok(request), None) => called(&request, case["method"].as_str().unwrap(), &case["body"]),
            (Err(failure), Some(wanted)) => {
                assert_eq!(json!(failure.code), wanted[0], "{name}: {failure}");
                assert!(failure.message.contains(wanted[1].as_str().unwrap()), "{name}: {failure}");
                assert_eq!((failure.vendor_code, failure.stops_channel), (None, false), "{name}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn what_is_fitted_is_carried() {
    let words = "word ".repeat(400);
    let button = json!({ "id": "a", "title": "A" });
    let picture = json!({ "type": "image", "url": "https://cdn.example.com/1.jpg" });
    for content in [
        json!({ "type": "text", "text": words.repeat(4) }),
        json!({ "type": "buttons", "text": words, "buttons": [button], "header": picture }),
        json!({ "type": "list", "text": words, "button": "B", "sections": [{ "rows": [button] }], "header": picture }),
        json!({ "type": "image", "url": "https://cdn.example.com/1.jpg", "caption": words }),
    ] {
        let content: Content = serde_json::from_value(content).unwrap();
        let parts = fit(&content, &vendor().capabilities()).unwrap();
        assert!(parts.len() > 1, "{content:?}");
        for part in parts {
            rendered(&part).unwrap_or_else(|failure| panic!("{failure}: {part:?}"));
        }
    }
}

#[test]
fn signs_and_questions() {
    let vendor = vendor();
    let sign = |sign, last| vendor.sign(sign, &[person()], last);
    let typing = json!({ "chat_id": 512_300_001, "action": "typing" });
    called(&sign(Sign::Typing, Some("512300001:101")).unwrap(), "sendChatAction", &typing);
    called(&sign(Sign::Typing, None).unwrap(), "sendChatAction", &typing);
    let answered = json!({ "callback_query_id": "2200000000000000001" });
    called(&sign(Sign::Typing, Some("callback:2200000000000000001")).unwrap(), "answerCallbackQuery", &answered);
    assert_eq!(sign(Sign::Seen, Some("512300001:101")).unwrap_err().code, "INVALID_CONTENT");
    assert_eq!(vendor.sign(Sign::Typing, &[], None).unwrap_err().code, "RECIPIENT_UNREACHABLE");
    called(&vendor.media_lookup("AgAC").unwrap(), "getFile", &json!({ "file_id": "AgAC" }));
    called(&vendor.profile(&person()).unwrap(), "getChat", &json!({ "chat_id": 512_300_001 }));
    let group = Identity::new(IdentityKind::Group, "-5");
    called(&vendor.profile(&group).unwrap(), "getChat", &json!({ "chat_id": -5 }));
    for (probe, method) in vendor.probes().iter().zip(["getMe", "getWebhookInfo"]) {
        called(&probe.request, method, &Value::Null);
    }
}

#[test]
fn answers() {
    for case in read_json("outbound/answers.json").as_array().unwrap() {
        match vendor().outcome(status(case), &body(case)) {
            Sent::Accepted(accepted) => {
                let recipient = accepted.recipient.first();
                let (kind, value) = (recipient.map(|known| known.kind), recipient.map(|known| &known.value));
                assert_eq!(json!([accepted.id, kind, value]), case["accepted"], "{case}");
                assert!(!accepted.held, "{case}");
            }
            Sent::Refused(failure) => {
                assert_eq!(json!([failure.code, failure.vendor_code]), case["refused"], "{case}");
                assert_eq!(json!(failure.retry_after_ms), case["retry_after_ms"], "{case}");
            }
            Sent::Unclear(why) => {
                let wanted = case["unclear"].as_str().unwrap_or_else(|| panic!("{case}: {why}"));
                assert!(why.contains(wanted), "{case}: {why}");
            }
        }
    }
}

#[test]
fn classes_of_refusals() {
    for case in read_json("outbound/classes.json").as_array().unwrap() {
        for said in case["says"].as_array().unwrap() {
            let error = json!({ "ok": false, "error_code": said[0], "description": said[1] });
            let http = u16::try_from(said[0].as_u64().unwrap()).unwrap();
            let Sent::Refused(failure) = vendor().outcome(http, error.to_string().as_bytes()) else { panic!("{said}") };
            assert_eq!(json!(failure.code), case["code"], "{said}");
            assert_eq!(json!(failure.retry), case["retry"], "{said}");
            assert_eq!(json!(failure.fault), case["fault"], "{said}");
            assert_eq!(failure.stops_channel, case["stops_channel"] == true, "{said}");
            assert_eq!(failure.vendor_message.as_deref(), said[1].as_str(), "{said}");
        }
    }
}

#[test]
fn findings_say_what_to_do() {
    for case in read_json("outbound/findings.json").as_array().unwrap() {
        let probe = usize::try_from(case["probe"].as_u64().unwrap()).unwrap();
        let finding = vendor().finding(probe, status(case), &body(case));
        assert_eq!((finding.ok, finding.remedy.is_none()), (case["ok"] == true, case["ok"] == true), "{case}");
        let words = format!("{} {}", finding.what, finding.remedy.unwrap_or_default());
        for wanted in case["says"].as_array().unwrap() {
            assert!(words.contains(wanted.as_str().unwrap()), "{words} lacks {wanted}");
        }
        for unwanted in case["lacks"].as_array().into_iter().flatten() {
            assert!(!words.contains(unwanted.as_str().unwrap()), "{words} holds {unwanted}");
        }
    }
}

#[test]
fn people_and_files_are_looked_up() {
    let asked = json!({ "ok": true, "result": { "id": 512_300_001, "type": "private", "first_name": "Ana",
        "last_name": "Lima", "username": "ana_lima" } });
    let profile = vendor().profiled(200, asked.to_string().as_bytes()).unwrap();
    assert_eq!((profile.name.as_deref(), profile.username.as_deref()), (Some("Ana Lima"), Some("ana_lima")));
    let unknown = br#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#;
    assert_eq!(vendor().profiled(400, unknown).unwrap_err().code, "PROFILE_UNAVAILABLE");
    let token = br#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
    assert!(vendor().profiled(401, token).unwrap_err().stops_channel, "a dead token is the channel's");
    assert_eq!(vendor().profiled(200, b"[]").unwrap_err().code, "VENDOR_ANSWER_UNREADABLE");
    let found = br#"{"ok":true,"result":{"file_id":"a","file_size":98314,"file_path":"photos/file_1.jpg"}}"#;
    assert_eq!(vendor().media_link(200, found).unwrap().size, Some(98_314));
    let large = br#"{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}"#;
    assert_eq!(vendor().media_link(400, large).unwrap_err().code, "MEDIA_REJECTED");
}
