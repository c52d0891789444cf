//! Purity: `channels` and `domain` are true with the computer switched off. No async, no clock, no I/O, and of other
//! crates only those that compute.

use crate::floors::references;
use crate::source::{Source, identifiers};

/// What `channels` may depend on: encodings, hashes, and the shapes of data.
pub const OF_CHANNELS: [&str; 21] = [
    "ammonia",
    "aws-lc-rs",
    "base64",
    "bytes",
    "encoding_rs",
    "hex",
    "hmac",
    "mail-builder",
    "mail-parser",
    "percent-encoding",
    "regex",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
    "subtle",
    "thiserror",
    "unicode-segmentation",
    "url",
    "utoipa",
    "x509-cert",
];

/// Words that only impure code needs: waiting, time, randomness, and the crates that reach outside.
const IMPURE: [&str; 10] =
    ["async", "await", "SystemTime", "Instant", "tokio", "actix", "actix_web", "reqwest", "sqlx", "getrandom"];

/// Standard modules that are impure as a whole.
const IMPURE_MODULES: [&str; 4] = ["fs", "thread", "process", "env"];

/// Parts of `std::net` that are only values.
const ADDRESSES: [&str; 6] = ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];

/// Everything impure that these files name.
pub fn check(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        for (word, line) in identifiers(source.tokens()) {
            if IMPURE.contains(&word.as_str()) {
                breaches.push(format!("{}:{line}: `{word}` is not pure", source.path));
            }
        }
        for reference in references(source, &["std"]) {
            if is_impure(&reference.segments) {
                let path = reference.segments.join("::");
                breaches.push(format!("{}:{}: `{path}` is not pure", source.path, reference.line));
            }
        }
    }
    breaches
}

fn is_impure(path: &[String]) -> bool {
    match path {
        [_, module, rest @ ..] if module == "net" => {
            rest.first().is_none_or(|name| !ADDRESSES.contains(&name.as_str()))
        }
        [_, module, ..] => IMPURE_MODULES.contains(&module.as_str()),
        _ => false,
    }
}

/// Dependencies of a manifest, other than those for its tests, that are not on the list.
pub fn check_dependencies(manifest: &str, allowed: &[&str]) -> Vec<String> {
    let names = dependencies(manifest);
    if names.is_empty() {
        return vec!["the manifest names no dependency; is it the right one?".to_owned()];
    }
    let foreign = names.into_iter().filter(|name| !allowed.contains(&&**name));
    foreign.map(|name| format!("`{name}` is not on the list in tests/house/purity.rs")).collect()
}

/// The simulator plays the vendors from what they document, so it must not know how we read them.
pub fn check_stranger(manifest: &str) -> Vec<String> {
    let names = dependencies(manifest);
    if names.is_empty() {
        return vec!["the manifest names no dependency; is it the right one?".to_owned()];
    }
    names
        .into_iter()
        .filter(|name| name.starts_with("switchboard"))
        .map(|name| format!("depends on `{name}`"))
        .collect()
}

fn dependencies(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let tables = ["dependencies", "build-dependencies"].into_iter().filter_map(|key| manifest.get(key)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn impure_code_is_found() {
    let breaches = |text| check(&[Source::parse("channels/src/x.rs", text)]).len();
    assert_eq!(breaches("//! Not async.\nfn f(at: i64) -> std::net::IpAddr { std::fmt::Error; \"async\" }"), 0);
    assert_eq!(breaches("async fn f() {}"), 1);
    assert_eq!(breaches("fn f() { let g = async { 1 }; }"), 1);
    assert_eq!(breaches("impl A { async fn f(&self) { self.g().await } }"), 2);
    assert_eq!(breaches("use std::time::{Duration, Instant};"), 1);
    assert_eq!(breaches("fn f() { std::fs::read(\"x\"); }"), 1);
    assert_eq!(breaches("use std::{collections::BTreeMap, fs, net::{IpAddr, TcpStream}};"), 2);
    assert_eq!(breaches("fn f() { format!(\"{:?}\", std::env::args()); }"), 1);
}

#[test]
fn a_dependency_off_the_list_is_found() {
    let manifest = "[dependencies]\nserde.workspace = true\ntokio = \"1\"\n[dev-dependencies]\nproptest = \"1\"";
    assert_eq!(check_dependencies(manifest, &OF_CHANNELS), ["`tokio` is not on the list in tests/house/purity.rs"]);
    assert_eq!(check_dependencies("", &OF_CHANNELS).len(), 1);
}

#[test]
fn a_simulator_that_knows_us_is_found() {
    assert_eq!(check_stranger("[dependencies]\nserde = \"1\"").len(), 0);
    assert_eq!(check_stranger("[dependencies]\nswitchboard-channels = { path = \"../channels\" }").len(), 1);
    assert_eq!(check_stranger("").len(), 1);
}
