//! API keys: shown once, stored as a hash.

use hmac::digest::Digest;

/// Every key starts with this.
pub const PREFIX: &str = "sb_";
/// Shortest key that an operator may give.
pub const SHORTEST: usize = 32;

/// What is stored of a key: SHA-256 as lower-case hex. Keys are long and random, so a slow hash would only cost time.
#[must_use]
pub fn hash(key: &str) -> String {
    hex::encode(sha2::Sha256::digest(key.as_bytes()))
}

/// What stays visible of a key: its first characters.
#[must_use]
pub fn visible_prefix(key: &str) -> String {
    key.chars().take(10).collect()
}

/// A new key from random bytes.
#[must_use]
pub fn format(random: &[u8; 32]) -> String {
    use base64::Engine as _;
    format!("{PREFIX}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random))
}
