//! What we send: the vendor's own examples as our content, the forms by case, and how its answers are read.

use serde_json::{Value, json};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::failure::{Failure, Fault};
use switchboard_channels::contract::outbound::{Outbound, Sent, Sign, TemplateDraft};
use switchboard_channels::contract::peer::Identity;
use switchboard_channels::contract::request::{Authorisation, Body, Dispatch, Method, Request};
use switchboard_channels::contract::vendor::Vendor;
use switchboard_channels::twilio::outcome;

use super::fixtures::{ACCOUNT, TOKEN, json, with};

fn rendered(case: &Value) -> Result<Request, Failure> {
    let send = &case["send"];
    let to: Vec<Identity> =
        serde_json::from_value(send.get("to").cloned().unwrap_or(json!([{ "kind": "phone", "value": "14155550100" }])))
            .unwrap();
    let content: Content =
        serde_json::from_value(send["content"].clone()).unwrap_or_else(|error| panic!("{error}: {send}"));
    let outbound = Outbound::new(send["id"].as_str().unwrap_or_default(), &to, &content);
    match with(&case["settings"]).render(&outbound)? {
        Dispatch::Http(request) => Ok(request),
        Dispatch::Mail(mail) => panic!("a mail: {mail:?}"),
    }
}

fn form(request: &Request) -> Vec<(String, String)> {
    let Body::Form(form) = &request.body else { panic!("no form: {request:?}") };
    form.clone()
}

#[test]
fn the_vendors_examples() {
    let examples = json("outbound/requests.json");
    let cases = json("outbound/cases.json");
    for example in examples["cases"].as_array().unwrap() {
        let name = example["name"].as_str().unwrap();
        let case = &cases["examples"][name];
        assert!(case.is_object(), "{name} is not listed");
        if case["unused"].is_string() {
            continue;
        }
        let request = rendered(case).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(request.method, Method::Post);
        assert_eq!(request.url, format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
        let basic = Authorisation::Basic { user: ACCOUNT.to_owned(), password: Secret::new(TOKEN) };
        assert_eq!(request.authorisation, Some(basic), "{name}");
        let body = example["body"].as_str().unwrap();
        let theirs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let ours = form(&request);
        assert_eq!(ours.len(), theirs.len(), "{name}: {ours:?}");
        for ((field, value), (wanted, theirs)) in ours.iter().zip(&theirs) {
            assert_eq!(field, wanted, "{name}");
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            match field.as_str() {
                "ContentVariables" => assert_eq!(json(value), json(theirs), "{name}"),
                // How to connect is added where the setting does not say it.
                "StatusCallback" => {
                    assert!(value.starts_with(theirs.as_str()) && value.contains('#'), "{name}: {value}")
                }
                _ => assert_eq!(value, theirs, "{name}"),
            }
        }
    }
}

#[test]
fn forms() {
    for case in json("outbound/cases.json")["forms"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        match (rendered(case), case["refused"].as_array()) {
            (Err(failure), Some(wanted)) => {
                assert_eq!(json!(failure.code), wanted[0], "{name}: {failure}");
                assert!(failure.message.contains(wanted[1].as_str().unwrap()), "{name}: {failure}");
                assert_eq!((failure.vendor_code, failure.stops_channel), (None, false), "{name}");
            }
            (Ok(request), None) => assert_eq!(json!(form(&request)), case["form"], "{name}"),
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn answers_of_the_vendor() {
    for case in json("outbound/responses.json")["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let status = u16::try_from(case["http_status"].as_u64().unwrap()).unwrap();
        let body = match &case["body"] {
            Value::String(page) => page.clone().into_bytes(),
            body => serde_json::to_vec(body).unwrap(),
        };
        let sent = outcome::sent(status, &body);
        let failure = match (&sent, case["class"].as_str().unwrap()) {
            (Sent::Accepted(accepted), "accepted") => {
                assert_eq!(json!(accepted.id), case["body"]["sid"], "{name}");
                assert_eq!(json!(accepted.recipient), json!([{ "kind": "phone", "value": "14155550100" }]), "{name}");
                continue;
            }
            (Sent::Unclear(_), "unknown") => continue,
            (Sent::Refused(failure), _) => failure,
            _ => panic!("{name}: {sent:?}"),
        };
        let seen = (json!(failure.retry), json!(failure.fault));
        match case["class"].as_str().unwrap() {
            "config" => assert_eq!(seen, (json!("never"), json!("operator")), "{name}"),
            "throttled" => assert_eq!(seen.0, json!("slow_account"), "{name}"),
            "transient" => assert_eq!(seen.0, json!("backoff"), "{name}"),
            "opted_out" => assert_eq!(failure.code, "RECIPIENT_OPTED_OUT", "{name}"),
            "window_closed" => assert_eq!(failure.code, "WINDOW_CLOSED", "{name}"),
            "permanent" => assert_eq!(seen.0, json!("never"), "{name}"),
            other => panic!("{name}: no class {other}"),
        }
        assert_eq!(failure.vendor_code, case["body"]["code"].as_i64().map(|code| code.to_string()), "{name}");
        assert_eq!(failure.vendor_message.as_deref(), case["body"]["message"].as_str(), "{name}");
    }
}

#[test]
fn classes_of_refusals() {
    for case in json("outbound/classes.json").as_array().unwrap() {
        let http = case["http"].as_u64().map(|status| u16::try_from(status).unwrap());
        for code in case["codes"].as_array().unwrap() {
            let failure = outcome::classify(code.as_i64().unwrap(), http, "words");
            assert_eq!(json!(failure.code), case["code"], "{code}");
            assert_eq!(json!(failure.retry), case["retry"], "{code}");
            assert_eq!(json!(failure.fault), case["fault"], "{code}");
            assert_eq!(failure.stops_channel, case["stops_channel"] == true, "{code}");
            assert_eq!(failure.vendor_code, Some(code.to_string()), "{code}");
        }
    }
    assert_eq!(outcome::classify(1, None, &"é".repeat(501)).vendor_message.unwrap().chars().count(), 500);
}

#[test]
fn odd_answers() {
    for body in ["", "<html>", "[]", "{}", r#"{"sid":""}"#, r#"{"sid":{}}"#] {
        assert!(matches!(outcome::sent(201, body.as_bytes()), Sent::Unclear(_)), "{body}");
    }
    // A gateway lost the answer; the vendor's own words about a fault are an answer.
    for status in [502, 504] {
        assert!(matches!(outcome::sent(status, b"<html>"), Sent::Unclear(_)));
        let Sent::Refused(failure) = outcome::sent(status, br#"{"code":20500,"message":"down"}"#) else { panic!() };
        assert_eq!((failure.code.as_str(), json!(failure.retry)), ("VENDOR_UNAVAILABLE", json!("backoff")));
    }
    let Sent::Refused(failure) = outcome::sent(201, br#"{"sid":"SM1","status":"failed","error_code":21610}"#) else {
        panic!()
    };
    assert_eq!(failure.code, "RECIPIENT_OPTED_OUT");
    let code = |status, body: &str| match outcome::sent(status, body.as_bytes()) {
        Sent::Refused(failure) => failure.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(404, ""), "CHANNEL_UNAUTHORISED");
    assert_eq!(code(302, ""), "VENDOR_REFUSED");
    // Some refusals of content come as 403.
    assert_eq!(code(403, r#"{"code":21408}"#), "CHANNEL_RESTRICTED");
    assert_eq!(code(400, r#"{"code":"21211"}"#), "RECIPIENT_UNREACHABLE");
}

#[test]
fn keys_and_signs() {
    let key = with(&json!({ "api_key_sid": "SK1", "api_key_secret": "key", "sender": "whatsapp:+14155238886" }));
    let sid = "SM0000000000000000000000000000007a";
    let typing = key.sign(Sign::Typing, &[], Some(sid)).unwrap();
    assert_eq!(typing.authorisation, Some(Authorisation::Basic { user: "SK1".into(), password: Secret::new("key") }));
    assert_eq!(typing.url, "https://messaging.twilio.com/v3/Indicators/Typing.json");
    assert_eq!(typing.body, Body::Json(json!({ "channel": "WHATSAPP", "messageId": sid })));
    assert!(key.sign(Sign::Seen, &[], Some(sid)).is_err());
    assert!(key.sign(Sign::Typing, &[], Some("../SM1")).is_err());
    assert!(key.sign(Sign::Typing, &[], None).is_err());
    assert!(with(&json!({ "sender": "+15005550006" })).sign(Sign::Typing, &[], Some(sid)).is_err());
}

#[test]
fn templates() {
    let settings = with(&json!({ "sender": "whatsapp:+14155238886" }));
    let page = json("outbound/templates.json");
    let first = settings.templates(None).unwrap();
    assert_eq!(first.url, "https://content.twilio.com/v1/ContentAndApprovals?PageSize=100");
    let (listed, after) = settings.listed_templates(200, page["answer"].to_string().as_bytes()).unwrap();
    assert_eq!(json!(listed), page["listed"]);
    let next = settings.templates(after.as_deref()).unwrap();
    assert_eq!(json!(next.url), page["next"]);
    let stand_in = with(&json!({ "base_url": "http://127.0.0.1:9100/" }));
    assert_eq!(
        stand_in.templates(Some("Page=1&Evil=%26x&PageToken=a%26b")).unwrap().url,
        "http://127.0.0.1:9100/v1/ContentAndApprovals?PageSize=100&Page=1&PageToken=a%26b"
    );
    let apart = with(&json!({ "base_url": "http://127.0.0.1:9100", "content_url": "http://127.0.0.1:9200/" }));
    assert!(apart.templates(None).unwrap().url.starts_with("http://127.0.0.1:9200/v1/"));
    assert_eq!(settings.listed_templates(200, b"{}").unwrap_err().code, "VENDOR_ANSWER_UNREADABLE");
    assert_eq!(settings.listed_templates(401, b"").unwrap_err().code, "CHANNEL_UNAUTHORISED");
    assert_eq!(settings.listed_templates(200, br#"{"contents":[]}"#).unwrap(), (Vec::new(), None));
}

#[test]
fn templates_are_made_handed_in_and_ended() {
    let settings = with(&json!({ "sender": "whatsapp:+14155238886" }));
    let sid = "HX00000000000000000000000000000007";
    let draft = |components: Value| TemplateDraft {
        name: "order_update".to_owned(),
        language: "en".to_owned(),
        category: "UTILITY".to_owned(),
        components: serde_json::from_value(components).unwrap(),
    };
    let text = json!({ "type": "twilio/text", "content": { "body": "Hi {{1}}" } });
    let good = draft(json!([text, { "type": "content", "variables": { "1": "Ana" } }]));
    let creation = settings.template_creation(&good).unwrap();
    assert_eq!((creation.method, creation.url.as_str()), (Method::Post, "https://content.twilio.com/v1/Content"));
    let body = json!({ "friendly_name": "order_update", "language": "en", "variables": { "1": "Ana" },
        "types": { "twilio/text": { "body": "Hi {{1}}" } } });
    assert_eq!(creation.body, Body::Json(body));
    for (components, field) in [
        (json!([]), "components"),
        (json!([{ "type": "content", "variables": {} }]), "components"),
        (json!([text, { "content": {} }]), "components[1].type"),
        (json!([{ "type": "twilio/text", "content": "Hi" }]), "components[0].content"),
        (json!([{ "type": "content" }]), "components[0].variables"),
    ] {
        assert_eq!(settings.template_creation(&draft(components)).unwrap_err().field.as_deref(), Some(field));
    }
    let answer = json!({ "sid": sid, "friendly_name": "order_update", "language": "en", "types": {}, "variables": {} });
    let made = settings.created_template(&good, 201, answer.to_string().as_bytes()).unwrap();
    assert_eq!(
        (made.name.as_str(), made.status.as_str(), made.category.as_deref()),
        (sid, "UNSUBMITTED", Some("UTILITY"))
    );
    let wish = settings.template_approval(&good, &made).unwrap();
    assert_eq!(wish.url, format!("https://content.twilio.com/v1/Content/{sid}/ApprovalRequests/whatsapp"));
    assert_eq!(wish.body, Body::Json(json!({ "name": "order_update", "category": "UTILITY" })));
    assert_eq!(with(&json!({ "sender": "+15005550006" })).template_approval(&good, &made), None, "SMS has no approval");
    assert_eq!(settings.requested_approval(201, br#"{"status":"received"}"#).unwrap(), "RECEIVED");
    let refused = settings.created_template(&good, 400, br#"{"code":20001,"message":"Invalid types"}"#).unwrap_err();
    assert_eq!(
        (refused.failure.fault, refused.failure.vendor_message.as_deref()),
        (Fault::Sender, Some("Invalid types"))
    );
    assert_eq!(settings.requested_approval(401, b"").unwrap_err().code, "CHANNEL_UNAUTHORISED");
    assert_eq!(settings.requested_approval(200, b"{}").unwrap_err().code, "VENDOR_ANSWER_UNREADABLE");
    let removal = settings.template_removal(None, sid).unwrap();
    assert_eq!((removal.method, removal.url), (Method::Delete, format!("https://content.twilio.com/v1/Content/{sid}")));
    assert!(settings.template_removal(None, "../Content").is_err());
    assert_eq!(settings.removed_template(204, b""), Ok(()));
    assert_eq!(settings.removed_template(404, br#"{"code":20404}"#), Ok(()), "what is not there has ended");
    assert!(settings.removed_template(403, b"").is_err());
}
