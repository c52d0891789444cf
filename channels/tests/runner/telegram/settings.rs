//! How a channel is set up: what is read, what is defaulted, and which mistakes are named.

use serde_json::json;
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::{MediaBy, WindowRule};
use switchboard_channels::telegram::{PROTOCOL, Settings};

use super::{TOKEN, WORD, settings, vendor_with};

#[test]
fn defaults_and_spellings() {
    let read: Settings = serde_json::from_value(settings(&json!({}))).unwrap();
    assert_eq!(read.problems(), []);
    assert_eq!((read.bot_id(), read.base_url.as_str()), (Some("7000000001"), "https://api.telegram.org"));
    let shown = format!("{read:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains(WORD), "a secret shows itself");
    let written = serde_json::to_value(&read).unwrap();
    assert_eq!(serde_json::from_value::<Settings>(written.clone()).unwrap(), read);
    // Every member that is written has a name that the protocol knows.
    let mut names: Vec<&str> =
        written.as_object().unwrap().keys().map(String::as_str).chain(["secret_token"]).collect();
    let mut known = PROTOCOL.settings.to_vec();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    assert_eq!(Kind::from_word("telegram"), Some(Kind::Telegram));
    let vendor = vendor_with(&json!({ "base_url": "http://127.0.0.1:9100/", "secret_token": ["a", "b"] }));
    assert_eq!(vendor.check(), []);
    assert_eq!(vendor.account().as_deref(), Some("7000000001"));
    assert_eq!(vendor.probes()[0].request.url, "http://127.0.0.1:9100/bot{secret}/getMe");
    let capabilities = vendor.capabilities();
    assert_eq!((capabilities.window, capabilities.media_by), (WindowRule::None, MediaBy::Link));
}

#[test]
fn every_mistake_is_named() {
    let cases = [
        ("bot_token", json!("")),
        ("bot_token", json!("7000000001")),
        ("bot_token", json!(":AAH")),
        ("bot_token", json!("bot7000000001:AAH")),
        ("bot_token", json!("7000000001:A/B")),
        ("bot_token", json!("7000000001:")),
        ("secret_token", json!([])),
        ("secret_token", json!(["good", ""])),
        ("secret_token", json!("a b")),
        ("secret_token", json!("a".repeat(257))),
        ("base_url", json!("api.telegram.org")),
        ("base_url", json!("https://user@api.telegram.org")),
        ("status_callback", json!("/api/webhooks/telegram")),
    ];
    for (member, value) in cases {
        let problems = vendor_with(&json!({ member: value })).check();
        assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), [member], "{member} = {value}");
    }
    let fields: Vec<&str> = Settings::default().problems().iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["bot_token", "secret_token"]);
    assert!((PROTOCOL.read)(json!({ "secret_tokens": 1 })).is_err());
}
