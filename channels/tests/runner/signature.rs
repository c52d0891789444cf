//! The door: signatures and handshakes.

use base64::Engine as _;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::vendor::HandshakeRefusal as Refusal;
use switchboard_channels::whatsapp::verify::{Unverified, handshake, signature};

use crate::fixtures::{APP_SECRET, bytes, json, sign};

#[test]
fn vectors() {
    let vectors = json("signature/vectors.json");
    for vector in vectors["vectors"].as_array().unwrap() {
        let body = match vector["body_file"].as_str() {
            Some(file) => bytes(file),
            None => base64::engine::general_purpose::STANDARD.decode(vector["body_base64"].as_str().unwrap()).unwrap(),
        };
        let secret = Secret::new(vector["app_secret"].as_str().unwrap());
        let header = vector["header"].as_str().map(str::as_bytes);
        let accepted = signature(header, &body, &[&secret]).is_ok();
        if let Some(valid) = vector["valid"].as_bool() {
            assert_eq!(accepted, valid, "{}", vector["name"]);
        }
    }
}

#[test]
fn any_of_the_secrets_may_have_signed() {
    let (old, new, empty) = (Secret::new("old"), Secret::new(APP_SECRET), Secret::new(""));
    let header = sign(b"{}", APP_SECRET);
    let verified = signature(Some(header.as_bytes()), b"{}", &[&empty, &old, &new, &new]).unwrap();
    assert_eq!(verified.body(), b"{}");
    let by_nothing = sign(b"{}", "");
    assert_eq!(signature(Some(by_nothing.as_bytes()), b"{}", &[&empty]).unwrap_err(), Unverified::Mismatch);
    assert_eq!(signature(Some(header.as_bytes()), b"{}", &[]).unwrap_err(), Unverified::Mismatch);
}

#[test]
fn hostile_headers_are_refused() {
    let secret = Secret::new(APP_SECRET);
    let (long, nul) = (vec![b'a'; 1 << 20], vec![0_u8; 71]);
    for header in [&b"sha256=\xff\xfe"[..], b"\xff", b"SHA256=", b"sha256= ", &long, &nul] {
        assert_eq!(signature(Some(header), b"{}", &[&secret]).unwrap_err(), Unverified::Malformed);
    }
    assert_eq!(signature(None, b"{}", &[&secret]).unwrap_err(), Unverified::Missing);
}

#[test]
fn handshakes() {
    let expected = Secret::new("word");
    let longest = "9".repeat(256);
    let too_long = "9".repeat(257);
    let missing = |parameter: &str| Err(Refusal::Missing(parameter.to_owned()));
    let cases = [
        (Some("subscribe"), Some("word"), Some("1158201444"), Ok("1158201444".to_owned())),
        (Some("subscribe"), Some("word"), Some(longest.as_str()), Ok(longest.clone())),
        (Some("subscribe"), Some("word"), Some(too_long.as_str()), missing("hub.challenge")),
        (Some("subscribe"), Some("word"), Some(""), missing("hub.challenge")),
        (Some("subscribe"), Some("word"), None, missing("hub.challenge")),
        (Some("subscribe"), None, Some("1"), missing("hub.verify_token")),
        (None, Some("word"), Some("1"), missing("hub.mode")),
        (Some("subscribe"), Some("wor"), Some("1"), Err(Refusal::Forbidden)),
        (Some("subscribe"), Some(""), Some("1"), Err(Refusal::Forbidden)),
        (Some("unsubscribe"), Some("word"), Some("1"), Err(Refusal::Forbidden)),
    ];
    for (mode, token, challenge, outcome) in cases {
        assert_eq!(handshake(mode, token, challenge, &expected), outcome, "{mode:?} {token:?} {challenge:?}");
    }
    let unset = Secret::new("");
    assert_eq!(handshake(Some("subscribe"), Some(""), Some("1"), &unset), Err(Refusal::Forbidden));
}
