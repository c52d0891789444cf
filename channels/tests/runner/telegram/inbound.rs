//! Every update the vendor is known to send: what it holds by the list, what we make of it in full, and the word by
//! which it proves itself.

use serde_json::{Value, json};
use switchboard_channels::contract::inbound::Event;
use switchboard_channels::contract::vendor::{Delivery, Untaken};

use super::{HEADER, WORD, bytes, folder, known, read_json, receive, vendor, vendor_with};
use crate::inbound::sound;

#[test]
fn bodies_hold_what_is_listed() {
    let expected = read_json("expected.json");
    for name in known() {
        let parsed = receive(&bytes(&name)).unwrap();
        sound(&name, &parsed);
        let wanted = expected.get(&name).unwrap_or_else(|| panic!("{name} is not listed"));
        assert_eq!(parsed.events.len() + parsed.ignored.len(), 1, "{name}: {parsed:?}");
        let held = parsed.events.first().map(|arrival| {
            assert_eq!(arrival.account.as_deref(), Some("7000000001"), "{name}");
            match &arrival.event {
                Event::Message(message) => {
                    json!(["message", message.content.kind(), message.id, message.wants_answer])
                }
                Event::Edit(edit) => json!(["edit", edit.content.kind(), edit.id, null]),
                Event::Identity(change) => json!(["identity", null, change.id, null]),
                Event::Consent(consent) => json!(["consent", consent.granted, null, null]),
                Event::Account(notice) => {
                    assert!(!notice.alarming, "{name}");
                    json!(["account", null, null, null])
                }
                other => panic!("{name}: {other:?}"),
            }
        });
        assert_eq!(json!(held), *wanted, "{name}");
    }
}

#[test]
fn bodies_become_exactly_these_events() {
    let mut differing = Vec::new();
    for name in known() {
        let parsed = receive(&bytes(&name)).unwrap();
        let path = name.replace(".json", ".events.json");
        let whole = json!({ "events": parsed.events, "ignored": parsed.ignored });
        let kept = if folder(&path).exists() { read_json(&path) } else { Value::Null };
        if kept != whole {
            differing.push(format!("{path} should hold:\n{}", serde_json::to_string_pretty(&whole).unwrap()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn only_the_word_proves_a_delivery() {
    let body = bytes("inbound/text.json");
    let rotating = vendor_with(&json!({ "secret_token": ["new-word", WORD] }));
    let nothing = vendor_with(&json!({ "secret_token": [] }));
    let empty = vendor_with(&json!({ "secret_token": "" }));
    let cases: [(&str, &[u8], bool); 8] = [
        (HEADER, WORD.as_bytes(), true),
        (HEADER, b"test-secret_wore", false),
        (HEADER, b"test-secret_word ", false),
        (HEADER, b"test-secret", false),
        (HEADER, b"TEST-SECRET_WORD", false),
        (HEADER, b"", false),
        (HEADER, b"\xff\xfe", false),
        ("x-another-header", WORD.as_bytes(), false),
    ];
    for (name, value, proves) in cases {
        let headers = [(name.to_owned(), value.to_vec())];
        let delivery = Delivery { url: "", headers: &headers, body: &body, now: 0 };
        for vendor in [&vendor(), &rotating] {
            assert_eq!(vendor.verifies(&delivery), proves, "{name}: {value:?}");
            assert_eq!(vendor.take(&delivery) == Err(Untaken::Unverified), !proves, "{name}: {value:?}");
        }
        assert!(!nothing.verifies(&delivery) && !empty.verifies(&delivery), "{name}: {value:?}");
    }
    assert!(!vendor().verifies(&Delivery { url: "", headers: &[], body: &body, now: 0 }));
}
