//! Whether a knock at the door is the vendor's: the handshake of a callback address and the signature of deliveries,
//! the same for all products of the family. It reads no body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::contract::credentials::Secret;
use crate::contract::request::{Authorisation, Body, Method, Request, SECRET_IN_PATH};
use crate::contract::vendor::{Delivery, HandshakeRefusal, Rotating};
use crate::meta::graph::encoded;

/// The app secret signs every delivery. The app has one at a time, so the old one is accepted until its last delivery
/// has come.
pub(crate) const ROTATING: Rotating =
    Rotating { setting: "app_secrets", spelling: Some("app_secret"), accepted_in: "app_secrets" };

/// Longest challenge that is echoed, in bytes.
const LONGEST_CHALLENGE: usize = 256;

/// Why a delivery is not believed. The door answers 401 and processes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no signature header.
    #[error("the signature header is missing")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("the signature header is malformed")]
    Malformed,
    /// No secret makes this signature.
    #[error("the signature matches no app secret")]
    Mismatch,
}

/// A body that the vendor signed. [`signature`] makes one of a delivery, [`Verified::kept`] of one that was verified
/// when it came; so an unverified body cannot be parsed.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// A body that was verified when it came and has lain in the gateway's own ledger since.
    #[must_use]
    pub const fn kept(body: &'a [u8]) -> Self {
        Self { body }
    }

    /// The raw body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Checks the `X-Hub-Signature-256` header against the raw body: in constant time, and an empty secret never matches.
///
/// # Errors
/// [`Unverified`]: the door answers 401 and processes nothing.
pub fn signature<'a>(header: Option<&[u8]>, body: &'a [u8], secrets: &[&Secret]) -> Result<Verified<'a>, Unverified> {
    let header = header.ok_or(Unverified::Missing)?;
    let digits = header.strip_prefix(b"sha256=").ok_or(Unverified::Malformed)?;
    let mut stated = [0_u8; 32];
    hex::decode_to_slice(digits, &mut stated).map_err(|_| Unverified::Malformed)?;
    let mut found = false;
    for secret in secrets {
        let key = secret.reveal().as_bytes();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { continue };
        mac.update(body);
        let matches: bool = mac.finalize().into_bytes().as_slice().ct_eq(&stated).into();
        found |= matches && !key.is_empty();
    }
    if found { Ok(Verified { body }) } else { Err(Unverified::Mismatch) }
}

/// Checks a delivery by any of the secrets that may have signed it.
///
/// # Errors
/// [`Unverified`]: the door answers 401 and processes nothing.
pub(crate) fn delivery<'a>(delivery: &Delivery<'a>, secrets: &[Secret]) -> Result<Verified<'a>, Unverified> {
    let secrets: Vec<&Secret> = secrets.iter().collect();
    signature(delivery.header("x-hub-signature-256"), delivery.body, &secrets)
}

/// Answers the handshake of a callback address: the challenge to echo as `text/plain`.
///
/// # Errors
/// [`HandshakeRefusal::Missing`] for an absent parameter or a challenge over 256 bytes,
/// [`HandshakeRefusal::Forbidden`] for the rest.
pub fn handshake(
    mode: Option<&str>,
    token: Option<&str>,
    challenge: Option<&str>,
    expected: &Secret,
) -> Result<String, HandshakeRefusal> {
    let mode = mode.ok_or_else(|| missing("hub.mode"))?;
    let token = token.ok_or_else(|| missing("hub.verify_token"))?;
    let challenge = challenge
        .filter(|challenge| (1..=LONGEST_CHALLENGE).contains(&challenge.len()))
        .ok_or_else(|| missing("hub.challenge"))?;
    // An empty configured token would let everybody in.
    if mode != "subscribe" || expected.reveal().is_empty() || !expected.matches(token) {
        return Err(HandshakeRefusal::Forbidden);
    }
    Ok(challenge.to_owned())
}

/// Answers the handshake that stands in a query.
///
/// # Errors
/// See [`handshake`].
pub(crate) fn query(query: &[(String, String)], expected: &Secret) -> Result<String, HandshakeRefusal> {
    let parameter = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    handshake(parameter("hub.mode"), parameter("hub.verify_token"), parameter("hub.challenge"), expected)
}

/// The handshake as the vendor makes it when somebody saves this callback address at the vendor.
pub(crate) fn handshake_request(callback: &str, challenge: &str, token: &Secret) -> Request {
    let challenge = encoded(challenge);
    Request {
        method: Method::Get,
        url: format!("{callback}?hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={SECRET_IN_PATH}"),
        authorisation: Some(Authorisation::Path(Secret::new(encoded(token.reveal())))),
        body: Body::Empty,
    }
}

fn missing(parameter: &str) -> HandshakeRefusal {
    HandshakeRefusal::Missing(parameter.to_owned())
}
