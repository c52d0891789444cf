//! SMS, MMS and WhatsApp through Twilio: how a sender is set up, and what follows from its kind.

mod capabilities;
pub mod outcome;
pub mod parse;
mod problems;
pub mod render;
pub mod segments;
mod vendor;
pub mod verify;
mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::contract::credentials::Secret;
pub use vendor::PROTOCOL;

const DEFAULT_BASE_URL: &str = "https://api.twilio.com";
const DEFAULT_CONTENT_URL: &str = "https://content.twilio.com";
const DEFAULT_MESSAGING_URL: &str = "https://messaging.twilio.com";
/// Longest text of one message, in UTF-16 units.
const LONGEST_TEXT: usize = 1_600;

/// How deliveries are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// By an auth token.
    #[default]
    #[serde(rename = "HMAC_SHA1", alias = "hmac_sha1")]
    HmacSha1,
    /// By a shared key of the vendor's webhook configuration; the old algorithm is refused.
    #[serde(rename = "HMAC_SHA256", alias = "hmac_sha256")]
    HmacSha256,
    /// By either, each with its own keys: while one replaces the other.
    #[serde(rename = "either")]
    Either,
}

/// What kind of sender it is: it decides addresses, limits and the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// SMS and MMS.
    Sms,
    /// WhatsApp.
    Whatsapp,
    /// Rich texts of the phone's own messenger.
    Rcs,
}

impl Carrier {
    /// What stands before the vendor's addresses of this carrier.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Sms => "",
            Self::Whatsapp => "whatsapp:",
            Self::Rcs => "rcs:",
        }
    }

    /// The carrier of an address, and the address without its prefix.
    pub(crate) fn of(address: &str) -> (Self, &str) {
        let address = address.trim();
        for carrier in [Self::Whatsapp, Self::Rcs] {
            let prefix = carrier.prefix();
            if let (Some(head), Some(rest)) = (address.get(..prefix.len()), address.get(prefix.len()..))
                && head.eq_ignore_ascii_case(prefix)
            {
                return (carrier, rest);
            }
        }
        (Self::Sms, address)
    }
}

/// How one sender is reached. Absent members take their default, so that [`Settings::problems`] can name every problem
/// at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The account, `AC…`.
    pub account_sid: String,
    /// The API key that calls are made with, `SK…`; without one, calls are made with the auth token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_sid: Option<String>,
    /// The API key's secret. It cannot check signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_secret: Option<Secret>,
    /// The account's auth token: calls are made with it where there is no API key, and it may sign deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<Secret>,
    /// Further auth tokens that may sign deliveries, while they rotate. Also read from a single string.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub auth_tokens: Vec<Secret>,
    /// How deliveries are signed.
    pub signature_algorithm: Algorithm,
    /// The shared keys that may sign deliveries by HMAC-SHA256. Also read from `shared_key` and a single string.
    #[serde(alias = "shared_key", deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub shared_keys: Vec<Secret>,
    /// The sender: `+14155550100`, a short code, a name, `whatsapp:+14155550100` or `rcs:name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The messaging service that sends, `MG…`; alone or beside a sender that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messaging_service_sid: Option<String>,
    /// Where the vendor is.
    pub base_url: String,
    /// Where its templates are. Absent: the vendor's own host, or `base_url` where that is a stand-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_url: Option<String>,
    /// Where its messaging services and typing signs are. Absent: as for templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messaging_url: Option<String>,
    /// The public address of our callback, to which statuses are sent; our message id is added to its query. A
    /// fragment with connection settings replaces ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_callback: Option<String>,
    /// Whether an SMS sender takes files. Absent: numbers of +1, short codes and messaging services do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mms: Option<bool>,
    /// Longest text of one message in UTF-16 units, 70 to 1600: less means fewer parts of an SMS a message.
    pub text_limit: usize,
    /// Further words, alone in a message, by which people opt out.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub stop_words: Vec<String>,
    /// Further words, alone in a message, by which people opt in again.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub start_words: Vec<String>,
    /// Reads long SMS that a carrier wrapped in base64.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub decode_base64: bool,
    /// Templates by a friendly name, or `name/language` where one name has several: their `HX…`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub content_sids: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account_sid: String::new(),
            api_key_sid: None,
            api_key_secret: None,
            auth_token: None,
            auth_tokens: Vec::new(),
            signature_algorithm: Algorithm::default(),
            shared_keys: Vec::new(),
            sender: None,
            messaging_service_sid: None,
            base_url: DEFAULT_BASE_URL.to_owned(),
            content_url: None,
            messaging_url: None,
            status_callback: None,
            mms: None,
            text_limit: LONGEST_TEXT,
            stop_words: Vec::new(),
            start_words: Vec::new(),
            decode_base64: false,
            content_sids: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The auth tokens that may sign deliveries.
    pub(crate) fn signing_tokens(&self) -> impl Iterator<Item = &Secret> {
        self.auth_tokens.iter().chain(&self.auth_token)
    }

    /// What carries this channel's messages.
    pub(crate) fn carrier(&self) -> Carrier {
        self.sender.as_deref().map_or(Carrier::Sms, |sender| Carrier::of(sender).0)
    }

    /// The id by which deliveries name this channel: the sender, or the messaging service where there is none.
    pub(crate) fn account_id(&self) -> Option<String> {
        self.sender.as_deref().map(str::trim).or(self.messaging_service_sid.as_deref()).map(str::to_owned)
    }

    /// Where templates are.
    pub(crate) fn content_base(&self) -> &str {
        self.beside(self.content_url.as_deref(), DEFAULT_CONTENT_URL)
    }

    /// Where messaging services are.
    pub(crate) fn messaging_base(&self) -> &str {
        self.beside(self.messaging_url.as_deref(), DEFAULT_MESSAGING_URL)
    }

    fn beside<'a>(&'a self, set: Option<&'a str>, own: &'a str) -> &'a str {
        let base = self.base_url.trim_end_matches('/');
        set.unwrap_or(if base == DEFAULT_BASE_URL { own } else { base }).trim_end_matches('/')
    }

    /// Whether the credentials may be shown there.
    pub(crate) fn trusts(&self, url: &Url) -> bool {
        let bare = url.username().is_empty() && url.password().is_none();
        bare && Url::parse(&self.base_url).is_ok_and(|base| base.origin() == url.origin() && url.has_host())
    }
}

/// Whether a text is an id of the vendor with this prefix.
pub(crate) fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A phone number as digits with country code; nothing when it is something else.
pub(crate) fn phone(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('+')?;
    ((7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

fn one_or_many<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}
