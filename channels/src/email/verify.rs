//! Whether a knock at the door is the provider's: signatures, passwords and how fresh they are. Tokens that were used
//! before are for the gateway to know.

mod notifications;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use x509_cert::der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::form::Form;
use super::wire::text;
use super::{Provider, Settings};
use crate::contract::credentials::Secret;
use crate::contract::vendor::Delivery;
pub use notifications::{certificate_needed, is_certificate, is_notifier};

/// How old, or how far ahead, a signed moment may be, in seconds.
const WINDOW: i64 = 300;

/// Why a delivery is not the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no proof.
    #[error("there is no signature or password")]
    Missing,
    /// The proof is not of the expected form.
    #[error("the signature is not of the expected form")]
    Malformed,
    /// It was signed with another key, or says another password.
    #[error("the signature or password is another one")]
    Mismatch,
    /// It was signed too long ago, or in the future.
    #[error("the signature is not fresh")]
    Stale,
    /// The certificate that signed it is not known (yet).
    #[error("the certificate is not known")]
    UnknownCertificate,
}

/// A delivery that the provider sent. [`delivery`] makes one of a delivery, [`Verified::kept`] of one that was verified
/// when it came; so an unverified one cannot be parsed.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a>(Delivery<'a>);

impl<'a> Verified<'a> {
    /// A delivery that was verified when it came and has lain in the gateway's own ledger since.
    #[must_use]
    pub const fn kept(delivery: Delivery<'a>) -> Self {
        Self(delivery)
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.0.body
    }

    /// `Content-Type`, empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> &'a str {
        self.0.text_header("content-type").unwrap_or_default()
    }

    /// All headers of this name (in lower case) that are text.
    pub fn headers<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        let named = self.0.headers.iter().filter(move |(known, _)| known == name);
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether the body says that it is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        is_json(&self.0)
    }
}

fn is_json(delivery: &Delivery<'_>) -> bool {
    let kind = delivery.text_header("content-type").unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Verifies a delivery.
///
/// # Errors
/// See [`Unverified`].
pub fn delivery<'a>(settings: &Settings, delivery: &Delivery<'a>) -> Result<Verified<'a>, Unverified> {
    match settings.provider {
        Provider::Mailgun => drop(mailgun(settings, delivery)?),
        Provider::Sendgrid => sendgrid(settings, delivery)?,
        Provider::Postmark => password(settings, delivery)?,
        Provider::Ses => notifications::verify(settings, delivery)?,
        Provider::Generic => generic(settings, delivery)?,
        Provider::Imap => return Err(Unverified::Missing),
    }
    Ok(Verified(*delivery))
}

/// The token of a delivery whose proof covers nothing of its content, if the provider sent it: who has seen one could
/// otherwise send anything with it while it is fresh.
#[must_use]
pub fn token(settings: &Settings, delivery: &Delivery<'_>) -> Option<String> {
    let mailguns = settings.provider == Provider::Mailgun;
    mailguns.then(|| mailgun(settings, delivery).ok()).flatten()
}

/// `signature` is the hex HMAC of `timestamp` and `token`, which this gives; it covers nothing of the mail.
fn mailgun(settings: &Settings, delivery: &Delivery<'_>) -> Result<String, Unverified> {
    let [timestamp, token, signature] = if is_json(delivery) {
        let body: Value = serde_json::from_slice(delivery.body).map_err(|_| Unverified::Malformed)?;
        ["timestamp", "token", "signature"].map(|name| text(&body, &format!("/signature/{name}")))
    } else {
        let kind = delivery.text_header("content-type").ok_or(Unverified::Missing)?;
        let form = Form::read(kind, delivery.body).map_err(|_| Unverified::Malformed)?;
        ["timestamp", "token", "signature"].map(|name| form.text(name))
    };
    let (Some(timestamp), Some(token), Some(signature)) = (timestamp, token, signature) else {
        return Err(Unverified::Missing);
    };
    let signed = [timestamp.as_bytes(), token.as_bytes()];
    by_any(&settings.signing_keys, &signed, &signature)?;
    // The age comes last, and of the whole number: a digit that moved from the timestamp to the token signs alike.
    fresh(&timestamp, delivery.now)?;
    // That is why the token is known by both together.
    Ok(format!("{timestamp}{token}"))
}

/// Signed with the provider's key where the security policy is on, else by user and password.
fn sendgrid(settings: &Settings, delivery: &Delivery<'_>) -> Result<(), Unverified> {
    let signature = delivery.text_header("x-twilio-email-event-webhook-signature");
    let (Some(signature), Some(key)) = (signature, settings.public_key.as_deref()) else {
        return password(settings, delivery);
    };
    let timestamp = delivery.text_header("x-twilio-email-event-webhook-timestamp").ok_or(Unverified::Missing)?;
    let signature = STANDARD.decode(signature).map_err(|_| Unverified::Malformed)?;
    let point = point(key).ok_or(Unverified::Malformed)?;
    let signed = [timestamp.as_bytes(), delivery.body].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    key.verify(&signed, &signature).map_err(|_| Unverified::Mismatch)
}

/// The point on the curve in a public key.
fn point(key: &str) -> Option<Vec<u8>> {
    let compact: String =
        key.split_whitespace().filter(|line| !line.starts_with("-----") && !line.ends_with("-----")).collect();
    let der = STANDARD.decode(compact).ok()?;
    let key = SubjectPublicKeyInfoRef::from_der(&der).ok()?;
    let point = key.subject_public_key.as_bytes()?;
    (point.len() == 65 && point.first() == Some(&4)).then(|| point.to_vec())
}

/// Whether a text is a public key that can verify.
#[must_use]
pub fn is_public_key(text: &str) -> bool {
    point(text).is_some()
}

fn password(settings: &Settings, delivery: &Delivery<'_>) -> Result<(), Unverified> {
    let (Some(user), Some(password)) = (&settings.webhook_user, &settings.webhook_password) else {
        return Err(Unverified::Missing);
    };
    if user.is_empty() || password.reveal().is_empty() {
        return Err(Unverified::Mismatch);
    }
    let given = delivery.text_header("authorization").ok_or(Unverified::Missing)?;
    let (scheme, given) = given.split_once(' ').ok_or(Unverified::Malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Unverified::Malformed);
    }
    let given = STANDARD.decode(given.trim()).map_err(|_| Unverified::Malformed)?;
    let expected = format!("{user}:{}", password.reveal());
    let same: bool = expected.as_bytes().ct_eq(&given).into();
    if same { Ok(()) } else { Err(Unverified::Mismatch) }
}

/// `v1=` and the hex HMAC of timestamp, dot and body; several while secrets rotate.
fn generic(settings: &Settings, delivery: &Delivery<'_>) -> Result<(), Unverified> {
    let timestamp = delivery.text_header("x-switchboard-timestamp").ok_or(Unverified::Missing)?;
    let signatures = delivery.text_header("x-switchboard-signature").ok_or(Unverified::Missing)?;
    let signed = [timestamp.as_bytes(), b".", delivery.body];
    let mut outcome = Err(Unverified::Malformed);
    for signature in signatures.split(',').take(8).filter_map(|signature| signature.trim().strip_prefix("v1=")) {
        outcome = outcome.or_else(|_| by_any(&settings.signing_keys, &signed, signature));
    }
    outcome.and_then(|()| fresh(timestamp, delivery.now))
}

/// Whether any of the keys made this lower-case hex HMAC-SHA256.
fn by_any(keys: &[Secret], pieces: &[&[u8]], signature: &str) -> Result<(), Unverified> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if signature.len() != 64 || !signature.bytes().all(lower) {
        return Err(Unverified::Malformed);
    }
    let given = hex::decode(signature).map_err(|_| Unverified::Malformed)?;
    let made = |key: &&Secret| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()) else { return false };
        pieces.iter().for_each(|piece| mac.update(piece));
        mac.verify_slice(&given).is_ok()
    };
    // With an empty key anybody could sign.
    let signed = keys.iter().filter(|key| !key.reveal().is_empty()).any(|key| made(&key));
    if signed { Ok(()) } else { Err(Unverified::Mismatch) }
}

fn fresh(timestamp: &str, now: i64) -> Result<(), Unverified> {
    let digits = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let at: i64 = timestamp.parse().ok().filter(|_| digits).ok_or(Unverified::Malformed)?;
    let age = now.div_euclid(1_000) - at;
    if age.abs() <= WINDOW { Ok(()) } else { Err(Unverified::Stale) }
}

/// The mailboxes that the envelope of a raw mail names, without what stands behind a plus.
pub(super) fn envelope_accounts(delivery: &Delivery<'_>) -> Vec<String> {
    let named = delivery.headers.iter().filter(|(name, _)| name == "x-envelope-to");
    let texts = named.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    let addresses = texts.flat_map(|text| text.split(',')).filter_map(|address| {
        let (local, domain) = address.trim().rsplit_once('@')?;
        let local = local.split('+').next().unwrap_or(local);
        Some(format!("{local}@{domain}").to_lowercase())
    });
    addresses.collect()
}
