//! Webhook bytes as Meta writes and signs them: non-ASCII as `\uXXXX`, slashes as `\/`, an HMAC over the result.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Writes a document the way Meta does. A slash can only stand inside a JSON string, so escaping it is always right.
pub fn to_wire(document: &Value) -> String {
    let plain = document.to_string();
    let mut wire = String::with_capacity(plain.len() + plain.len() / 8);
    for character in plain.chars() {
        match character {
            '/' => wire.push_str("\\/"),
            ascii if ascii.is_ascii() => wire.push(ascii),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing into a `String` cannot fail.
                    let _ = write!(wire, "\\u{unit:04x}");
                }
            }
        }
    }
    wire
}

/// The value of `X-Hub-Signature-256` for these bytes.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut text = String::from("sha256=");
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(body);
        text.push_str(&hex::encode(mac.finalize().into_bytes()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = include_str!("../../tests/fixtures/text-raw-wire-escapes.json");

    #[test]
    fn a_document_is_escaped_like_the_recorded_one() {
        let document: Value = serde_json::from_str(RAW).expect("fixture");
        let wire = to_wire(&document);
        assert_eq!(serde_json::from_str::<Value>(&wire).expect("still JSON"), document);
        assert!(wire.contains(r#""Cr\u00e8me br\u00fbl\u00e9e \ud83c\udf6e <3 a\/b & \"q\"""#), "{wire}");
    }

    #[test]
    fn signatures_agree_with_the_vectors() {
        let vector = "sha256=4d33dd3224d5aa76eedcfb15241f2e472956ec62ad4c988751727336e4de3ae7";
        assert_eq!(signature("switchboard-test-app-secret", RAW.as_bytes()), vector);
        let empty = "sha256=d80156aeee678611d7cb026e6894defd2636d5450ab6ec32b48ec7e97bb90246";
        assert_eq!(signature("switchboard-test-app-secret", b""), empty);
        assert_ne!(signature("other-secret", RAW.as_bytes()), vector);
    }
}
