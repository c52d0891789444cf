//! `X-Twilio-Signature`: an HMAC over the address as it is configured and the sorted parameters of the form.

use actix_web::web::Query;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::webhooks::Letter;

/// The parameters of a form, decoded; blanks and repeats stay.
pub fn parameters(body: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    Query::<Vec<(String, String)>>::from_query(text).map(Query::into_inner).unwrap_or_default()
}

/// The signature of a form that is posted to this address.
pub fn sign(auth_token: &str, url: &str, mut parameters: Vec<(String, String)>) -> String {
    parameters.sort();
    parameters.dedup();
    let mut text = url.to_owned();
    for (name, value) in &parameters {
        text.push_str(name);
        text.push_str(value);
    }
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The headers of a webhook. The token is the same for all tries of one call.
pub fn headers(auth_token: &str, url: &str, letter: &Letter) -> Vec<(&'static str, String)> {
    let signature = sign(auth_token, url, parameters(&letter.body));
    let token = format!("{}-{}", letter.kind, letter.ids.first().map_or("", String::as_str));
    vec![
        ("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
        ("User-Agent", "TwilioProxy/1.1".to_owned()),
        ("X-Twilio-Signature", signature),
        ("I-Twilio-Idempotency-Token", token),
    ]
}

/// A form body of these pairs.
pub fn form(pairs: &[(String, String)]) -> String {
    let escape = |text: &str| {
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
                b' ' => out.push('+'),
                other => out.push_str(&format!("%{other:02X}")),
            }
        }
        out
    };
    pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "12345678901234567890123456789012";
    const BODY: &str = "ToCountry=US&ToState=CA&SmsMessageSid=SM00000000000000000000000000000001&NumMedia=0&ToCity=SAN+FRANCISCO&FromZip=94107&SmsSid=SM00000000000000000000000000000001&FromState=CA&SmsStatus=received&FromCity=SAN+FRANCISCO&Body=Hello+there&FromCountry=US&To=%2B15005550006&ToZip=94105&NumSegments=1&MessageSid=SM00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000001&From=%2B14155550100&ApiVersion=2010-04-01";

    #[test]
    fn a_signature_agrees_with_the_vendors_library() {
        let signed = sign(TOKEN, "https://gw.example.com/webhooks/twilio/acme", parameters(BODY.as_bytes()));
        assert_eq!(signed, "h6x5ZTfamKZXMiEbfoV4OnaprvY=");
    }

    #[test]
    fn a_form_comes_back_as_it_was() {
        let pairs = vec![("Body".to_owned(), "a+b c&d=é 👍\n".to_owned()), ("Blank".to_owned(), String::new())];
        assert_eq!(parameters(form(&pairs).as_bytes()), pairs);
    }
}
