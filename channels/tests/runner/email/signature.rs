//! The door: signatures, passwords, certificates, and how fresh they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard_channels::contract::vendor::{Untaken, Vendor as _};
use switchboard_channels::email::Settings;
use switchboard_channels::email::verify::{self, Unverified};

use super::{NOW, case, delivery, form, headers, settings};

fn verified(settings: &Settings, headers: &[(String, Vec<u8>)], body: &[u8], now: i64) -> Result<(), Unverified> {
    let delivery = delivery(headers, body, now);
    let outcome = verify::delivery(settings, &delivery).map(|_| ());
    assert_eq!(settings.verifies(&delivery), outcome.is_ok());
    outcome
}

#[test]
fn mailgun() {
    let vectors = case("signature/mailgun-signatures.json");
    let settings = settings(json!({ "provider": "mailgun", "signing_key": vectors["signing_key"] }));
    for vector in vectors["cases"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        // That a token was used before, only the gateway knows.
        let valid = vector["valid"] == true || name == "replay-second";
        let now = vector["now"].as_i64().unwrap();
        let signature =
            json!({ "timestamp": vector["timestamp"], "token": vector["token"], "signature": vector["signature"] });
        let (form_headers, body) = form(&signature, &json!({}));
        assert_eq!(verified(&settings, &form_headers, &body, now).is_ok(), valid, "{name} as a form");
        let token = settings.used_once(&delivery(&form_headers, &body, now));
        let whole = format!("{}{}", vector["timestamp"].as_str().unwrap(), vector["token"].as_str().unwrap());
        assert_eq!(token, valid.then_some(whole), "{name}");
        let event = json!({ "signature": signature, "event-data": {} }).to_string();
        let typed = headers(&json!({ "content-type": "application/json" }));
        assert_eq!(verified(&settings, &typed, event.as_bytes(), now).is_ok(), valid, "{name} as JSON");
        let query = format!(
            "timestamp={}&token={}&signature={}",
            vector["timestamp"].as_str().unwrap(),
            vector["token"].as_str().unwrap(),
            vector["signature"].as_str().unwrap().replace('+', "%2B")
        );
        let typed = headers(&json!({ "content-type": "application/x-www-form-urlencoded" }));
        assert_eq!(verified(&settings, &typed, query.as_bytes(), now).is_ok(), valid, "{name} urlencoded");
    }
}

#[test]
fn sendgrid() {
    let vectors = case("signature/sendgrid-ecdsa.json");
    let signed = settings(json!({ "provider": "sendgrid", "public_key": vectors["public_key_base64_der"] }));
    for vector in vectors["cases"].as_array().unwrap() {
        let body = STANDARD.decode(vector["body_base64"].as_str().unwrap()).unwrap();
        let given = headers(&json!({
            "X-Twilio-Email-Event-Webhook-Signature": vector["signature"],
            "X-Twilio-Email-Event-Webhook-Timestamp": vector["timestamp"],
        }));
        assert_eq!(verified(&signed, &given, &body, NOW).is_ok(), vector["valid"] == true, "{}", vector["name"]);
        assert_eq!(verified(&signed, &[], &body, NOW), Err(Unverified::Missing), "{}", vector["name"]);
        assert_eq!(verified(&signed, &given[..1], &body, NOW), Err(Unverified::Missing), "{}", vector["name"]);
    }
}

#[test]
fn passwords() {
    for provider in ["sendgrid", "postmark"] {
        let settings = settings(json!({ "provider": provider, "webhook_user": "hook", "webhook_password": "pa:ss" }));
        let with = |value: String| verified(&settings, &headers(&json!({ "authorization": value })), b"{}", NOW);
        assert_eq!(with(format!("Basic {}", STANDARD.encode("hook:pa:ss"))), Ok(()));
        assert_eq!(with(format!("basic {}", STANDARD.encode("hook:pa:ss"))), Ok(()));
        assert_eq!(with(format!("Basic {}", STANDARD.encode("hook:pass"))), Err(Unverified::Mismatch));
        assert_eq!(with(format!("Basic {}", STANDARD.encode(":"))), Err(Unverified::Mismatch));
        assert_eq!(with(format!("Bearer {}", STANDARD.encode("hook:pa:ss"))), Err(Unverified::Malformed));
        assert_eq!(with("Basic ???".to_owned()), Err(Unverified::Malformed));
        assert_eq!(with("Basic".to_owned()), Err(Unverified::Malformed));
        assert_eq!(verified(&settings, &[], b"{}", NOW), Err(Unverified::Missing));
    }
    let unset = settings(json!({ "provider": "postmark", "webhook_user": "", "webhook_password": "" }));
    let empty = headers(&json!({ "authorization": format!("Basic {}", STANDARD.encode(":")) }));
    assert!(verified(&unset, &empty, b"{}", NOW).is_err(), "an empty password lets everybody in");
}

#[test]
fn generic() {
    let vectors = case("signature/generic-raw-hmac.json");
    let settings = settings(json!({ "provider": "generic", "signing_key": ["", vectors["secret"]] }));
    for vector in vectors["cases"].as_array().unwrap() {
        let body = STANDARD.decode(vector["body_base64"].as_str().unwrap()).unwrap();
        let given = headers(&vector["headers"]);
        let delivery = delivery(&given, &body, vector["now"].as_i64().unwrap());
        let taken = settings.take(&delivery);
        let name = vector["name"].as_str().unwrap();
        // One has no sender but in its envelope.
        assert_eq!(taken.is_ok(), vector["valid"] == true, "{name}: {taken:?}");
        if name == "empty-body" {
            assert!(matches!(taken, Err(Untaken::Malformed(_))));
        }
    }
}

fn topics() -> Value {
    let vectors = case("signature/sns-signatures.json");
    json!({
        "provider": "ses",
        "topic_arn": vectors["expected_topic"],
        "signing_certificates": [vectors["certificate_pem"]],
        "allow_sha1": true,
    })
}

/// 2026-07-16T09:30:00Z, within an hour of all of them.
const NOTIFIED: i64 = 1_784_194_200;

#[test]
fn notifications() {
    let vectors = case("signature/sns-signatures.json");
    let trusting = settings(topics());
    let mut strict = topics();
    strict["allow_sha1"] = json!(false);
    let strict = settings(strict);
    let mut unknown = topics();
    unknown["signing_certificates"] = json!([]);
    let unknown = settings(unknown);
    for vector in vectors["cases"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let body = vector["body"].to_string();
        let given = headers(&vector["headers"]);
        let valid = vector["valid"] == true;
        assert_eq!(verified(&trusting, &given, body.as_bytes(), NOTIFIED).is_ok(), valid, "{name}");
        let modern = valid && vector["body"]["SignatureVersion"] == "2";
        assert_eq!(verified(&strict, &given, body.as_bytes(), NOTIFIED).is_ok(), modern, "{name}, strictly");
        assert!(verified(&unknown, &given, body.as_bytes(), NOTIFIED).is_err(), "{name} without a certificate");
        assert!(verified(&trusting, &given, body.as_bytes(), NOTIFIED + 7_200).is_err(), "{name}, two hours later");
        let certificate_expired = NOTIFIED + 40 * 365 * 86_400;
        assert!(verified(&trusting, &given, body.as_bytes(), certificate_expired).is_err(), "{name}, in 40 years");

        let wanted = unknown.certificate_needed(&delivery(&given, body.as_bytes(), NOTIFIED));
        let believable = !["cert-url", "tampered-topic", "unexpected-topic"].iter().any(|bad| name.starts_with(bad));
        assert_eq!(wanted.is_some(), believable, "{name}: {wanted:?}");
        let pem = topics()["signing_certificates"][0].as_str().unwrap().to_owned();
        let learned = unknown.with_certificates(&[pem]).unwrap();
        assert_eq!(
            learned.verifies(&delivery(&given, body.as_bytes(), NOTIFIED)),
            valid,
            "{name}, with what was fetched"
        );
        if valid {
            assert_eq!(trusting.certificate_needed(&delivery(&given, body.as_bytes(), NOTIFIED)), None, "{name}");
        }
    }
}

#[test]
fn only_the_notifiers_own_addresses_are_fetched() {
    let cases = [
        ("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem", true),
        ("https://sns.cn-north-1.amazonaws.com.cn/x.pem", true),
        ("https://sns.us-east-1.amazonaws.com:443/x.pem", true),
        ("http://sns.us-east-1.amazonaws.com/x.pem", false),
        ("https://sns.us-east-1.amazonaws.com:8443/x.pem", false),
        ("https://sns.us-east-1.amazonaws.com.evil.example/x.pem", false),
        ("https://sns.us-east-1.amazonaws.com@evil.example/x.pem", false),
        ("https://evil.example/sns.us-east-1.amazonaws.com/x.pem", false),
        ("https://sns.a.b.amazonaws.com/x.pem", false),
        ("https://sns..amazonaws.com/x.pem", false),
        ("https://s3.amazonaws.com/x.pem", false),
        ("https://user@sns.us-east-1.amazonaws.com/x.pem", false),
        ("https://sns.us-east-1.amazonaws.com\\@evil.example/x.pem", true),
        ("file:///etc/passwd", false),
        ("", false),
    ];
    for (url, own) in cases {
        assert_eq!(verify::is_notifier(url), own, "{url}");
    }
}

#[test]
fn a_subscription_is_handed_on_to_be_visited() {
    let vectors = case("signature/sns-signatures.json");
    let settings = settings(topics());
    let vector =
        vectors["cases"].as_array().unwrap().iter().find(|case| case["name"] == "subscription-confirmation").unwrap();
    let body = vector["body"].to_string();
    let parsed = settings.take(&delivery(&headers(&vector["headers"]), body.as_bytes(), NOTIFIED)).unwrap();
    let event = json!(parsed.events[0].event);
    assert_eq!((&event["event"], &event["kind"]), (&json!("account"), &json!("subscription_confirmation")));
    assert_eq!(event["detail"]["subscribe_url"], vector["body"]["SubscribeURL"]);
}
