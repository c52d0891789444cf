//! A signed delivery, read into events: Instagram's own is only for whom it is, the rest is the family's.

use super::verify::Verified;
use super::{PRODUCT, Settings};
use crate::contract::inbound::Parsed;
pub use crate::meta::envelope::Malformed;
use crate::meta::messaging::parse::{self, Own};

/// Peeks at an unverified body to find whose secrets to try: ids of accounts, in order of appearance, each once.
/// Anything unreadable is nobody's.
#[must_use]
pub fn addressed(body: &[u8]) -> Vec<String> {
    parse::addressed(body)
}

/// Reads a signed delivery into events, in wire order.
///
/// # Errors
/// [`Malformed`] when the body is not one JSON object in UTF-8, or nests or repeats members beyond reading.
pub fn delivery(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, Malformed> {
    let own = Own { account: &settings.account_id, app_id: settings.access.app_id.as_deref() };
    parse::delivery(&PRODUCT, own, verified)
}
