//! Settings that both products have: how an account is reached, and what its deliveries prove themselves by.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::contract::capabilities::{Capabilities, WindowRule};
use crate::contract::credentials::Secret;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::request::{Body, Method, Request};
use crate::contract::vendor::Problem;
use crate::meta::graph::Graph;
use crate::meta::settings::{
    DEFAULT_API_VERSION, is_base, is_digits, is_host, is_secret, is_version, one_or_many, optional_digits, trusts,
};

/// The longest window that the vendor's policy knows, in hours.
const LONGEST_WINDOW: u32 = 7 * 24;
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// How an account is reached. Absent members take their default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// The bearer token of every call.
    pub access_token: Secret,
    /// The secrets that may sign deliveries; more than one while they rotate. Also read from `app_secret` and from a
    /// single string.
    #[serde(alias = "app_secret", deserialize_with = "one_or_many")]
    pub app_secrets: Vec<Secret>,
    /// The token of the callback handshake.
    pub verify_token: Secret,
    /// The vendor's id of our app, digits: tells our own echoes from those of other apps, and who holds a thread.
    #[serde(deserialize_with = "optional_digits", skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Where the vendor is; absent: the product's own host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The version segment of every path, for example `v24.0`.
    pub api_version: String,
    /// Hosts (`host`, `host:port`, or `*.host`) that files may be fetched from over https; absent: the product's own.
    /// The origin of a stand-in's `base_url` is allowed too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_hosts: Option<Vec<String>>,
    /// How long after a person's last message free-form messages go out, in hours.
    pub window_hours: u32,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            access_token: Secret::new(""),
            app_secrets: Vec::new(),
            verify_token: Secret::new(""),
            app_id: None,
            base_url: None,
            api_version: DEFAULT_API_VERSION.to_owned(),
            media_hosts: None,
            window_hours: 24,
        }
    }
}

impl Access {
    /// Names every setting that cannot work; empty when all is well.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let checks = [
            (is_secret(&self.access_token), "access_token", "a token of visible ASCII characters"),
            (
                !self.app_secrets.is_empty() && self.app_secrets.iter().all(is_secret),
                "app_secret",
                "at least one secret, none of them empty or with blanks",
            ),
            (!self.verify_token.reveal().trim().is_empty(), "verify_token", "a word of your choice, not empty"),
            (self.app_id.as_deref().is_none_or(is_digits), "app_id", "the app's id: 1 to 32 digits"),
            (
                self.base_url.as_deref().is_none_or(is_base),
                "base_url",
                "an http or https address without query, fragment and user",
            ),
            (is_version(&self.api_version), "api_version", "v, digits, a dot, digits: v24.0"),
            (
                self.media_hosts.iter().flatten().all(|host| is_host(host)),
                "media_hosts",
                "host names without scheme and path; *.host for all below one",
            ),
            ((1..=LONGEST_WINDOW).contains(&self.window_hours), "window_hours", "hours: 1 to 168"),
        ];
        let bad = checks.into_iter().filter(|(sound, ..)| !sound);
        bad.map(|(_, field, expected)| Problem { field, expected }).collect()
    }

    /// Calls of the vendor's API, which is at `host` unless the settings say otherwise.
    pub(crate) fn graph<'a>(&'a self, host: &'a str) -> Graph<'a> {
        Graph {
            base_url: self.base_url.as_deref().unwrap_or(host),
            api_version: &self.api_version,
            access_token: &self.access_token,
        }
    }

    /// What the product can carry, with the window of these settings.
    pub(crate) fn capabilities(&self, usual: Capabilities) -> Capabilities {
        let WindowRule::SinceLastInbound { human_length_ms, .. } = usual.window else { return usual };
        let length_ms = i64::from(self.window_hours) * HOUR_MS;
        Capabilities { window: WindowRule::SinceLastInbound { length_ms, human_length_ms }, ..usual }
    }

    /// Renders the download of a file. Its address is signed: the token stays here.
    ///
    /// # Errors
    /// `MEDIA_REJECTED` for an address that is not on the channel's list of media hosts.
    pub(crate) fn download(&self, host: &str, usual_hosts: &[&str], url: &str) -> Result<Request, Failure> {
        let stand_in = self.base_url.as_deref().filter(|base| base.trim_end_matches('/') != host);
        let usual: Vec<String>;
        let hosts = match &self.media_hosts {
            Some(hosts) => hosts,
            None => {
                usual = usual_hosts.iter().map(|host| (*host).to_owned()).collect();
                &usual
            }
        };
        match Url::parse(url) {
            Ok(url) if trusts(hosts, stand_in, &url) => {
                Ok(Request { method: Method::Get, url: url.into(), authorisation: None, body: Body::Empty })
            }
            _ => {
                let message = "The file's address is not on one of the channel's media hosts.";
                Err(Failure::new("MEDIA_REJECTED", message, Retry::Never, Fault::Vendor))
            }
        }
    }
}
