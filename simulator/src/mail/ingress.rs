//! Delivery of what people write: the raw mail to the gateway's address for it, with its envelope and a signature.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::world::World;

/// The headers of one delivery. The signature covers the time of the try, so that a late try is not refused as stale.
pub fn headers(secret: &str, from: &str, to: &str, world: &World, body: &[u8]) -> Vec<(&'static str, String)> {
    let timestamp = (world.clock.now_ms() / 1_000).to_string();
    vec![
        ("Content-Type", "message/rfc822".to_owned()),
        ("X-Envelope-From", from.to_owned()),
        ("X-Envelope-To", to.to_owned()),
        ("X-Switchboard-Signature", sign(secret, &timestamp, body)),
        ("X-Switchboard-Timestamp", timestamp),
    ]
}

/// `v1=` and the HMAC over timestamp, dot and body.
fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut text = String::from("v1=");
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        text.push_str(&hex::encode(mac.finalize().into_bytes()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_agree_with_the_vector() {
        let body = b"Subject: se\xf1or\r\n\r\nx";
        let signed = sign("generic-inbound-secret", "1784196000", body);
        assert_eq!(signed, "v1=e8ffd19afd674f493e0908ee37d2f736a9b6828ea2c83d0f3abc8c68dd08c914");
    }
}
