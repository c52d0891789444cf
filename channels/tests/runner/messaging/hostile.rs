//! Bodies that are meant to hurt, signed like any other: the answer, how many events, and what they may hold; and the
//! addresses that no file is fetched from.

use serde_json::{Value, json};
use switchboard_channels::Kind;

use super::{BOTH, bodies, bytes, read_json, receive, vendor, vendor_with};
use crate::inbound::sound;

#[test]
fn hostile_bodies_get_the_listed_answer() {
    let mut differing = Vec::new();
    for kind in BOTH {
        let cases = read_json(kind, "hostile/cases.json");
        for name in bodies(kind, "hostile") {
            let case = &cases[name.trim_start_matches("hostile/")];
            let Ok(parsed) = receive(kind, &bytes(kind, &name)) else {
                if case["answer"] != 400 {
                    differing.push(format!("{} {name} is answered 400", kind.as_str()));
                }
                continue;
            };
            sound(&name, &parsed);
            let gone = parsed.ignored.is_empty() && parsed.events.is_empty();
            let ignored: Vec<&String> = parsed.ignored.iter().map(|ignored| &ignored.path).collect();
            let text = serde_json::to_string(&parsed.events).unwrap();
            let words = |list: &str| -> Vec<Value> { case[list].as_array().cloned().unwrap_or_default() };
            let lacks = words("holds").iter().any(|words| !text.contains(words.as_str().unwrap()));
            let holds = words("lacks").iter().any(|words| text.contains(words.as_str().unwrap()));
            let same = case["answer"] == 200
                && case["events"] == json!(parsed.events.len())
                && case["ignored"] == json!(ignored);
            if gone || lacks || holds || !same {
                let events = parsed.events.len();
                let outcome = json!({ "answer": 200, "events": events, "ignored": ignored });
                differing.push(format!("{} {name} gives {outcome}: {parsed:?}", kind.as_str()));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn files_are_fetched_from_the_vendor_only_and_without_the_token() {
    let stand_in = json!({ "base_url": "http://127.0.0.1:9100" });
    let named = json!({ "media_hosts": ["media.example.com", "*.files.example.com", "other.example.com:8443"] });
    let usual = json!({});
    let cases = [
        (Kind::Messenger, &usual, "https://cdn.fbsbx.com/v/report.pdf?oh=1", true),
        (Kind::Messenger, &usual, "https://scontent.xx.fbcdn.net/v/1.jpg", true),
        (Kind::Messenger, &usual, "https://SCONTENT.xx.FBCDN.net/v/1.jpg", true),
        (Kind::Messenger, &usual, "https://fbcdn.net/v/1.jpg", false),
        (Kind::Messenger, &usual, "https://evilfbcdn.net/v/1.jpg", false),
        (Kind::Messenger, &usual, "https://x.fbcdn.net.evil.example/1.jpg", false),
        (Kind::Messenger, &usual, "https://x.fbcdn.net:444/1.jpg", false),
        (Kind::Messenger, &usual, "https://evil.example\\@x.fbcdn.net/a", false),
        (Kind::Messenger, &usual, "https://user@x.fbcdn.net/a", false),
        (Kind::Messenger, &usual, "http://cdn.fbsbx.com/v/report.pdf", false),
        (Kind::Messenger, &usual, "https://graph.facebook.com/v24.0/me", false),
        (Kind::Messenger, &usual, "http://169.254.169.254/latest/meta-data/", false),
        (Kind::Messenger, &usual, "file:///etc/passwd", false),
        (Kind::Messenger, &usual, "", false),
        (Kind::Instagram, &usual, "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1", true),
        (Kind::Instagram, &usual, "https://scontent.cdninstagram.com/a", true),
        (Kind::Instagram, &usual, "https://www.instagram.com/p/1/", false),
        (Kind::Instagram, &stand_in, "http://127.0.0.1:9100/media/1", true),
        (Kind::Instagram, &stand_in, "http://127.0.0.1:9101/media/1", false),
        (Kind::Instagram, &named, "https://media.example.com/a", true),
        (Kind::Instagram, &named, "https://a.files.example.com/a", true),
        (Kind::Instagram, &named, "https://files.example.com/a", false),
        (Kind::Instagram, &named, "https://other.example.com:8443/a", true),
        (Kind::Instagram, &named, "https://other.example.com/a", false),
        (Kind::Instagram, &named, "https://lookaside.fbsbx.com/a", false),
    ];
    for (kind, settings, url, trusted) in cases {
        let request = vendor_with(kind, settings).media_download(url);
        assert_eq!(request.is_ok(), trusted, "{url} with {settings}");
        assert!(request.is_err() || request.unwrap().authorisation.is_none(), "{url}");
    }
}

#[test]
fn ids_cannot_rewrite_a_path() {
    use switchboard_channels::contract::peer::{Identity, IdentityKind};
    for kind in BOTH {
        for id in ["../me", "", "1/2", "1?x=1", "1#a", "%2e%2e", "a b", "1\n2", "é"] {
            assert!(vendor(kind).profile(&Identity::new(IdentityKind::ScopedId, id)).is_err(), "{id}");
        }
        assert!(vendor(kind).profile(&Identity::new(IdentityKind::UserId, "1")).is_err());
        assert!(vendor(kind).profile(&Identity::new(IdentityKind::ScopedId, "1")).is_ok());
    }
}
