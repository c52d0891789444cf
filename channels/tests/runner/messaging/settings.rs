//! How a channel is set up: what is read, what is defaulted, and which mistakes are named.

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::{instagram, messenger};

use super::{BOTH, settings, vendor_with};

#[test]
fn defaults_and_spellings() {
    for kind in BOTH {
        assert_eq!(vendor_with(kind, &json!({})).check(), []);
        assert_eq!(Kind::from_word(kind.as_str()), Some(kind));
        let known = kind.protocol().settings;
        for name in settings(kind, &json!({})).as_object().unwrap().keys() {
            assert!(known.contains(&name.as_str()), "{name}");
        }
        assert!(!format!("{:?}", vendor_with(kind, &json!({}))).contains("TEST-TOKEN"), "a secret shows itself");
        let url = |changes: &Value| vendor_with(kind, changes).probes()[0].request.url.clone();
        assert!(
            url(&json!({ "base_url": "http://127.0.0.1:9100/", "api_version": "v25.0" }))
                .starts_with("http://127.0.0.1:9100/v25.0/me?")
        );
    }
    let page: messenger::Settings = serde_json::from_value(settings(Kind::Messenger, &json!({}))).unwrap();
    let again: messenger::Settings = serde_json::from_value(serde_json::to_value(&page).unwrap()).unwrap();
    assert_eq!(again, page);
    let numbers = json!({ "page_id": 104_200_000_000_001_u64, "app_secret": ["old", "new"], "app_id": 1 });
    let page: messenger::Settings = serde_json::from_value(settings(Kind::Messenger, &numbers)).unwrap();
    assert_eq!((page.page_id.as_str(), page.access.app_secrets.len()), ("104200000000001", 2));
    assert_eq!(page.access.app_id.as_deref(), Some("1"));
    let account: instagram::Settings = serde_json::from_value(settings(Kind::Instagram, &json!({}))).unwrap();
    let again: instagram::Settings = serde_json::from_value(serde_json::to_value(&account).unwrap()).unwrap();
    assert_eq!(again, account);
    assert_eq!(account.access.window_hours, 24);
}

#[test]
fn every_mistake_is_named() {
    let cases = [
        ("access_token", json!("")),
        ("access_token", json!("a\nb")),
        ("app_secret", json!([])),
        ("app_secret", json!(["good", ""])),
        ("verify_token", json!(" ")),
        ("app_id", json!("x")),
        ("base_url", json!("graph.facebook.com")),
        ("base_url", json!("https://user@graph.facebook.com")),
        ("api_version", json!("v24.0/../v1.0")),
        ("media_hosts", json!(["https://lookaside.fbsbx.com"])),
        ("media_hosts", json!(["*"])),
        ("media_hosts", json!(["a.*.com"])),
        ("window_hours", json!(0)),
        ("window_hours", json!(169)),
    ];
    let own = [(Kind::Messenger, "page_id"), (Kind::Instagram, "account_id"), (Kind::Instagram, "page_id")];
    let both = cases.iter().flat_map(|(member, value)| BOTH.map(|kind| (kind, *member, value.clone())));
    for (kind, member, value) in both.chain(own.map(|(kind, member)| (kind, member, json!("1/2")))) {
        let problems = vendor_with(kind, &json!({ member: value })).check();
        assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), [member], "{member} = {value}");
    }
    for (kind, id) in [(Kind::Messenger, "page_id"), (Kind::Instagram, "account_id")] {
        let problems = (kind.protocol().read)(json!({})).unwrap().check();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [id, "access_token", "app_secret", "verify_token"]);
        assert!((kind.protocol().read)(json!({ "app_secrets": 1 })).is_err());
    }
}
