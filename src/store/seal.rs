//! Secrets at rest: sealed with an AEAD under the installation's master key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::StoreError;
use crate::telemetry::chance;

/// Hex digits that name a key.
const KEY_ID: usize = 8;

/// Seals and opens texts. It seals with its own key, and opens what an earlier key has sealed, too. Clones share the keys.
#[derive(Clone)]
pub struct Sealer {
    current: Key,
    previous: Option<Key>,
}

/// A master key and the name by which a sealed text tells that it was this one.
#[derive(Clone)]
struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        // A name that says nothing about the key: a code over fixed words.
        let code = Hmac::<Sha256>::new_from_slice(key).map(|mut mac| {
            mac.update(b"switchboard key id");
            hex::encode(mac.finalize().into_bytes())
        });
        let id = code.unwrap_or_default().chars().take(KEY_ID).collect();
        Self { id, cipher: XChaCha20Poly1305::new(key.into()) }
    }

    fn open(&self, place: &str, nonce: [u8; 24], ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.cipher.decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: place.as_bytes() }).ok()
    }
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
        Self { current: Key::new(key), previous: None }
    }

    /// Opens what was sealed under this earlier key, too.
    #[must_use]
    pub fn with_previous(mut self, key: &[u8; 32]) -> Self {
        self.previous = Some(Key::new(key));
        self
    }

    /// Seals a text for one row: `v2.`, the key's name, a dot, and base64 of nonce and ciphertext. `place` (table,
    /// column, id) is authenticated, so that a sealed text moved to another row does not open.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn seal(&self, place: &str, text: &str) -> Result<String, StoreError> {
        let failed = |_| StoreError::Options("a secret could not be sealed".to_owned());
        let nonce = chance::bytes::<24>().map_err(|error| StoreError::Options(error.to_string()))?;
        let sealed = self
            .current
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: text.as_bytes(), aad: place.as_bytes() })
            .map_err(failed)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("v2.{}.{}", self.current.id, STANDARD_NO_PAD.encode(bytes)))
    }

    /// Whether a sealed text says that it was sealed under the key in force.
    #[must_use]
    pub fn is_current(&self, sealed: &str) -> bool {
        named(sealed).is_some_and(|(id, _)| id == self.current.id)
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// The text was sealed under another key or for another place, or is damaged.
    pub fn open(
        &self,
        table: &'static str,
        column: &'static str,
        id: &str,
        sealed: &str,
    ) -> Result<String, StoreError> {
        let unreadable =
            |reason: &str| StoreError::Unreadable { table, column, id: id.to_owned(), reason: reason.to_owned() };
        let keys = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        let (keys, encoded): (Vec<&Key>, &str) = match (named(sealed), sealed.strip_prefix("v1.")) {
            (Some((name, encoded)), _) => (keys.filter(|key| key.id == name).collect(), encoded),
            // The first form does not say under which key it was sealed.
            (None, Some(encoded)) => (keys.collect(), encoded),
            (None, None) => return Err(unreadable("it is not sealed")),
        };
        let bytes = STANDARD_NO_PAD.decode(encoded).map_err(|_| unreadable("it is damaged"))?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<24>().ok_or_else(|| unreadable("it is damaged"))?;
        let place = place(table, column, id);
        let opened = keys.iter().find_map(|key| key.open(&place, *nonce, ciphertext));
        let opened = opened.ok_or_else(|| {
            unreadable(
                "the master key is another one than it was sealed with; after a change of the key, set the one before as \
                 security.previous_master_key",
            )
        })?;
        String::from_utf8(opened).map_err(|_| unreadable("it is damaged"))
    }
}

/// The key's name in a sealed text, and what was sealed.
fn named(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix("v2.")?.split_once('.')
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
        let id = sealer.current.id.clone();
        let damaged = ["", "v1.", "v1.AAAA", "v1.!!", "v2.", "v2.AAAA", "v2..AAAA", "secret"].map(str::to_owned);
        for damaged in damaged.into_iter().chain([format!("v2.{id}.AAAA"), format!("v2.{id}.!!")]) {
            assert!(sealer.open("channels", "settings", "a", &damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn opens_what_the_key_before_has_sealed_and_says_which_it_was() {
        let (old, new) = (Sealer::new(&[7; 32]), Sealer::new(&[8; 32]));
        let place = place("channels", "settings", "a");
        let sealed = old.seal(&place, "secret").unwrap();
        let both = new.clone().with_previous(&[7; 32]);
        assert_eq!(both.open("channels", "settings", "a", &sealed).unwrap(), "secret");
        assert!(old.is_current(&sealed) && !both.is_current(&sealed));
        let again = both.seal(&place, "secret").unwrap();
        assert!(both.is_current(&again) && new.open("channels", "settings", "a", &again).is_ok());
        assert!(old.open("channels", "settings", "a", &again).is_err());
    }

    #[test]
    fn the_first_form_without_a_keys_name_is_still_read() {
        let sealed = "v1.AAECAwQFBgcICQoLDA0ODxAREhMUFRYX23LI959ox/8mm38GF289/TgG7vhptw";
        for sealer in [Sealer::new(&[7; 32]), Sealer::new(&[8; 32]).with_previous(&[7; 32])] {
            assert_eq!(sealer.open("channels", "settings", "a", sealed).unwrap(), "secret");
            assert!(!sealer.is_current(sealed));
        }
    }
}
