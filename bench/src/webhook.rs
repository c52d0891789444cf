//! What the vendor's side posts to the gateway: signed deliveries of customers' texts and of receipts. It sends nothing.

use std::fmt::Write as _;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The number the gateway answers from.
pub const PHONE_NUMBER_ID: &str = "106540352242922";
/// The business account of the number.
pub const WABA_ID: &str = "102290129340398";
/// What signs deliveries.
pub const APP_SECRET: &str = "switchboard-bench-app-secret";
/// What the gateway's calls carry.
pub const ACCESS_TOKEN: &str = "switchboard-bench-access-token";
/// Word of the address check, which no measurement makes.
pub const VERIFY_TOKEN: &str = "switchboard-bench-verify-token";

const DISPLAY_PHONE_NUMBER: &str = "15550783881";
/// Stands before the number by which an answer is told to belong to its question.
const MARK: &str = "ref-";
/// Digits of that number.
const DIGITS: usize = 12;

/// Makes deliveries of one run; runs on the same database differ in their message ids.
#[derive(Clone)]
pub struct Postman {
    mac: Hmac<Sha256>,
    head: String,
    run: u64,
}

/// A text on its way: who writes it, and the number by which its answer is known.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Number of the customer.
    pub customer: u32,
    /// Number of the text, unique in a run.
    pub token: u64,
}

/// A message of the gateway that a receipt speaks of.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The vendor's id of the message.
    pub wamid: String,
    /// The customer's phone number.
    pub to: String,
    /// What the gateway gave to recognise the message by.
    pub tracking: String,
}

impl Postman {
    /// Makes deliveries to this gateway.
    #[must_use]
    pub fn new(gateway: SocketAddr, run: u64) -> Option<Self> {
        let mac = Hmac::new_from_slice(APP_SECRET.as_bytes()).ok()?;
        let head = format!(
            "POST /api/webhooks/whatsapp HTTP/1.1\r\nhost: {gateway}\r\nuser-agent: facebookexternalua\r\naccept: */*\r\n\
             content-type: application/json\r\n"
        );
        Some(Self { mac, head, run })
    }

    /// A request that delivers these texts.
    #[must_use]
    pub fn texts(&self, texts: &[Text]) -> Vec<u8> {
        let (mut contacts, mut messages) = (String::new(), String::new());
        let now = unix_time().as_secs();
        for (at, Text { customer, token }) in texts.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let (phone, user, run) = (phone(*customer), format!("US.1349120865{customer:010}"), self.run);
            // Writing to a string does not fail.
            let _ = write!(
                contacts,
                r#"{comma}{{"profile":{{"name":"Sheena Nelson {customer}"}},"wa_id":"{phone}","user_id":"{user}"}}"#
            );
            let _ = write!(
                messages,
                r#"{comma}{{"from":"{phone}","from_user_id":"{user}","id":"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQz{run:016X}{token:012}","timestamp":"{now}","type":"text","text":{{"body":"Hi, do you deliver to 94025? I would like two bags of the dark roast, ground for a moka pot, and one of the decaf. If it can be here before Friday I take the gift box as well. {MARK}{token:012}"}}}}"#
            );
        }
        self.request(&value(&format!(r#""contacts":[{contacts}],"messages":[{messages}]"#)))
    }

    /// A request that delivers one receipt of this kind for each of these messages.
    #[must_use]
    pub fn receipts(&self, status: &str, taken: &[Taken]) -> Vec<u8> {
        let now = unix_time().as_secs();
        let mut statuses = String::new();
        for (at, Taken { wamid, to, tracking }) in taken.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(
                statuses,
                r#"{comma}{{"id":"{wamid}","status":"{status}","timestamp":"{now}","recipient_id":"{to}","biz_opaque_callback_data":"{tracking}","pricing":{{"billable":false,"pricing_model":"PMP","category":"service","type":"free_customer_service"}}}}"#
            );
        }
        self.request(&value(&format!(r#""statuses":[{statuses}]"#)))
    }

    fn request(&self, body: &str) -> Vec<u8> {
        let mut mac = self.mac.clone();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let (head, length) = (&self.head, body.len());
        format!("{head}x-hub-signature-256: sha256={signature}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    }
}

fn value(rest: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA_ID}","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{DISPLAY_PHONE_NUMBER}","phone_number_id":"{PHONE_NUMBER_ID}"}},{rest}}},"field":"messages"}}]}}]}}"#
    )
}

/// The phone number of a customer.
#[must_use]
pub fn phone(customer: u32) -> String {
    format!("1650{customer:07}")
}

/// The number of the text that this answer repeats, if it repeats one.
#[must_use]
pub fn token_in(answer: &[u8]) -> Option<u64> {
    let at = answer.windows(MARK.len()).position(|window| window == MARK.as_bytes())? + MARK.len();
    std::str::from_utf8(answer.get(at..at + DIGITS)?).ok()?.parse().ok()
}

/// The time since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "vendors stamp what they send with the time of day")]
pub fn unix_time() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(request: &[u8]) -> (String, String) {
        let text = String::from_utf8(request.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn postman() -> Postman {
        Postman::new(SocketAddr::from(([127, 0, 0, 1], 8080)), 7).unwrap()
    }

    #[test]
    fn a_delivery_is_signed_json_and_its_answer_is_recognised() {
        let texts = [Text { customer: 3, token: 41 }, Text { customer: 4, token: 42 }];
        let (head, body) = parts(&postman().texts(&texts));
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
        let messages = parsed.pointer("/entry/0/changes/0/value/messages").unwrap().as_array().unwrap();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[1]["from"], phone(4));
        assert_eq!(token_in(messages[1]["text"]["body"].as_str().unwrap().as_bytes()), Some(42));
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(APP_SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        assert!(head.contains(&format!("sha256={}", hex::encode(mac.finalize().into_bytes()))));
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
    }

    #[test]
    fn receipts_are_json() {
        let taken = Taken { wamid: "wamid.1".to_owned(), to: phone(1), tracking: "t".to_owned() };
        let (_, body) = parts(&postman().receipts("read", &[taken.clone(), taken]));
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed.pointer("/entry/0/changes/0/value/statuses/1/status").unwrap(), "read");
    }

    #[test]
    fn what_repeats_no_text_has_no_number() {
        assert_eq!(token_in(b"Hello"), None);
        assert_eq!(token_in(b"ref-12"), None);
        assert_eq!(token_in(b"ref-00000000001x"), None);
    }
}
