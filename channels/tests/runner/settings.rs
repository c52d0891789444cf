//! How a channel is set up: what is read, what is defaulted, and which mistakes are named.

use serde_json::{Value, json};
use switchboard_channels::whatsapp::Settings;

fn good() -> Value {
    json!({
        "phone_number_id": "106540352242922", "access_token": "token", "app_secret": "secret", "verify_token": "word",
    })
}

fn with(member: &str, value: Value) -> Settings {
    let mut settings = good();
    settings[member] = value;
    serde_json::from_value(settings).unwrap()
}

#[test]
fn defaults_and_spellings() {
    let settings: Settings = serde_json::from_value(good()).unwrap();
    assert!(settings.problems().is_empty(), "{:?}", settings.problems());
    assert_eq!(settings.base_url, "https://graph.facebook.com");
    assert_eq!(settings.api_version, "v24.0");
    assert_eq!(settings.media_hosts, ["lookaside.fbsbx.com"]);
    assert_eq!(settings.app_secrets.len(), 1);
    assert_eq!(with("app_secret", json!(["old", "new"])).app_secrets.len(), 2);
    assert_eq!(with("phone_number_id", json!(106_540_352_242_922_u64)).phone_number_id, "106540352242922");
    let again: Settings = serde_json::from_value(serde_json::to_value(&settings).unwrap()).unwrap();
    assert_eq!(again, settings);
    assert!(!format!("{settings:?}").contains("token\""), "a secret shows itself");
}

#[test]
fn every_mistake_is_named() {
    let cases = [
        ("phone_number_id", json!("")),
        ("phone_number_id", json!("1/2")),
        ("waba_id", json!("x")),
        ("access_token", json!("")),
        ("access_token", json!("a\nb")),
        ("app_secret", json!([])),
        ("app_secret", json!(["good", ""])),
        ("verify_token", json!(" ")),
        ("base_url", json!("graph.facebook.com")),
        ("base_url", json!("ftp://graph.facebook.com")),
        ("base_url", json!("https://user@graph.facebook.com")),
        ("base_url", json!("https://graph.facebook.com?x=1")),
        ("api_version", json!("24.0")),
        ("api_version", json!("v24.0/../v1.0")),
        ("media_hosts", json!(["https://lookaside.fbsbx.com"])),
        ("media_hosts", json!(["a/b"])),
        ("media_hosts", json!([""])),
    ];
    for (member, value) in cases {
        let problems = with(member, value.clone()).problems();
        assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), [member], "{member} = {value}");
    }
    let fields: Vec<&str> = Settings::default().problems().iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["phone_number_id", "access_token", "app_secret", "verify_token"]);
}
