//! How a channel is set up: what is read, what is defaulted, and which mistakes are named.

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::{MediaBy, MediaKind, WindowRule};
use switchboard_channels::contract::vendor::Vendor;
use switchboard_channels::twilio::{PROTOCOL, Settings};

use super::fixtures::{ACCOUNT, TOKEN, with};

fn good() -> Value {
    json!({ "account_sid": ACCOUNT, "auth_token": TOKEN, "sender": "+15005550006" })
}

#[test]
fn defaults_and_spellings() {
    let settings: Settings = serde_json::from_value(good()).unwrap();
    assert!(settings.problems().is_empty(), "{:?}", settings.problems());
    assert_eq!(settings.base_url, "https://api.twilio.com");
    assert_eq!(settings.text_limit, 1_600);
    assert_eq!(with(&json!({ "auth_tokens": "old" })).auth_tokens.len(), 1);
    assert_eq!(with(&json!({ "auth_tokens": ["old", "new"] })).auth_tokens.len(), 2);
    assert_eq!(with(&json!({ "shared_key": "k" })).shared_keys.len(), 1);
    assert_eq!(with(&json!({ "stop_words": "basta" })).stop_words, ["basta"]);
    let again: Settings = serde_json::from_value(serde_json::to_value(&settings).unwrap()).unwrap();
    assert_eq!(again, settings);
    assert!(!format!("{settings:?}").contains(TOKEN), "a secret shows itself");
    // Every member that is written has a name that the protocol knows.
    let written = serde_json::to_value(with(&json!({
        "api_key_sid": "SK1", "api_key_secret": "s", "auth_tokens": ["t"], "shared_keys": ["k"], "sender": "a",
        "messaging_service_sid": "MG", "content_url": "c", "messaging_url": "m", "status_callback": "s", "mms": true,
        "stop_words": ["s"], "start_words": ["g"], "decode_base64": true, "content_sids": { "a": "b" },
    })))
    .unwrap();
    let mut names: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).chain(["shared_key"]).collect();
    let mut known = PROTOCOL.settings.to_vec();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    assert!((PROTOCOL.read)(good()).is_ok());
    assert!((PROTOCOL.read)(json!({ "signature_algorithm": "HMAC_MD5" })).is_err());
    assert_eq!(Kind::from_word("twilio"), Some(Kind::Twilio));
}

#[test]
fn senders() {
    let hex = "0123456789abcdef0123456789ABCDEF";
    for sound in ["+14155550100", "32665", "My Shop", "whatsapp:+14155238886", "rcs:my_agent"] {
        assert!(with(&json!({ "sender": sound })).problems().is_empty(), "{sound}");
        assert_eq!(with(&json!({ "sender": sound })).account().as_deref(), Some(sound));
    }
    let service = with(&json!({ "messaging_service_sid": format!("MG{hex}") }));
    assert!(service.problems().is_empty());
    assert_eq!(service.account(), Some(format!("MG{hex}")));
    assert_eq!(service.business().as_deref(), Some(ACCOUNT));
    let key = json!({ "auth_token": null, "auth_tokens": "t", "sender": "1", "api_key_sid": format!("SK{hex}"), "api_key_secret": "s" });
    assert!(with(&key).problems().is_empty());
}

#[test]
fn every_mistake_is_named() {
    let cases = [
        ("account_sid", json!("AC1")),
        ("account_sid", json!("")),
        ("api_key_secret", json!("secret")),
        ("auth_token", json!("a b")),
        ("auth_tokens", json!(["good", ""])),
        ("shared_keys", json!(["a\nb"])),
        ("sender", json!("+1415555010x")),
        ("sender", json!("whatsapp:14155550100")),
        ("sender", json!("A name that is long")),
        ("sender", json!("")),
        ("sender", json!(null)),
        ("messaging_service_sid", json!("MG1")),
        ("base_url", json!("api.twilio.com")),
        ("base_url", json!("https://user@api.twilio.com")),
        ("content_url", json!("ftp://content.twilio.com")),
        ("messaging_url", json!("https://messaging.twilio.com?x=1")),
        ("status_callback", json!("/api/webhooks/twilio")),
        ("text_limit", json!(1_601)),
        ("text_limit", json!(10)),
        ("content_sids", json!({ "order": "order" })),
    ];
    for (member, value) in cases {
        let mut settings = good();
        settings[member] = value.clone();
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let fields: Vec<&str> = settings.problems().iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [member], "{member} = {value}");
    }
    let fields = |settings: &Settings| settings.problems().iter().map(|problem| problem.field).collect::<Vec<_>>();
    assert_eq!(fields(&Settings::default()), ["account_sid", "auth_token", "auth_tokens", "sender"]);
    let sha256 = with(&json!({ "sender": "1", "signature_algorithm": "HMAC_SHA256" }));
    assert_eq!(fields(&sha256), ["shared_keys"]);
}

#[test]
fn what_a_sender_carries() {
    let of = |members: Value| with(&members).capabilities();
    let whatsapp = of(json!({ "sender": "whatsapp:+14155238886" }));
    assert!(matches!(whatsapp.window, WindowRule::SinceLastInbound { length_ms: 86_400_000, human_length_ms: None }));
    assert!(whatsapp.location && whatsapp.typing && whatsapp.buttons.is_none());
    assert!(whatsapp.media.iter().any(|rule| rule.kind == MediaKind::Sticker));
    let sms = of(json!({ "sender": "+15005550006", "text_limit": 612 }));
    assert_eq!((sms.window, sms.text.limit, sms.media_by), (WindowRule::None, 612, MediaBy::Link));
    assert!(!sms.location && !sms.typing && sms.list.is_none() && !sms.link_buttons);
    let files = |members: Value| !of(members).media.is_empty();
    assert!(files(json!({ "sender": "+15005550006" })));
    assert!(files(json!({ "sender": "32665" })));
    assert!(files(json!({ "messaging_service_sid": "MG1" })));
    assert!(!files(json!({ "sender": "+4915112345678" })));
    assert!(!files(json!({ "sender": "My Shop" })));
    assert!(files(json!({ "sender": "+4915112345678", "mms": true })));
    assert!(!files(json!({ "sender": "+15005550006", "mms": false })));
}
