//! Telegram: the vendor's updates, what we send, and what must never hurt.

mod hostile;
mod inbound;
mod mutations;
mod outbound;
mod settings;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::contract::vendor::{Delivery, Untaken, Vendor};

const TOKEN: &str = "7000000001:AAH-test_token";
const WORD: &str = "test-secret_word";
const CALLBACK: &str = "https://gw.example.com/api/webhooks/telegram/c1";
const HEADER: &str = "x-telegram-bot-api-secret-token";

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/telegram").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read_json(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The vendor's bodies in a folder: its files but for what we wrote beside them.
fn bodies(name: &str) -> Vec<String> {
    let entries = fs::read_dir(folder(name)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| !file.ends_with(".events.json") && file != "cases.json")
        .map(|file| format!("{name}/{file}"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no bodies in {name}");
    names
}

fn known() -> Vec<String> {
    [bodies("inbound"), bodies("status")].concat()
}

/// The settings of the bot that the cases are about, with some of them changed.
fn settings(changes: &Value) -> Value {
    let mut settings = json!({ "bot_token": TOKEN, "secret_token": WORD, "status_callback": CALLBACK });
    for (name, value) in changes.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

fn vendor_with(changes: &Value) -> Box<dyn Vendor> {
    (Kind::Telegram.protocol().read)(settings(changes)).unwrap()
}

fn vendor() -> Box<dyn Vendor> {
    vendor_with(&json!({}))
}

/// Sends a body as the vendor would, and takes it.
fn receive(body: &[u8]) -> Result<Parsed, String> {
    let vendor = vendor();
    let headers = [(HEADER.to_owned(), WORD.as_bytes().to_vec())];
    let delivery = Delivery { url: CALLBACK, headers: &headers, body, now: 0 };
    let taken = vendor.take(&delivery).map_err(|untaken| match untaken {
        Untaken::Malformed(reason) => reason,
        Untaken::Unverified => panic!("not verified"),
    });
    assert_eq!(vendor.take_again(&delivery), taken, "from the ledger it reads differently");
    taken
}
