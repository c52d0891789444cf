//! WhatsApp Cloud API: what it can carry and how a channel of it is set up.

pub mod outcome;
pub mod parse;
pub mod render;
mod vendor;
pub mod verify;
mod wire;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::contract::credentials::Secret;
use crate::contract::vendor::Problem;
use crate::meta::graph::Graph;
use crate::meta::settings::{
    DEFAULT_API_VERSION, digits, is_base, is_digits, is_host, is_secret, is_version, one_or_many, optional_digits,
    trusts,
};
pub use vendor::PROTOCOL;

const DEFAULT_BASE_URL: &str = "https://graph.facebook.com";
const DEFAULT_MEDIA_HOST: &str = "lookaside.fbsbx.com";

/// How one WhatsApp number is reached. Absent members take their default, so that [`Settings::problems`] can name every
/// problem at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The vendor's id of the number, digits.
    #[serde(deserialize_with = "digits")]
    pub phone_number_id: String,
    /// The vendor's id of the business account above it, digits; needed for templates.
    #[serde(deserialize_with = "optional_digits", skip_serializing_if = "Option::is_none")]
    pub waba_id: Option<String>,
    /// The bearer token of every call.
    pub access_token: Secret,
    /// The secrets that may sign deliveries; more than one while they rotate. Also read from `app_secret` and from a
    /// single string.
    #[serde(alias = "app_secret", deserialize_with = "one_or_many")]
    pub app_secrets: Vec<Secret>,
    /// The token of the callback handshake.
    pub verify_token: Secret,
    /// Where the vendor is.
    pub base_url: String,
    /// The version segment of every path, for example `v24.0`.
    pub api_version: String,
    /// Hosts (or `host:port`) that media may be fetched from over https with the token. The origin of a `base_url`
    /// that is not the default is allowed too.
    pub media_hosts: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            phone_number_id: String::new(),
            waba_id: None,
            access_token: Secret::new(""),
            app_secrets: Vec::new(),
            verify_token: Secret::new(""),
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_version: DEFAULT_API_VERSION.to_owned(),
            media_hosts: vec![DEFAULT_MEDIA_HOST.to_owned()],
        }
    }
}

impl Settings {
    /// Names every setting that cannot work; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let checks = [
            (is_digits(&self.phone_number_id), "phone_number_id", "the number's id: 1 to 32 digits"),
            (self.waba_id.as_deref().is_none_or(is_digits), "waba_id", "the business account's id: 1 to 32 digits"),
            (is_secret(&self.access_token), "access_token", "a token of visible ASCII characters"),
            (
                !self.app_secrets.is_empty() && self.app_secrets.iter().all(is_secret),
                "app_secret",
                "at least one secret, none of them empty or with blanks",
            ),
            (!self.verify_token.reveal().trim().is_empty(), "verify_token", "a word of your choice, not empty"),
            (is_base(&self.base_url), "base_url", "an http or https address without query, fragment and user"),
            (is_version(&self.api_version), "api_version", "v, digits, a dot, digits: v24.0"),
            (self.media_hosts.iter().all(|host| is_host(host)), "media_hosts", "host names without scheme and path"),
        ];
        let bad = checks.into_iter().filter(|(sound, ..)| !sound);
        bad.map(|(_, field, expected)| Problem { field, expected }).collect()
    }

    /// Whether media may be fetched from there, token in hand.
    pub(crate) fn trusts(&self, url: &Url) -> bool {
        // A stand-in serves its own media; the vendor's API host serves none.
        let stand_in = (self.base_url.trim_end_matches('/') != DEFAULT_BASE_URL).then_some(self.base_url.as_str());
        trusts(&self.media_hosts, stand_in, url)
    }

    /// Calls of the vendor's API.
    pub(crate) fn graph(&self) -> Graph<'_> {
        Graph { base_url: &self.base_url, api_version: &self.api_version, access_token: &self.access_token }
    }
}
