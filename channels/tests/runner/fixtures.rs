//! Where the cases lie, and how a body comes to be signed.

use std::fs;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::whatsapp::parse::{Malformed, delivery};
use switchboard_channels::whatsapp::verify;

pub(crate) const APP_SECRET: &str = "switchboard-test-app-secret";

pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/whatsapp").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The vendor's bodies in a folder: its files but for what we wrote beside them.
pub(crate) fn bodies(name: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| !file.ends_with(".events.json") && file != "cases.json")
        .map(|file| format!("{name}/{file}"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no bodies in {name}");
    names
}

pub(crate) fn sign(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Signs a body as the vendor would, verifies and parses it.
pub(crate) fn receive(body: &[u8]) -> Result<Parsed, Malformed> {
    let header = sign(body, APP_SECRET);
    let secret = Secret::new(APP_SECRET);
    delivery(&verify::signature(Some(header.as_bytes()), body, &[&secret]).unwrap())
}
