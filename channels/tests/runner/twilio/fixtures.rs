//! Where the cases lie, and how a delivery comes to be signed.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::contract::vendor::{Delivery, Untaken, Vendor};
use switchboard_channels::twilio::Settings;

pub(crate) const TOKEN: &str = "12345678901234567890123456789012";
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const URL: &str = "https://gw.example.com/api/webhooks/twilio";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/twilio").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The vendor's bodies in a folder: all that is not ours beside them.
pub(crate) fn bodies(name: &str) -> Vec<String> {
    let names = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|file| !file.ends_with(".json")).map(|file| format!("{name}/{file}")).collect();
    names.sort();
    assert!(!names.is_empty(), "no bodies in {name}");
    names
}

/// Settings with these members beside a sound account.
pub(crate) fn with(members: &Value) -> Settings {
    let mut settings = json!({ "account_sid": ACCOUNT, "auth_token": TOKEN });
    for (name, value) in members.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    serde_json::from_value(settings).unwrap_or_else(|error| panic!("{error}: {members}"))
}

/// The sender that the fixtures' forms are addressed to.
pub(crate) fn addressee(body: &[u8]) -> Settings {
    let whatsapp = body.windows(9).any(|window| window == b"whatsapp%");
    with(&json!({ "sender": if whatsapp { "whatsapp:+14155238886" } else { "+15005550006" } }))
}

pub(crate) fn headers(content_type: &str, signature: &str) -> Vec<(String, Vec<u8>)> {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    vec![header("content-type", content_type), header("x-twilio-signature", signature)]
}

/// The vendor's signature over an address and a form.
pub(crate) fn sign(url: &str, form: &[u8], token: &str) -> String {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = form
        .split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let at = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let decoded = |raw: &[u8]| {
                let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
                percent_encoding::percent_decode(&spaced).collect::<Vec<u8>>()
            };
            (decoded(&piece[..at]), decoded(piece.get(at + 1..).unwrap_or_default()))
        })
        .collect();
    pairs.sort();
    pairs.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(&name);
        mac.update(&value);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Signs a form as the vendor would, verifies and reads it.
pub(crate) fn receive(settings: &Settings, url: &str, body: &[u8]) -> Result<Parsed, Untaken> {
    let headers = headers(FORM, &sign(url, body, TOKEN));
    let delivery = Delivery { url, headers: &headers, body, now: 0 };
    assert!(settings.verifies(&delivery), "a signed form is not believed");
    let taken = settings.take(&delivery);
    // Of the headers the ledger keeps this one.
    let kept = Delivery { headers: &headers[..1], ..delivery };
    assert_eq!(settings.take_again(&kept).ok(), taken.clone().ok(), "read from the ledger, it differs");
    taken
}
