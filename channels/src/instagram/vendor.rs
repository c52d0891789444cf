//! Instagram as a [`Vendor`]: hands each question to the file that answers it, and decides nothing.

use super::{PRODUCT, Settings, outcome, parse, render, verify};
use crate::contract::capabilities::Capabilities;
use crate::contract::failure::Failure;
use crate::contract::inbound::Parsed;
use crate::contract::outbound::{Outbound, Profile, Sent, Sign};
use crate::contract::peer::Identity;
use crate::contract::request::{Dispatch, Request};
use crate::contract::vendor::{
    Acknowledgement, Addressees, Delivery, Finding, HandshakeRefusal, Probe, Problem, Protocol, Untaken, Vendor,
};
use crate::meta::envelope;

/// Instagram, before any settings are known.
pub const PROTOCOL: Protocol = Protocol {
    settings: &[
        "account_id",
        "page_id",
        "access_token",
        "app_secret",
        "app_secrets",
        "verify_token",
        "app_id",
        "base_url",
        "api_version",
        "media_hosts",
        "window_hours",
    ],
    rotating: &[verify::ROTATING],
    read: |settings| {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Ok(Box::new(settings))
    },
    addressees: |delivery| Addressees { accounts: parse::addressed(delivery.body), businesses: Vec::new() },
    share: Some(envelope::share),
    acknowledgement: Acknowledgement { content_type: "text/plain", body: "" },
    delivers_by_get: false,
    largest_delivery: 0,
};

impl Vendor for Settings {
    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn capabilities(&self) -> Capabilities {
        self.access.capabilities(PRODUCT.capabilities)
    }

    fn account(&self) -> Option<String> {
        Some(self.account_id.clone())
    }

    fn handshake(&self, query: &[(String, String)]) -> Result<String, HandshakeRefusal> {
        verify::query(query, &self.access.verify_token)
    }

    fn handshake_request(&self, callback: &str, challenge: &str) -> Option<Request> {
        Some(verify::handshake_request(callback, challenge, &self.access.verify_token))
    }

    fn verifies(&self, delivery: &Delivery<'_>) -> bool {
        verify::delivery(delivery, &self.access.app_secrets).is_ok()
    }

    fn take(&self, delivery: &Delivery<'_>) -> Result<Parsed, Untaken> {
        let verified = verify::delivery(delivery, &self.access.app_secrets).map_err(|_| Untaken::Unverified)?;
        parse::delivery(self, &verified).map_err(|malformed| Untaken::Malformed(malformed.to_string()))
    }

    fn take_again(&self, delivery: &Delivery<'_>) -> Result<Parsed, String> {
        parse::delivery(self, &verify::Verified::kept(delivery.body)).map_err(|malformed| malformed.to_string())
    }

    fn render(&self, outbound: &Outbound<'_>) -> Result<Dispatch, Failure> {
        render::message(self, outbound).map(Dispatch::Http)
    }

    fn outcome(&self, status: u16, body: &[u8]) -> Sent {
        outcome::sent(status, body)
    }

    fn sign(&self, sign: Sign, to: &[Identity], _last: Option<&str>) -> Result<Request, Failure> {
        render::sign(self, sign, to)
    }

    fn media_download(&self, url: &str) -> Result<Request, Failure> {
        render::media_download(self, url)
    }

    fn profile(&self, of: &Identity) -> Result<Request, Failure> {
        render::profile(self, of)
    }

    fn profiled(&self, status: u16, body: &[u8]) -> Result<Profile, Failure> {
        outcome::profile(status, body)
    }

    fn probes(&self) -> Vec<Probe> {
        vec![
            Probe { about: "the access token reaches the account", request: render::account_check(self) },
            Probe { about: "the fields of the webhook are subscribed", request: render::subscriptions(self) },
        ]
    }

    fn finding(&self, probe: usize, status: u16, body: &[u8]) -> Finding {
        outcome::finding(self, probe, status, body)
    }
}
