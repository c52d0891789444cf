//! Whether a knock at the door is the vendor's: the signature over the public address and the form. It trusts no
//! header about which key to use; the settings say that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::wire;
use super::{Algorithm, Settings};
use crate::contract::credentials::Secret;
use crate::contract::vendor::Delivery;

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no signature header, or it is empty.
    #[error("the signature header is missing")]
    Missing,
    /// The header is no padded base64 of the algorithm's length.
    #[error("the signature header is malformed")]
    Malformed,
    /// The delivery states an algorithm that the channel does not take.
    #[error("the signature's algorithm is not one that the channel takes")]
    Algorithm,
    /// The body is no form, and the signed address does not carry its hash.
    #[error("the body's hash is not in the signed address")]
    BodyHash,
    /// No key makes this signature.
    #[error("the signature matches no auth token or shared key")]
    Mismatch,
}

/// A delivery that the vendor signed. [`signature`] makes one, or [`Verified::kept`] of one that was verified when it
/// came; so an unverified delivery cannot be parsed.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    url: &'a str,
    form: Option<&'a [u8]>,
    body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// A delivery that was verified when it came and has lain in the gateway's own ledger since.
    #[must_use]
    pub fn kept(delivery: &Delivery<'a>) -> Self {
        Self { url: delivery.url, form: form(delivery), body: delivery.body }
    }

    /// The address that was called.
    #[must_use]
    pub const fn url(&self) -> &'a str {
        self.url
    }

    /// The fields of the form, encoded. `None`: the body is no form.
    pub(super) const fn form(&self) -> Option<&'a [u8]> {
        self.form
    }

    /// The raw body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Checks the `X-Twilio-Signature` header against the address and the body.
///
/// # Errors
/// [`Unverified`]: the door processes nothing.
pub fn signature<'a>(delivery: &Delivery<'a>, settings: &Settings) -> Result<Verified<'a>, Unverified> {
    let header = delivery.header("x-twilio-signature").filter(|header| !header.is_empty());
    let header = header.ok_or(Unverified::Missing)?;
    let hash = stated(delivery)?;
    let keys: Vec<&Secret> = match (settings.signature_algorithm, hash) {
        (Algorithm::HmacSha1 | Algorithm::Either, Hash::Sha1) => settings.signing_tokens().collect(),
        (Algorithm::HmacSha256 | Algorithm::Either, Hash::Sha256) => settings.shared_keys.iter().collect(),
        _ => return Err(Unverified::Algorithm),
    };
    let given = STANDARD.decode(header).map_err(|_| Unverified::Malformed)?;
    if given.len() != hash.length() {
        return Err(Unverified::Malformed);
    }
    let verified = Verified::kept(delivery);
    let parameters = match verified.form {
        None if !hash_matches(delivery) => return Err(Unverified::BodyHash),
        Some(form) if !verified.body.is_empty() => signed_form(form),
        // All there is stands in the address.
        None | Some(_) => Vec::new(),
    };
    let mut found = false;
    for address in spellings(delivery.url) {
        for key in &keys {
            let made = hash.mac(key.reveal().as_bytes(), &[address.as_bytes(), &parameters]);
            let matches: bool = made.ct_eq(&given).into();
            found |= matches && !key.reveal().is_empty();
        }
    }
    if found { Ok(verified) } else { Err(Unverified::Mismatch) }
}

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The code over all parts; empty for a key that no code can be made with.
    fn mac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => code::<Hmac<Sha1>>(key, parts),
            Self::Sha256 => code::<Hmac<Sha256>>(key, parts),
        }
    }
}

fn code<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The algorithm that the delivery states; without a word it is the old one.
fn stated(delivery: &Delivery<'_>) -> Result<Hash, Unverified> {
    let Some(settings) = delivery.header("x-twilio-webhooks-signature-settings") else { return Ok(Hash::Sha1) };
    let settings = std::str::from_utf8(settings).map_err(|_| Unverified::Algorithm)?;
    match settings.split(',').find_map(|setting| setting.trim().strip_prefix("algorithm=")) {
        None | Some("HMAC_SHA1") => Ok(Hash::Sha1),
        Some("HMAC_SHA256") => Ok(Hash::Sha256),
        Some(_) => Err(Unverified::Algorithm),
    }
}

/// The fields of a delivery, encoded: the body's, or the address's where there is no body. `None`: the body is no form.
/// Where nothing is said it must be one, for anything else needs a hash.
pub(super) fn form<'a>(delivery: &Delivery<'a>) -> Option<&'a [u8]> {
    if delivery.body.is_empty() {
        return Some(wire::query(delivery.url).as_bytes());
    }
    let stated = delivery.text_header("content-type").unwrap_or_default();
    let kind = stated.split(';').next().unwrap_or_default().trim();
    let form = kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    form.then_some(delivery.body)
}

/// Names and values of a form, sorted by name byte by byte; the values of one name sorted, exact repeats dropped.
fn signed_form(body: &[u8]) -> Vec<u8> {
    let mut pairs = wire::pairs(body);
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into_iter().flat_map(|(name, value)| [name, value]).flatten().collect()
}

fn hash_matches(delivery: &Delivery<'_>) -> bool {
    let mut stated = [0_u8; 32];
    let sound = wire::parameter(delivery.url, wire::BODY_HASH)
        .is_some_and(|digits| hex::decode_to_slice(digits.as_bytes(), &mut stated).is_ok());
    let hash = Sha256::digest(delivery.body);
    let matches: bool = hash.as_slice().ct_eq(&stated).into();
    sound && matches
}

/// The address with its port and without it: the vendor signs now the one, now the other. Nothing else is touched.
fn spellings(url: &str) -> [String; 2] {
    let url = url.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return [url.to_owned(), url.to_owned()] };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let at = if authority.contains('@') { "@" } else { "" };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let standard = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let port = port.unwrap_or(standard);
    [format!("{scheme}://{user}{at}{name}:{port}{path}"), format!("{scheme}://{user}{at}{name}{path}")]
}
