//! Whether a knock at the door is the vendor's: the handshake of a callback address and the signature of deliveries.

use crate::contract::credentials::Secret;
use crate::contract::vendor::HandshakeRefusal;
use crate::meta;
pub use crate::meta::Unverified;

/// Longest challenge that is echoed, in bytes.
const LONGEST_CHALLENGE: usize = 256;

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

fn missing(parameter: &str) -> HandshakeRefusal {
    HandshakeRefusal::Missing(parameter.to_owned())
}

/// A body that the vendor signed. [`signature`] makes one of a delivery, [`Verified::kept`] of one that was verified
/// when it came; so an unverified body cannot be parsed.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    by: usize,
    body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// A body that was verified when it came and has lain in the gateway's own ledger since.
    #[must_use]
    pub const fn kept(body: &'a [u8]) -> Self {
        Self { by: 0, body }
    }

    /// The index of the secret that signed it.
    #[must_use]
    pub const fn by(&self) -> usize {
        self.by
    }

    /// The raw body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Checks the `X-Hub-Signature-256` header against the raw body.
///
/// # Errors
/// [`Unverified`]: the door answers 401 and processes nothing.
pub fn signature<'a>(header: Option<&[u8]>, body: &'a [u8], secrets: &[&Secret]) -> Result<Verified<'a>, Unverified> {
    meta::signed_by(header, body, secrets).map(|by| Verified { by, body })
}
