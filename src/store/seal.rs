//! Secrets at rest: sealed with an AEAD under the installation's master key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use super::StoreError;
use crate::telemetry::chance;

/// Seals and opens texts. Clones share the key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer under this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*key)) }
    }

    /// Seals a text for one row: `v1.` and base64 of nonce and ciphertext. `place` (table, column, id) is
    /// authenticated, so that a sealed text moved to another row does not open.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn seal(&self, place: &str, text: &str) -> Result<String, StoreError> {
        let failed = |_| StoreError::Options("a secret could not be sealed".to_owned());
        let nonce = chance::bytes::<24>().map_err(|error| StoreError::Options(error.to_string()))?;
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: text.as_bytes(), aad: place.as_bytes() })
            .map_err(failed)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("v1.{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// The text was sealed under another key or for another place, or is damaged.
    pub fn open(&self, table: &'static str, column: &'static str, id: &str, sealed: &str) -> Result<String, StoreError> {
        let unreadable = |reason: &str| StoreError::Unreadable {
            table,
            column,
            id: id.to_owned(),
            reason: reason.to_owned(),
        };
        let encoded = sealed.strip_prefix("v1.").ok_or_else(|| unreadable("it is not sealed"))?;
        let bytes = STANDARD_NO_PAD.decode(encoded).map_err(|_| unreadable("it is damaged"))?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<24>().ok_or_else(|| unreadable("it is damaged"))?;
        let place = place(table, column, id);
        let opened = self
            .cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: place.as_bytes() })
            .map_err(|_| unreadable("the master key is another one than it was sealed with"))?;
        String::from_utf8(opened).map_err(|_| unreadable("it is damaged"))
    }
}

/// The authenticated place of a sealed text.
#[must_use]
pub fn place(table: &str, column: &str, id: &str) -> String {
    format!("{table}.{column}.{id}")
}

#[cfg(test)]
mod tests {
    use super::{Sealer, place};

    #[test]
    fn opens_only_with_its_key_at_its_place() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(&place("channels", "settings", "a"), "secret").unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(sealer.open("channels", "settings", "a", &sealed).unwrap(), "secret");
        assert!(sealer.open("channels", "settings", "b", &sealed).is_err());
        assert!(Sealer::new(&[8; 32]).open("channels", "settings", "a", &sealed).is_err());
        for damaged in ["", "v1.", "v1.AAAA", "v1.!!", "secret"] {
            assert!(sealer.open("channels", "settings", "a", damaged).is_err(), "{damaged}");
        }
    }
}
