//! Telegram as a [`Vendor`]: hands each question to the file that answers it, and decides nothing.

use super::{CAPABILITIES, Settings, outcome, parse, render, verify};
use crate::contract::capabilities::Capabilities;
use crate::contract::failure::Failure;
use crate::contract::inbound::Parsed;
use crate::contract::outbound::{MediaLink, Outbound, Profile, Sent, Sign};
use crate::contract::peer::Identity;
use crate::contract::request::{Dispatch, Request};
use crate::contract::vendor::{
    Acknowledgement, Addressees, Delivery, Finding, Probe, Problem, Protocol, Untaken, Vendor,
};

/// Telegram, before any settings are known.
pub const PROTOCOL: Protocol = Protocol {
    settings: &["bot_token", "secret_tokens", "secret_token", "base_url", "status_callback"],
    rotating: &[verify::ROTATING],
    read: |settings| {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Ok(Box::new(settings))
    },
    // Deliveries name no bot: the secret token alone tells whose they are.
    addressees: |_| Addressees { accounts: Vec::new(), businesses: Vec::new() },
    share: None,
    acknowledgement: Acknowledgement { content_type: "text/plain", body: "" },
    delivers_by_get: false,
    largest_delivery: 0,
};

impl Vendor for Settings {
    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn account(&self) -> Option<String> {
        self.bot_id().map(str::to_owned)
    }

    fn verifies(&self, delivery: &Delivery<'_>) -> bool {
        verify::secret(delivery, &self.secret_tokens).is_ok()
    }

    fn take(&self, delivery: &Delivery<'_>) -> Result<Parsed, Untaken> {
        let verified = verify::secret(delivery, &self.secret_tokens).map_err(|_| Untaken::Unverified)?;
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

    fn sign(&self, sign: Sign, to: &[Identity], last: Option<&str>) -> Result<Request, Failure> {
        render::sign(self, sign, to, last)
    }

    fn media_lookup(&self, media_id: &str) -> Result<Request, Failure> {
        render::media_lookup(self, media_id)
    }

    fn media_link(&self, status: u16, body: &[u8]) -> Result<MediaLink, Failure> {
        outcome::media_link(self, status, body)
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
            Probe { about: "the token reaches the bot", request: render::question(self, "getMe") },
            Probe { about: "the bot's messages come here", request: render::question(self, "getWebhookInfo") },
        ]
    }

    fn finding(&self, probe: usize, status: u16, body: &[u8]) -> Finding {
        outcome::finding(self, probe, status, body)
    }
}
