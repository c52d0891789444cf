//! Whether a knock at the door is the vendor's: nothing is signed, a secret word in a header says it. It reads no body.

use crate::contract::credentials::Secret;
use crate::contract::vendor::{Delivery, Rotating};

/// The word of `setWebhook` comes with every delivery. What the vendor had queued before a change comes with the new
/// one; the old one is accepted until the last delivery on its way has come.
pub(super) const ROTATING: Rotating =
    Rotating { setting: "secret_tokens", spelling: Some("secret_token"), accepted_in: "secret_tokens" };

/// Why a delivery is not believed. The door answers 401 and processes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no header with a word.
    #[error("the header with the secret token is missing")]
    Missing,
    /// The word is none of ours.
    #[error("the secret token is another one")]
    Mismatch,
}

/// A body that came with our word. [`secret`] makes one of a delivery, [`Verified::kept`] of one that was verified when
/// it came; so an unverified body cannot be parsed.
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

/// Checks the `X-Telegram-Bot-Api-Secret-Token` header: in constant time, and an empty word never matches.
///
/// # Errors
/// [`Unverified`]: the door answers 401 and processes nothing.
pub fn secret<'a>(delivery: &Delivery<'a>, secrets: &[Secret]) -> Result<Verified<'a>, Unverified> {
    let stated = delivery.text_header("x-telegram-bot-api-secret-token").unwrap_or_default();
    if stated.is_empty() {
        return Err(Unverified::Missing);
    }
    // Every word is compared, so that the time does not tell which one it was.
    let found = secrets.iter().fold(false, |found, secret| found | secret.matches(stated));
    if found { Ok(Verified { body: delivery.body }) } else { Err(Unverified::Mismatch) }
}
