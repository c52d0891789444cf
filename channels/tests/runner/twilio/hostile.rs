//! Bodies that are meant to hurt, signed like any other: the answer, how many events, and what they may hold.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::contract::vendor::{Delivery, Untaken, Vendor};
use switchboard_channels::twilio::render;

use super::fixtures::{TOKEN, URL, addressee, bodies, bytes, headers, json, receive, sign, with};
use crate::inbound::sound;

/// A JSON body as the vendor signs it: its hash stands in the address.
pub(super) fn receive_json(body: &[u8]) -> Result<Parsed, Untaken> {
    let url = format!("{URL}?bodySHA256={}", hex::encode(Sha256::digest(body)));
    let headers = headers("application/json", &sign(&url, b"", TOKEN));
    addressee(body).take(&Delivery { url: &url, headers: &headers, body, now: 0 })
}

#[test]
fn hostile_bodies_get_the_listed_answer() {
    let cases = json("hostile/cases.json");
    for name in bodies("hostile") {
        let case = &cases[name.trim_start_matches("hostile/")];
        assert!(case.is_object(), "{name} is not listed");
        let body = bytes(&name);
        let taken = if name.ends_with(".body") { receive_json(&body) } else { receive(&addressee(&body), URL, &body) };
        let parsed = match taken {
            Ok(parsed) => parsed,
            Err(untaken) => {
                assert!(matches!(untaken, Untaken::Malformed(_)), "{name}: {untaken:?}");
                assert_eq!(case["answer"], 400, "{name}: {untaken:?}");
                continue;
            }
        };
        assert_eq!(case["answer"], 200, "{name}: {parsed:?}");
        assert_eq!(json!(parsed.events.len()), case["events"], "{name}: {parsed:?}");
        assert!(!parsed.ignored.is_empty() || !parsed.events.is_empty(), "{name}: all of it disappeared");
        let ignored: Vec<&str> = parsed.ignored.iter().map(|ignored| ignored.path.as_str()).collect();
        assert_eq!(json!(ignored), case["ignored"], "{name}");
        let text = serde_json::to_string(&parsed.events).unwrap();
        for words in case["holds"].as_array().into_iter().flatten() {
            assert!(text.contains(words.as_str().unwrap()), "{name}: no {words} in {text}");
        }
        for words in case["lacks"].as_array().into_iter().flatten() {
            assert!(!text.contains(words.as_str().unwrap()), "{name}: {words} in {text}");
        }
        all_sound(&name, &parsed);
    }
}

/// Messages and receipts of another sender than the channel's keep that sender's address, if it is one.
pub(super) fn all_sound(name: &str, parsed: &Parsed) {
    let mut parsed = parsed.clone();
    for arrival in &mut parsed.events {
        arrival.account.get_or_insert_default();
    }
    sound(name, &parsed);
}

#[test]
fn no_credentials_leave_for_a_foreign_host() {
    let vendor = with(&json!({}));
    let stand_in = with(&json!({ "base_url": "http://127.0.0.1:9100/" }));
    let cases = [
        (&vendor, "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", true),
        (&vendor, "https://API.twilio.com:443/a", true),
        (&vendor, "http://api.twilio.com/a", false),
        (&vendor, "https://api.twilio.com:444/a", false),
        (&vendor, "https://api.twilio.com.evil.example/a", false),
        (&vendor, "https://api.twilio.com@evil.example/a", false),
        (&vendor, "https://evil.example\\@api.twilio.com/a", false),
        (&vendor, "https://user@api.twilio.com/a", false),
        (&vendor, "https://media.twiliocdn.com/a", false),
        (&vendor, "http://169.254.169.254/latest/meta-data/", false),
        (&vendor, "file:///etc/passwd", false),
        (&vendor, "/2010-04-01/Accounts", false),
        (&vendor, "", false),
        (&stand_in, "http://127.0.0.1:9100/2010-04-01/a", true),
        (&stand_in, "http://127.0.0.1:9101/a", false),
        (&stand_in, "https://api.twilio.com/a", false),
    ];
    for (settings, url, trusted) in cases {
        assert_eq!(render::media_download(settings, url).is_ok(), trusted, "{url} with {:?}", settings.base_url);
    }
}

#[test]
fn a_key_of_any_length_signs() {
    let long = "k".repeat(500);
    let mut mac = Hmac::<Sha1>::new_from_slice(long.as_bytes()).unwrap();
    mac.update(URL.as_bytes());
    assert_eq!(mac.finalize().into_bytes().len(), 20);
    let headers = headers("", &sign(URL, b"a=1", &long));
    assert!(with(&json!({ "auth_token": long })).verifies(&Delivery {
        url: URL,
        headers: &headers,
        body: b"a=1",
        now: 0
    }));
}
