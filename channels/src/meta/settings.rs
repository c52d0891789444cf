//! Settings that every product of the family has: how they are read, and which mistakes can be seen in them.

use serde::{Deserialize, Deserializer};
use url::Url;

use crate::contract::credentials::Secret;

/// The version segment of every path, unless the settings say another.
pub(crate) const DEFAULT_API_VERSION: &str = "v24.0";

/// A vendor's id of an account or app.
pub(crate) fn is_digits(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A secret that can stand in a header.
pub(crate) fn is_secret(secret: &Secret) -> bool {
    let secret = secret.reveal();
    !secret.is_empty() && secret.chars().all(|character| character.is_ascii_graphic())
}

/// The version segment of a path.
pub(crate) fn is_version(text: &str) -> bool {
    let numbers = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    numbers.is_some_and(|(major, minor)| is_digits(major) && is_digits(minor))
}

/// Where an API is.
pub(crate) fn is_base(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// A host, `host:port`, or `*.host` for all hosts below one.
pub(crate) fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let sound = Url::parse(&format!("https://{name}/"))
        .is_ok_and(|url| url.path() == "/" && url.has_host() && url.username().is_empty());
    sound && !name.ends_with('/') && !name.contains('*')
}

/// Whether files may be fetched from there: over https from a listed host, or from a stand-in, which serves its own.
/// `stand_in` is the API's address where it is not the vendor's.
pub(crate) fn trusts(media_hosts: &[String], stand_in: Option<&str>, url: &Url) -> bool {
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let Some(host) = url.host_str() else { return false };
    let address = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")).to_ascii_lowercase();
    let listed = |allowed: &String| {
        let allowed = allowed.to_ascii_lowercase();
        match allowed.strip_prefix('*') {
            Some(below) => address.len() > below.len() && address.ends_with(below),
            None => allowed == address,
        }
    };
    if url.scheme() == "https" && media_hosts.iter().any(listed) {
        return true;
    }
    stand_in.and_then(|base| Url::parse(base).ok()).is_some_and(|base| base.origin() == url.origin())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Digits {
    Text(String),
    Number(u64),
}

impl Digits {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Reads an id that somebody may have written as a number.
pub(crate) fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Digits::deserialize(deserializer).map(Digits::into_text)
}

/// Reads an id that may be absent.
pub(crate) fn optional_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Digits>::deserialize(deserializer)?.map(Digits::into_text))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Secrets {
    One(Secret),
    Many(Vec<Secret>),
}

/// Reads one secret or a list of them.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    Ok(match Secrets::deserialize(deserializer)? {
        Secrets::One(secret) => vec![secret],
        Secrets::Many(secrets) => secrets,
    })
}
