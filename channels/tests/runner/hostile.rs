//! Bodies that are meant to hurt, signed like any other: the answer, how many events, and what they may hold.

use serde_json::{Value, json};
use switchboard_channels::contract::inbound::Event;
use switchboard_channels::whatsapp::{Settings, render};

use crate::fixtures::{bodies, bytes, json, receive};
use crate::inbound::sound;

#[test]
fn hostile_bodies_get_the_listed_answer() {
    let cases = json("hostile/cases.json");
    for name in bodies("hostile") {
        let case = &cases[name.trim_start_matches("hostile/")];
        assert!(case.is_object(), "{name} is not listed");
        let body = bytes(&name);
        let Ok(parsed) = receive(&body) else {
            assert_eq!(case["answer"], 400, "{name}: {}", receive(&body).unwrap_err());
            continue;
        };
        assert_eq!(case["answer"], 200, "{name}: {parsed:?}");
        assert_eq!(json!(parsed.events.len()), case["events"], "{name}: {parsed:?}");
        assert!(!parsed.ignored.is_empty() || !parsed.events.is_empty(), "{name}: all of it disappeared");
        assert_eq!(
            json!(parsed.ignored.iter().map(|ignored| &ignored.path).collect::<Vec<_>>()),
            case["ignored"],
            "{name}"
        );
        let text = serde_json::to_string(&parsed.events).unwrap();
        for words in case["holds"].as_array().into_iter().flatten().map(|words| words.as_str().unwrap()) {
            assert!(text.contains(words), "{name}: no {words} in {text}");
        }
        for words in case["lacks"].as_array().into_iter().flatten().map(|words| words.as_str().unwrap()) {
            assert!(!text.contains(words), "{name}: {words} in {text}");
        }
        sound(&name, &parsed);
    }
}

#[test]
fn a_batch_stays_in_order() {
    let parsed = receive(&bytes("hostile/meta-batch-1000-messages.json")).unwrap();
    let body: Value = json("hostile/meta-batch-1000-messages.json");
    let sent = body["entry"].as_array().unwrap().iter().flat_map(|entry| entry["changes"].as_array().unwrap());
    let sent = sent.flat_map(|change| change["value"]["messages"].as_array().unwrap());
    let sent: Vec<&str> = sent.map(|message| message["id"].as_str().unwrap()).collect();
    let read: Vec<&str> = parsed
        .events
        .iter()
        .filter_map(|arrival| match &arrival.event {
            Event::Message(message) => Some(message.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(read.len(), 1_000);
    assert_eq!(read, sent);
}

#[test]
fn no_token_leaves_for_a_foreign_host() {
    let settings = Settings::default();
    let stand_in = Settings { base_url: "http://127.0.0.1:9100".to_owned(), ..Settings::default() };
    let named = Settings {
        media_hosts: vec!["media.example.com".to_owned(), "other.example.com:8443".to_owned()],
        ..Settings::default()
    };
    let cases = [
        (&settings, "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", true),
        (&settings, "https://LOOKASIDE.fbsbx.com/a", true),
        (&settings, "http://lookaside.fbsbx.com/a", false),
        (&settings, "https://lookaside.fbsbx.com.evil.example/a", false),
        (&settings, "https://lookaside.fbsbx.com@evil.example/a", false),
        (&settings, "https://evil.example\\@lookaside.fbsbx.com/a", false),
        (&settings, "https://user@lookaside.fbsbx.com/a", false),
        (&settings, "https://lookaside.fbsbx.com:444/a", false),
        (&settings, "https://graph.facebook.com/v24.0/me", false),
        (&settings, "http://169.254.169.254/latest/meta-data/", false),
        (&settings, "file:///etc/passwd", false),
        (&settings, "lookaside.fbsbx.com/a", false),
        (&settings, "", false),
        (&stand_in, "http://127.0.0.1:9100/media/1", true),
        (&stand_in, "http://127.0.0.1:9101/media/1", false),
        (&stand_in, "https://lookaside.fbsbx.com/a", true),
        (&named, "https://media.example.com/a", true),
        (&named, "https://other.example.com:8443/a", true),
        (&named, "https://other.example.com/a", false),
        (&named, "https://lookaside.fbsbx.com/a", false),
    ];
    for (settings, url, trusted) in cases {
        assert_eq!(render::media_download(settings, url).is_ok(), trusted, "{url} with {:?}", settings.base_url);
    }
}

#[test]
fn media_ids_cannot_rewrite_a_path() {
    let settings = Settings::default();
    for id in ["../../v24.0/me/accounts", "", "1/2", "1?x=1", "1#a", "%2e%2e", "a b", "1\n2", "é"] {
        assert!(render::media_lookup(&settings, id).is_err(), "{id}");
        assert!(render::media_delete(&settings, id).is_err(), "{id}");
    }
    assert!(render::media_lookup(&settings, "1234567890123456").is_ok());
}
