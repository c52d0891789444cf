//! Instagram and Messenger, through the one interface that every channel has: the cases are data, the same test reads
//! both.

mod hostile;
mod inbound;
mod mutations;
mod outbound;
mod settings;
mod signature;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::contract::vendor::{Addressees, Delivery, Untaken, Vendor};

use crate::fixtures::{APP_SECRET, sign};

pub(crate) const BOTH: [Kind; 2] = [Kind::Instagram, Kind::Messenger];

fn folder(kind: Kind, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind.as_str()).join(name)
}

fn bytes(kind: Kind, name: &str) -> Vec<u8> {
    fs::read(folder(kind, name)).unwrap_or_else(|error| panic!("{kind:?} {name}: {error}"))
}

fn read_json(kind: Kind, name: &str) -> Value {
    serde_json::from_slice(&bytes(kind, name)).unwrap_or_else(|error| panic!("{kind:?} {name}: {error}"))
}

/// The vendor's bodies in a folder: its files but for what we wrote beside them.
fn bodies(kind: Kind, name: &str) -> Vec<String> {
    let entries = fs::read_dir(folder(kind, name)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| !file.ends_with(".events.json") && file != "cases.json")
        .map(|file| format!("{name}/{file}"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no bodies in {name} of {kind:?}");
    names
}

fn known(kind: Kind) -> Vec<String> {
    [bodies(kind, "inbound"), bodies(kind, "status")].concat()
}

/// The settings of the account that the cases are about, with some of them changed.
fn settings(kind: Kind, changes: &Value) -> Value {
    let mut settings = json!({
        "access_token": "TEST-TOKEN", "app_secret": APP_SECRET, "verify_token": "word", "app_id": "1517000000000111",
    });
    match kind {
        Kind::Instagram => settings["account_id"] = json!("17841400000000001"),
        _ => settings["page_id"] = json!("104200000000001"),
    }
    for (name, value) in changes.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

fn vendor_with(kind: Kind, changes: &Value) -> Box<dyn Vendor> {
    (kind.protocol().read)(settings(kind, changes)).unwrap()
}

fn vendor(kind: Kind) -> Box<dyn Vendor> {
    vendor_with(kind, &json!({}))
}

fn addressees(kind: Kind, body: &[u8]) -> Addressees {
    (kind.protocol().addressees)(&Delivery { url: "", headers: &[], body, now: 0 })
}

/// Signs a body as the vendor would, and takes it.
fn receive_by(vendor: &dyn Vendor, body: &[u8]) -> Result<Parsed, String> {
    let headers = [("x-hub-signature-256".to_owned(), sign(body, APP_SECRET).into_bytes())];
    let delivery = Delivery { url: "https://example.com/", headers: &headers, body, now: 0 };
    let taken = vendor.take(&delivery).map_err(|untaken| match untaken {
        Untaken::Malformed(reason) => reason,
        Untaken::Unverified => panic!("not verified"),
    });
    assert_eq!(vendor.take_again(&delivery), taken, "from the ledger it reads differently");
    taken
}

fn receive(kind: Kind, body: &[u8]) -> Result<Parsed, String> {
    receive_by(&*vendor(kind), body)
}
