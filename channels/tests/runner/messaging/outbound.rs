//! What we send: the vendor's own examples as our content, the limits, and how its answers are read.

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::{MediaBy, WindowRule};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::outbound::{Outbound, Right, Sent, Sign};
use switchboard_channels::contract::peer::{Identity, IdentityKind};
use switchboard_channels::contract::request::{Authorisation, Body, Dispatch, Method, Request};
use switchboard_channels::contract::vendor::Vendor;

use super::{BOTH, read_json, vendor, vendor_with};
use crate::outbound::expand;

fn person(kind: Kind) -> Identity {
    let id = if kind == Kind::Instagram { "9240000000000001" } else { "7240000000000001" };
    Identity::new(IdentityKind::ScopedId, id)
}

fn http(dispatch: Dispatch) -> Request {
    match dispatch {
        Dispatch::Http(request) => request,
        Dispatch::Mail(_) => panic!("this vendor takes no mail"),
    }
}

pub(super) fn rendered(kind: Kind, content: &Content) -> Result<Request, Failure> {
    vendor(kind).render(&Outbound::new("m1", &[person(kind)], content)).map(http)
}

fn request(vendor: &dyn Vendor, kind: Kind, case: &Value) -> Result<Request, Failure> {
    let person = person(kind);
    match case["operation"].as_str() {
        Some("seen") => vendor.sign(Sign::Seen, &[person], None),
        Some("typing") => vendor.sign(Sign::Typing, &[person], Some("m_1")),
        Some("profile") => vendor.profile(&person),
        Some("probe") => Ok(vendor.probes().remove(usize::try_from(case["probe"].as_u64().unwrap()).unwrap()).request),
        Some(other) => panic!("no operation {other}"),
        None => {
            let send = &case["send"];
            let content: Content =
                serde_json::from_value(send["content"].clone()).unwrap_or_else(|error| panic!("{error}: {send}"));
            let to: Vec<Identity> = match send.get("to") {
                Some(to) => serde_json::from_value(to.clone()).unwrap(),
                None => vec![person],
            };
            let outbound = Outbound {
                reply_to: send["reply_to"].as_str(),
                right: if send["human"] == true { Right::HumanAgent } else { Right::Window },
                ..Outbound::new(send["id"].as_str().unwrap_or_default(), &to, &content)
            };
            vendor.render(&outbound).map(http)
        }
    }
}

#[test]
fn the_vendors_examples() {
    for kind in BOTH {
        let exchanges = read_json(kind, "outbound/exchanges.json");
        let cases = read_json(kind, "outbound/cases.json");
        for exchange in exchanges["exchanges"].as_array().unwrap() {
            let name = exchange["name"].as_str().unwrap();
            let case = &cases[name];
            assert!(case.is_object(), "{kind:?} {name} is not listed");
            let vendor = vendor_with(kind, &case["settings"]);
            let status = u16::try_from(exchange["response"]["status"].as_u64().unwrap()).unwrap();
            let body = serde_json::to_vec(&exchange["response"]["body"]).unwrap();
            if case["unused"].is_null() {
                let request = request(&*vendor, kind, case).unwrap_or_else(|failure| panic!("{name}: {failure}"));
                same_request(kind, name, &request, &exchange["request"]);
            }
            assert_eq!(read(&*vendor, case, status, &body), case["answer"], "{kind:?} {name}");
        }
    }
}

fn same_request(kind: Kind, name: &str, ours: &Request, theirs: &Value) {
    let method = match ours.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    assert_eq!(Some(method), theirs["method"].as_str(), "{name}");
    let through_page = kind == Kind::Messenger || name == "send-text-via-page";
    let host = if through_page { "https://graph.facebook.com" } else { "https://graph.instagram.com" };
    let (url, query) = ours.url.split_once('?').unwrap_or((&ours.url, ""));
    assert_eq!(url, format!("{host}{}", theirs["path"].as_str().unwrap()), "{name}");
    assert!(!ours.url.contains("TEST-TOKEN"), "{name}");
    assert_eq!(ours.authorisation, Some(Authorisation::Bearer(Secret::new("TEST-TOKEN"))), "{name}");
    if let Some(fields) = theirs["query"]["fields"].as_str() {
        // We ask for what is kept, which may be less than what the example asks for.
        let asked = query.strip_prefix("fields=").unwrap();
        assert!(asked.split("%2C").all(|field| fields.split(',').any(|known| known == field)), "{name}: {query}");
    }
    match &ours.body {
        Body::Json(body) => assert_eq!(*body, theirs["body"], "{name}"),
        Body::Empty => assert!(theirs["body"].is_null(), "{name}"),
        other => panic!("{name}: {other:?}"),
    }
}

fn read(vendor: &dyn Vendor, case: &Value, status: u16, body: &[u8]) -> Value {
    match case["operation"].as_str() {
        Some("profile") => match vendor.profiled(status, body) {
            Ok(profile) => json!(profile),
            Err(failure) => refused(&failure),
        },
        Some("probe") => json!(vendor.finding(usize::try_from(case["probe"].as_u64().unwrap()).unwrap(), status, body)),
        Some("upload") => json!(vendor.uploaded(status, body).unwrap()),
        Some("subscribe") => Value::Null,
        _ => match vendor.outcome(status, body) {
            Sent::Accepted(accepted) => {
                assert!(!accepted.held);
                json!({ "accepted": { "recipient": accepted.recipient, "has_id": !accepted.id.is_empty() } })
            }
            Sent::Refused(failure) => refused(&failure),
            Sent::Unclear(why) => json!({ "unclear": why }),
        },
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

#[test]
fn limits_refuse_or_degrade() {
    for kind in BOTH {
        for case in read_json(kind, "outbound/limits.json").as_array().unwrap() {
            let mut case = case.clone();
            expand(&mut case);
            let name = format!("{kind:?}: {}", case["name"].as_str().unwrap());
            match (request(&*vendor(kind), kind, &case), case["refused"].as_array()) {
                (Err(failure), Some(wanted)) => {
                    assert_eq!(json!(failure.code), wanted[0], "{name}: {failure}");
                    assert!(failure.message.contains(wanted[1].as_str().unwrap()), "{name}: {failure}");
                    assert_eq!((failure.vendor_code, failure.stops_channel), (None, false), "{name}");
                }
                (Ok(request), None) => {
                    let Body::Json(body) = request.body else { panic!("{name}: no JSON") };
                    for (member, value) in case["body"].as_object().unwrap() {
                        assert_eq!(body[member], *value, "{name}: {member}");
                    }
                }
                (outcome, _) => panic!("{name}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn classes_of_refusals() {
    for kind in BOTH {
        let vendor = vendor(kind);
        for case in read_json(kind, "outbound/classes.json").as_array().unwrap() {
            for code in case["codes"].as_array().unwrap() {
                let (code, subcode) = (code[0].as_i64().unwrap(), code.get(1).and_then(Value::as_i64));
                let error = json!({ "error": { "code": code, "error_subcode": subcode, "message": "words" } });
                let Sent::Refused(failure) = vendor.outcome(400, error.to_string().as_bytes()) else {
                    panic!("{error}")
                };
                assert_eq!(json!(failure.code), case["code"], "{error}");
                assert_eq!(json!(failure.retry), case["retry"], "{error}");
                assert_eq!(json!(failure.fault), case["fault"], "{error}");
                assert_eq!(failure.stops_channel, case["stops_channel"] == true, "{error}");
                assert_eq!(failure.vendor_message.as_deref(), Some("words"), "{error}");
            }
        }
    }
}

#[test]
fn odd_answers() {
    for kind in BOTH {
        let vendor = vendor(kind);
        for body in ["", "<html>", "[]", "{}", r#"{"message_id":""}"#, r#"{"recipient_id":"1","message_id":""}"#] {
            assert!(matches!(vendor.outcome(200, body.as_bytes()), Sent::Unclear(_)), "{body}");
        }
        let code = |status, body: &str| match vendor.outcome(status, body.as_bytes()) {
            Sent::Refused(failure) => (failure.code, json!(failure.retry)),
            other => panic!("{body}: {other:?}"),
        };
        assert_eq!(code(502, "<html>"), ("VENDOR_UNAVAILABLE".to_owned(), json!("backoff")));
        assert_eq!(code(429, ""), ("RATE_LIMITED_BY_VENDOR".to_owned(), json!("slow_account")));
        assert_eq!(code(302, ""), ("VENDOR_REFUSED".to_owned(), json!("never")));
        let strange = r#"{"error":{"code":987654,"is_transient":true}}"#;
        assert_eq!(code(400, strange), ("VENDOR_REFUSED".to_owned(), json!("backoff")));
        assert_eq!(vendor.profiled(200, b"[]").unwrap_err().code, "VENDOR_ANSWER_UNREADABLE");
    }
    let token = br#"{"error":{"code":190,"message":"expired"}}"#;
    assert!(vendor(Kind::Instagram).profiled(400, token).unwrap_err().stops_channel, "a dead token is the channel's");
}

#[test]
fn files_go_up_where_they_are_kept() {
    let request = vendor(Kind::Messenger).media_upload("image/png", "a.png").unwrap();
    assert_eq!(request.url, "https://graph.facebook.com/v24.0/104200000000001/message_attachments");
    let Body::Multipart { fields, file_field, filename, mime_type } = request.body else { panic!("no form") };
    assert_eq!((file_field.as_str(), filename.as_str(), mime_type.as_str()), ("filedata", "a.png", "image/png"));
    let message: Value = serde_json::from_str(&fields[0].1).unwrap();
    assert_eq!(fields[0].0, "message");
    assert_eq!(message, json!({ "attachment": { "type": "image", "payload": { "is_reusable": true } } }));
    assert!(vendor(Kind::Instagram).media_upload("image/png", "a.png").is_err());
}

#[test]
fn windows_are_of_the_set_length() {
    let hour = 60 * 60 * 1_000;
    for kind in BOTH {
        for (settings, hours) in [(json!({}), 24), (json!({ "window_hours": 168 }), 168)] {
            let capabilities = vendor_with(kind, &settings).capabilities();
            let human_length_ms = Some(7 * 24 * hour);
            assert_eq!(capabilities.window, WindowRule::SinceLastInbound { length_ms: hours * hour, human_length_ms });
            assert_eq!(capabilities.media_by, MediaBy::Link);
        }
    }
}

#[test]
fn findings_say_what_to_do() {
    for case in read_json(Kind::Instagram, "outbound/findings.json").as_array().unwrap() {
        let kind = Kind::from_word(case["kind"].as_str().unwrap()).unwrap();
        let vendor = vendor_with(kind, &case["settings"]);
        let probe = usize::try_from(case["probe"].as_u64().unwrap()).unwrap();
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        assert!(vendor.probes()[probe].request.url.ends_with(case["asks"].as_str().unwrap()), "{case}");
        let finding = vendor.finding(probe, status, case["body"].to_string().as_bytes());
        assert_eq!((finding.ok, finding.remedy.is_none()), (case["ok"] == true, case["ok"] == true), "{case}");
        let words = format!("{} {}", finding.what, finding.remedy.unwrap_or_default());
        for wanted in case["says"].as_array().unwrap() {
            assert!(words.contains(wanted.as_str().unwrap()), "{words} lacks {wanted}");
        }
    }
}
