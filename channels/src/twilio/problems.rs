//! Which settings cannot work, all of them at once.

use url::Url;

use super::{Algorithm, Carrier, LONGEST_TEXT, Settings, is_sid, phone};
use crate::contract::credentials::Secret;
use crate::contract::vendor::Problem;

const ADDRESS: &str = "an http or https address without query, fragment and user";

/// Whether a setting is sound, its name, and what it must be.
type Check = (bool, &'static str, &'static str);

impl Settings {
    /// Names every setting that cannot work; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let checks = self.credentials().into_iter().chain(self.signatures()).chain(self.senders()).chain(self.places());
        let bad = checks.filter(|(sound, ..)| !sound);
        bad.map(|(_, field, expected)| Problem { field, expected }).collect()
    }

    fn credentials(&self) -> [Check; 4] {
        let key = self.api_key_sid.as_deref();
        let paired = match &self.api_key_secret {
            Some(secret) => key.is_some() && is_secret(secret),
            None => key.is_none(),
        };
        let token = self.auth_token.as_ref().map_or_else(|| key.is_some(), is_secret);
        [
            (is_sid(&self.account_sid, "AC"), "account_sid", "the account's SID: AC and 32 hexadecimal digits"),
            (key.is_none_or(|sid| is_sid(sid, "SK")), "api_key_sid", "an API key's SID: SK and 32 hexadecimal digits"),
            (paired, "api_key_secret", "the API key's secret, together with api_key_sid"),
            (token, "auth_token", "the account's auth token, unless there is an API key"),
        ]
    }

    fn signatures(&self) -> [Check; 2] {
        let no_tokens = self.auth_token.is_none() && self.auth_tokens.is_empty();
        let by_token = self.signature_algorithm != Algorithm::HmacSha256;
        let by_key = self.signature_algorithm != Algorithm::HmacSha1;
        [
            (
                self.auth_tokens.iter().all(is_secret) && !(by_token && no_tokens),
                "auth_tokens",
                "at least one auth token that signs deliveries, here or in auth_token; an API key's secret cannot",
            ),
            (
                self.shared_keys.iter().all(is_secret) && !(by_key && self.shared_keys.is_empty()),
                "shared_keys",
                "at least one shared key for HMAC_SHA256",
            ),
        ]
    }

    fn senders(&self) -> [Check; 4] {
        let service = self.messaging_service_sid.as_deref();
        [
            (
                self.sender.as_deref().map_or_else(|| service.is_some(), is_sender),
                "sender",
                "a number like +14155550100, a short code, a name of up to 11 letters and digits, \
                 whatsapp:+14155550100 or rcs:name; or messaging_service_sid instead",
            ),
            (
                service.is_none_or(|sid| is_sid(sid, "MG")),
                "messaging_service_sid",
                "a messaging service's SID: MG and 32 hexadecimal digits",
            ),
            ((70..=LONGEST_TEXT).contains(&self.text_limit), "text_limit", "70 to 1600"),
            (
                self.content_sids.values().all(|sid| is_sid(sid, "HX")),
                "content_sids",
                "names of templates, each with its SID: HX and 32 hexadecimal digits",
            ),
        ]
    }

    fn places(&self) -> [Check; 4] {
        let absent_or = |address: &Option<String>| address.as_deref().is_none_or(is_base);
        [
            (is_base(&self.base_url), "base_url", ADDRESS),
            (absent_or(&self.content_url), "content_url", ADDRESS),
            (absent_or(&self.messaging_url), "messaging_url", ADDRESS),
            (
                self.status_callback.as_deref().is_none_or(is_callback),
                "status_callback",
                "the public http or https address of this channel's callback, without user",
            ),
        ]
    }
}

fn is_sender(sender: &str) -> bool {
    let (carrier, name) = Carrier::of(sender);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'&' | b'+');
    match carrier {
        Carrier::Whatsapp => phone(name).is_some(),
        Carrier::Rcs => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()),
        Carrier::Sms if name.starts_with('+') => phone(name).is_some(),
        Carrier::Sms => (1..=11).contains(&name.len()) && name.bytes().all(plain),
    }
}

fn is_secret(secret: &Secret) -> bool {
    let secret = secret.reveal();
    !secret.is_empty() && secret.chars().all(|character| character.is_ascii_graphic())
}

fn is_base(text: &str) -> bool {
    is_callback(text) && Url::parse(text).is_ok_and(|url| url.query().is_none() && url.fragment().is_none())
}

fn is_callback(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        web && url.username().is_empty() && url.password().is_none()
    })
}
