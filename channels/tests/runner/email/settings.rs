//! How a mailbox is set up: what is read, what is defaulted, and which mistakes are named.

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::MediaBy;
use switchboard_channels::contract::mail::Tls;
use switchboard_channels::email::{PROTOCOL, Settings};

use super::{base, case, ours, settings};

fn good() -> Value {
    let mut all = base();
    all["imap_host"] = json!("imap.acme.example");
    all["imap_user"] = json!("support");
    all["imap_password"] = json!("mailbox-password");
    all
}

fn with(member: &str, value: Value) -> Settings {
    let mut all = good();
    all[member] = value;
    serde_json::from_value(all).unwrap()
}

#[test]
fn defaults_and_spellings() {
    let settings: Settings = serde_json::from_value(good()).unwrap();
    assert_eq!(settings.problems(), []);
    assert_eq!((settings.smtp_port, settings.smtp_tls, settings.imap_port), (587, Tls::Required, 993));
    assert_eq!(settings.imap_mailbox, "INBOX");
    assert_eq!(with("address", json!(" Support@ACME.example ")).address, "support@acme.example");
    let mut named = good();
    named.as_object_mut().unwrap().remove("name");
    named["from_name"] = json!("Acme");
    assert_eq!(serde_json::from_value::<Settings>(named).unwrap().name.as_deref(), Some("Acme"));
    assert_eq!(with("signing_key", json!("one")).signing_keys.len(), 1);
    assert_eq!(with("signing_keys", json!(["one", "two"])).signing_keys.len(), 2);
    assert_eq!(with("topic_arn", json!("arn:aws:sns:eu-west-1:1:t")).topic_arns.len(), 1);
    let again: Settings = serde_json::from_value(serde_json::to_value(&settings).unwrap()).unwrap();
    assert_eq!(again, settings);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("mailbox-password") && !shown.contains("reply-secret-for"), "a secret shows itself");
    let inbox = settings.mailbox().unwrap();
    assert_eq!((inbox.server.host.as_str(), inbox.server.tls), ("imap.acme.example", Tls::Implicit));
    assert_eq!((inbox.folder.as_str(), inbox.marks_seen), ("INBOX", true));
    assert_eq!(with("provider", json!("mailgun")).mailbox(), None, "only where nobody hands mail over");
}

#[test]
fn every_mistake_is_named() {
    let cases = [
        ("address", json!("support")),
        ("address", json!("a b@acme.example")),
        ("address", json!("Acme <support@acme.example>")),
        ("name", json!("Acme\r\nBcc: x@y")),
        ("aliases", json!(["sales"])),
        ("public_key", json!("AAAA")),
        ("webhook_user", json!("only a user")),
        ("topic_arns", json!(["inbound"])),
        ("signing_certificates", json!(["-----BEGIN CERTIFICATE-----"])),
        ("trusted_authserv", json!("")),
        ("smtp_host", json!("")),
        ("smtp_host", json!("mail host")),
        ("smtp_port", json!(0)),
        ("smtp_user", json!("only a user")),
        ("imap_host", json!("x/y")),
        ("imap_password", Value::Null),
        ("reply_secret", json!("short")),
        ("reply_marker", json!("two\nlines")),
    ];
    for (member, value) in cases {
        let fields: Vec<&str> = with(member, value.clone()).problems().iter().map(|problem| problem.field).collect();
        let field = match member {
            "webhook_user" => "webhook_password",
            "smtp_user" => "smtp_password",
            "imap_password" => "imap_host",
            other => other,
        };
        assert_eq!(fields, [field], "{member} = {value}");
    }
    let needs = |provider: &str| -> Vec<&str> {
        settings(json!({ "provider": provider })).problems().iter().map(|problem| problem.field).collect()
    };
    assert_eq!(needs("mailgun"), ["signing_keys"]);
    assert_eq!(needs("generic"), ["signing_keys"]);
    assert_eq!(needs("sendgrid"), ["webhook_password"]);
    assert_eq!(needs("postmark"), ["webhook_password"]);
    assert_eq!(needs("ses"), ["topic_arns"]);
    assert_eq!(needs("imap"), ["imap_host"]);
    let fields: Vec<&str> = Settings::default().problems().iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["address", "smtp_host", "imap_host", "reply_secret"]);
}

#[test]
fn the_kind_and_its_rules() {
    assert_eq!(Kind::from_word("email"), Some(Kind::Email));
    let vendor = (Kind::Email.protocol().read)(good()).unwrap();
    assert_eq!(vendor.account().as_deref(), Some("support@acme.example"));
    assert_eq!((vendor.capabilities().media_by, vendor.capabilities().replies), (MediaBy::Attachment, true));
    assert!((PROTOCOL.read)(json!({ "provider": "pigeon" })).is_err());
    let known = serde_json::to_value(Settings::default()).unwrap();
    for name in known.as_object().unwrap().keys() {
        assert!(PROTOCOL.settings.contains(&name.as_str()), "{name} is not listed");
    }
    let vectors = case("signature/sns-signatures.json");
    assert_eq!(with("signing_certificates", vectors["certificate_pem"].clone()).problems(), []);
}

#[test]
fn which_addresses_are_ours() {
    let cases = [
        ("support@acme.example", true),
        ("SUPPORT+x@ACME.example", true),
        ("bounce+ana=customer.example.b1@acme.example", true),
        ("support@acme.example.evil.example", false),
        ("supporter@acme.example", false),
        ("sales@acme.example", false),
        ("support", false),
        ("", false),
    ];
    for (address, own) in cases {
        assert_eq!(ours().is_own(address), own, "{address}");
    }
}
