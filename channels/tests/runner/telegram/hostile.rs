//! Bodies that are meant to hurt: the answer, how many events, and what they may hold; and the addresses that the token
//! never goes to.

use serde_json::{Value, json};
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::request::Authorisation;

use super::{TOKEN, bodies, bytes, read_json, receive, vendor, vendor_with};
use crate::inbound::sound;

#[test]
fn hostile_bodies_get_the_listed_answer() {
    let cases = read_json("hostile/cases.json");
    let mut differing = Vec::new();
    for name in bodies("hostile") {
        let case = &cases[name.trim_start_matches("hostile/")];
        assert!(case.is_object(), "{name} is not listed");
        let parsed = match (receive(&bytes(&name)), case["answer"] == 200) {
            (Ok(parsed), true) => parsed,
            (Err(_), false) => continue,
            (outcome, _) => {
                differing.push(format!("{name}: {outcome:?}"));
                continue;
            }
        };
        sound(&name, &parsed);
        let text = serde_json::to_string(&parsed.events).unwrap();
        let words = |list: &str| -> Vec<Value> { case[list].as_array().cloned().unwrap_or_default() };
        let misses = words("holds").iter().any(|words| !text.contains(words.as_str().unwrap()));
        let leaks = words("lacks").iter().any(|words| text.contains(words.as_str().unwrap()));
        let ignored: Vec<&String> = parsed.ignored.iter().map(|ignored| &ignored.path).collect();
        let gone = parsed.events.is_empty() && ignored.is_empty();
        if gone || misses || leaks || case["events"] != parsed.events.len() || case["ignored"] != json!(ignored) {
            differing.push(format!("{name}: {parsed:?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn the_token_goes_to_the_vendor_only() {
    let answer = |path: &str| json!({ "ok": true, "result": { "file_id": "a", "file_path": path } }).to_string();
    let link = |path: &str| vendor().media_link(200, answer(path).as_bytes()).map(|link| link.url);
    assert_eq!(link("photos/file 1.jpg").unwrap(), "https://api.telegram.org/file/bot{secret}/photos/file%201.jpg");
    assert_eq!(link("a/{secret}?x#y").unwrap(), "https://api.telegram.org/file/bot{secret}/a/%7Bsecret%7D%3Fx%23y");
    for path in ["", "/var/lib/file_1", "../getMe", "a/../../getMe", "a//b", "a/./b", "a\n"] {
        assert!(link(path).is_err(), "{path}");
    }
    let usual = json!({});
    let stand_in = json!({ "base_url": "http://127.0.0.1:9100/" });
    let cases = [
        (&usual, "https://api.telegram.org/file/bot{secret}/photos/file_1.jpg", true),
        (&stand_in, "http://127.0.0.1:9100/file/bot{secret}/photos/file_1.jpg", true),
        (&stand_in, "https://api.telegram.org/file/bot{secret}/photos/file_1.jpg", false),
        (&usual, "https://api.telegram.org/file/bot{secret}/a/%7Bsecret%7D", true),
        (&usual, "https://api.telegram.org/file/bot{secret}/a/{secret}", false),
        (&usual, "https://api.telegram.org/file/bot{secret}/", false),
        (&usual, "https://api.telegram.org/file/bot{secret}/../getMe", false),
        (&usual, "https://api.telegram.org/file/bot{secret}/%2e%2e/getMe", false),
        (&usual, "https://api.telegram.org/file/bot{secret}/a?b", false),
        (&usual, "https://api.telegram.org/bot{secret}/getMe", false),
        (&usual, "https://api.telegram.org.evil.example/file/bot{secret}/a", false),
        (&usual, "http://api.telegram.org/file/bot{secret}/a", false),
        (&usual, "https://evil.example/{secret}", false),
        (&usual, "", false),
    ];
    for (settings, url, trusted) in cases {
        let request = vendor_with(settings).media_download(url);
        assert_eq!(request.is_ok(), trusted, "{url} with {settings}");
        if let Ok(request) = request {
            assert_eq!(request.authorisation, Some(Authorisation::Path(Secret::new(TOKEN))));
            assert!(!request.url.contains(TOKEN), "{url}");
        }
    }
}

#[test]
fn ids_that_are_none_ask_nothing() {
    use switchboard_channels::contract::peer::{Identity, IdentityKind};
    for id in ["", "a\nb", &"a".repeat(513)] {
        assert!(vendor().media_lookup(id).is_err(), "{id}");
    }
    for (kind, id) in [(IdentityKind::ScopedId, "../me"), (IdentityKind::ScopedId, ""), (IdentityKind::Phone, "1")] {
        let refusal = vendor().profile(&Identity::new(kind, id)).unwrap_err();
        assert_eq!(refusal.code, "PROFILE_UNAVAILABLE");
    }
    // A token that could leave its place in the address is spelled so that it cannot.
    let request = &vendor_with(&json!({ "bot_token": "1:a/../x?y" })).probes()[0].request;
    assert_eq!(request.authorisation, Some(Authorisation::Path(Secret::new("1:a%2F..%2Fx%3Fy"))));
}
