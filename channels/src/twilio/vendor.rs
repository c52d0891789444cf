//! Twilio as a [`Vendor`]: hands each question to the file that answers it, and decides nothing.

use super::{Settings, capabilities, outcome, parse, render, verify};
use crate::contract::capabilities::Capabilities;
use crate::contract::failure::{DraftRefused, Failure};
use crate::contract::inbound::Parsed;
use crate::contract::outbound::{Outbound, Sent, Sign, TemplateDraft, TemplateInfo};
use crate::contract::peer::Identity;
use crate::contract::request::{Dispatch, Request};
use crate::contract::vendor::{
    Acknowledgement, Addressees, Delivery, Finding, Probe, Problem, Protocol, Rotating, Untaken, Vendor,
};

/// Twilio, before any settings are known.
pub const PROTOCOL: Protocol = Protocol {
    settings: &[
        "account_sid",
        "api_key_sid",
        "api_key_secret",
        "auth_token",
        "auth_tokens",
        "signature_algorithm",
        "shared_key",
        "shared_keys",
        "sender",
        "messaging_service_sid",
        "base_url",
        "content_url",
        "messaging_url",
        "status_callback",
        "mms",
        "text_limit",
        "stop_words",
        "start_words",
        "decode_base64",
        "content_sids",
    ],
    rotating: &[
        Rotating { setting: "auth_token", spelling: None, accepted_in: "auth_tokens" },
        Rotating { setting: "auth_tokens", spelling: None, accepted_in: "auth_tokens" },
        Rotating { setting: "shared_keys", spelling: Some("shared_key"), accepted_in: "shared_keys" },
    ],
    read: |settings| {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Ok(Box::new(settings))
    },
    addressees: |delivery: &Delivery<'_>| -> Addressees { parse::addressed(delivery) },
    share: None,
    // Any text would be sent to the person as a message.
    acknowledgement: Acknowledgement {
        content_type: "text/xml",
        body: "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>",
    },
    delivers_by_get: true,
    largest_delivery: 0,
};

impl Vendor for Settings {
    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn capabilities(&self) -> Capabilities {
        capabilities::of(self)
    }

    fn account(&self) -> Option<String> {
        self.account_id()
    }

    fn business(&self) -> Option<String> {
        Some(self.account_sid.clone())
    }

    fn verifies(&self, delivery: &Delivery<'_>) -> bool {
        verify::signature(delivery, self).is_ok()
    }

    fn take(&self, delivery: &Delivery<'_>) -> Result<Parsed, Untaken> {
        let verified = verify::signature(delivery, self).map_err(|_| Untaken::Unverified)?;
        parse::delivery(&verified, self).map_err(|malformed| Untaken::Malformed(malformed.to_string()))
    }

    fn take_again(&self, delivery: &Delivery<'_>) -> Result<Parsed, String> {
        parse::delivery(&verify::Verified::kept(delivery), self).map_err(|malformed| malformed.to_string())
    }

    fn render(&self, outbound: &Outbound<'_>) -> Result<Dispatch, Failure> {
        render::message(self, outbound).map(Dispatch::Http)
    }

    fn outcome(&self, status: u16, body: &[u8]) -> Sent {
        outcome::sent(status, body)
    }

    fn sign(&self, sign: Sign, _to: &[Identity], last: Option<&str>) -> Result<Request, Failure> {
        render::sign(self, sign, last.unwrap_or_default())
    }

    fn media_download(&self, url: &str) -> Result<Request, Failure> {
        render::media_download(self, url)
    }

    fn templates(&self, after: Option<&str>) -> Result<Request, Failure> {
        Ok(render::templates(self, after))
    }

    fn listed_templates(&self, status: u16, body: &[u8]) -> Result<(Vec<TemplateInfo>, Option<String>), Failure> {
        outcome::templates(status, body)
    }

    fn template_creation(&self, draft: &TemplateDraft) -> Result<Request, DraftRefused> {
        render::template_creation(self, draft)
    }

    fn created_template(&self, draft: &TemplateDraft, status: u16, body: &[u8]) -> Result<TemplateInfo, DraftRefused> {
        outcome::created_template(draft, status, body)
    }

    fn template_approval(&self, draft: &TemplateDraft, made: &TemplateInfo) -> Option<Request> {
        render::template_approval(self, draft, made)
    }

    fn requested_approval(&self, status: u16, body: &[u8]) -> Result<String, Failure> {
        outcome::requested_approval(status, body)
    }

    fn template_removal(&self, _id: Option<&str>, name: &str) -> Result<Request, Failure> {
        render::template_removal(self, name)
    }

    fn removed_template(&self, status: u16, body: &[u8]) -> Result<(), Failure> {
        outcome::removed_template(status, body)
    }

    fn probes(&self) -> Vec<Probe> {
        render::probes(self).into_iter().map(|(about, request)| Probe { about: about.words(), request }).collect()
    }

    fn finding(&self, probe: usize, status: u16, body: &[u8]) -> Finding {
        match render::probes(self).into_iter().nth(probe) {
            Some((about, _)) => outcome::finding(about, status, body),
            None => Finding { ok: false, what: "this channel has no such probe".to_owned(), remedy: None },
        }
    }
}
