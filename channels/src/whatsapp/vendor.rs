//! WhatsApp as a [`Vendor`]: hands each question to the file that answers it, and decides nothing.

use super::{Settings, outcome, parse, render, verify};
use crate::contract::capabilities::{
    ButtonRule, Capabilities, ListRule, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule,
};
use crate::contract::failure::{DraftRefused, Failure};
use crate::contract::inbound::{Notice, Parsed, TemplateNews};
use crate::contract::outbound::{MediaLink, Outbound, Sent, Sign, TemplateDraft, TemplateInfo};
use crate::contract::peer::Identity;
use crate::contract::request::{Dispatch, Request};
use crate::contract::vendor::{
    Acknowledgement, Addressees, Delivery, Finding, HandshakeRefusal, Probe, Problem, Protocol, Untaken, Vendor,
};
use crate::meta::envelope;

/// WhatsApp, before any settings are known.
pub const PROTOCOL: Protocol = Protocol {
    settings: &[
        "phone_number_id",
        "waba_id",
        "access_token",
        "app_secret",
        "app_secrets",
        "verify_token",
        "base_url",
        "api_version",
        "media_hosts",
    ],
    rotating: &[verify::ROTATING],
    read: |settings| {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Ok(Box::new(settings))
    },
    addressees: |delivery| {
        let addressed = parse::addressed(delivery.body);
        Addressees { accounts: addressed.phone_number_ids, businesses: addressed.business_ids }
    },
    share: Some(envelope::share),
    acknowledgement: Acknowledgement { content_type: "text/plain", body: "" },
    delivers_by_get: false,
    largest_delivery: 0,
};

const MEGABYTE: u64 = 1024 * 1024;

/// What WhatsApp can carry.
const CAPABILITIES: Capabilities = Capabilities {
    text: TextRule { limit: 4_096, unit: Unit::Characters },
    buttons: Some(ButtonRule { most: 3, title_limit: 20, text_limit: 1_024 }),
    list: Some(ListRule { most: 10, title_limit: 24, description_limit: 72, text_limit: 4_096 }),
    link_buttons: true,
    media: &[
        MediaRule {
            kind: MediaKind::Image,
            types: &["image/jpeg", "image/png"],
            most_bytes: 5 * MEGABYTE,
            caption_limit: 1_024,
        },
        MediaRule {
            kind: MediaKind::Video,
            types: &["video/mp4", "video/3gpp"],
            most_bytes: 16 * MEGABYTE,
            caption_limit: 1_024,
        },
        MediaRule {
            kind: MediaKind::Audio,
            types: &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"],
            most_bytes: 16 * MEGABYTE,
            caption_limit: 0,
        },
        MediaRule { kind: MediaKind::Document, types: &[], most_bytes: 100 * MEGABYTE, caption_limit: 1_024 },
        MediaRule { kind: MediaKind::Sticker, types: &["image/webp"], most_bytes: 500 * 1024, caption_limit: 0 },
    ],
    media_by: MediaBy::Upload,
    location: true,
    contacts: true,
    templates: true,
    reactions: true,
    replies: true,
    typing: true,
    seen: true,
    receipts: true,
    threads: false,
    window: WindowRule::SinceLastInbound { length_ms: 24 * 60 * 60 * 1_000, human_length_ms: None },
};

impl Vendor for Settings {
    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn account(&self) -> Option<String> {
        Some(self.phone_number_id.clone())
    }

    fn business(&self) -> Option<String> {
        self.waba_id.clone()
    }

    fn handshake(&self, query: &[(String, String)]) -> Result<String, HandshakeRefusal> {
        verify::query(query, &self.verify_token)
    }

    fn handshake_request(&self, callback: &str, challenge: &str) -> Option<Request> {
        Some(verify::handshake_request(callback, challenge, &self.verify_token))
    }

    fn verifies(&self, delivery: &Delivery<'_>) -> bool {
        verify::delivery(delivery, &self.app_secrets).is_ok()
    }

    fn take(&self, delivery: &Delivery<'_>) -> Result<Parsed, Untaken> {
        let verified = verify::delivery(delivery, &self.app_secrets).map_err(|_| Untaken::Unverified)?;
        parse::delivery(&verified).map_err(|malformed| Untaken::Malformed(malformed.to_string()))
    }

    fn take_again(&self, delivery: &Delivery<'_>) -> Result<Parsed, String> {
        parse::delivery(&verify::Verified::kept(delivery.body)).map_err(|malformed| malformed.to_string())
    }

    fn render(&self, outbound: &Outbound<'_>) -> Result<Dispatch, Failure> {
        render::message(self, outbound).map(Dispatch::Http)
    }

    fn outcome(&self, status: u16, body: &[u8]) -> Sent {
        outcome::sent(status, body)
    }

    fn sign(&self, sign: Sign, _to: &[Identity], last: Option<&str>) -> Result<Request, Failure> {
        render::read_mark(self, last.unwrap_or_default(), sign == Sign::Typing)
    }

    fn media_lookup(&self, media_id: &str) -> Result<Request, Failure> {
        render::media_lookup(self, media_id)
    }

    fn media_link(&self, status: u16, body: &[u8]) -> Result<MediaLink, Failure> {
        outcome::media_link(status, body)
    }

    fn media_download(&self, url: &str) -> Result<Request, Failure> {
        render::media_download(self, url)
    }

    fn media_upload(&self, mime_type: &str, filename: &str) -> Result<Request, Failure> {
        Ok(render::media_upload(self, mime_type, filename))
    }

    fn uploaded(&self, status: u16, body: &[u8]) -> Result<String, Failure> {
        outcome::uploaded(status, body)
    }

    fn templates(&self, after: Option<&str>) -> Result<Request, Failure> {
        render::templates(self, after)
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

    fn template_removal(&self, id: Option<&str>, name: &str) -> Result<Request, Failure> {
        render::template_removal(self, id, name)
    }

    fn removed_template(&self, status: u16, body: &[u8]) -> Result<(), Failure> {
        outcome::removed_template(status, body)
    }

    fn template_news(&self, notice: &Notice) -> Option<TemplateNews> {
        outcome::template_news(notice)
    }

    fn probes(&self) -> Vec<Probe> {
        let number = Probe { about: "the access token reaches the number", request: render::account_check(self) };
        let apps = render::subscriptions(self);
        let apps = apps.map(|request| Probe { about: "deliveries of the account have somewhere to go", request });
        [Some(number), apps].into_iter().flatten().collect()
    }

    fn finding(&self, probe: usize, status: u16, body: &[u8]) -> Finding {
        outcome::finding(probe, status, body)
    }
}
