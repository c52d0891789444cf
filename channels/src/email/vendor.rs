//! Mail as a [`Vendor`]: hands each question to the file that answers it, and decides nothing.

use super::{Provider, Settings, outcome, parse, render, verify};
use crate::contract::capabilities::{
    ButtonRule, Capabilities, ListRule, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule,
};
use crate::contract::failure::Failure;
use crate::contract::inbound::Parsed;
use crate::contract::mail::{Inbox, Reply};
use crate::contract::outbound::{Outbound, Sent};
use crate::contract::request::Dispatch;
use crate::contract::vendor::{Acknowledgement, Addressees, Delivery, Problem, Protocol, Rotating, Untaken, Vendor};

/// Mail, before any settings are known.
pub const PROTOCOL: Protocol = Protocol {
    settings: &[
        "address",
        "name",
        "from_name",
        "aliases",
        "provider",
        "signing_key",
        "signing_keys",
        "public_key",
        "webhook_user",
        "webhook_password",
        "topic_arn",
        "topic_arns",
        "signing_certificates",
        "allow_sha1",
        "trusted_authserv",
        "smtp_host",
        "smtp_port",
        "smtp_tls",
        "smtp_user",
        "smtp_password",
        "imap_host",
        "imap_port",
        "imap_tls",
        "imap_user",
        "imap_password",
        "imap_mailbox",
        "imap_mark_seen",
        "reply_secret",
        "reply_marker",
        "mark_automatic",
    ],
    rotating: &[Rotating { setting: "signing_keys", spelling: Some("signing_key"), accepted_in: "signing_keys" }],
    read: |settings| {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Ok(Box::new(settings))
    },
    // Only raw mail says outside of its body whom it is for; else whose secret signed it tells whose it is.
    addressees: |delivery| Addressees { accounts: verify::envelope_accounts(delivery), businesses: Vec::new() },
    share: None,
    acknowledgement: Acknowledgement { content_type: "text/plain", body: "" },
    delivers_by_get: false,
    // The largest mail that any of the providers passes on, in base64.
    largest_delivery: 48 * 1024 * 1024,
};

const fn attached(kind: MediaKind) -> MediaRule {
    MediaRule { kind, types: &[], most_bytes: render::MOST_FILE_BYTES, caption_limit: render::LONGEST_TEXT }
}

/// What a mail can carry.
const CAPABILITIES: Capabilities = Capabilities {
    text: TextRule { limit: render::LONGEST_TEXT, unit: Unit::Characters },
    buttons: Some(ButtonRule { most: 20, title_limit: 200, text_limit: render::LONGEST_TEXT }),
    list: Some(ListRule { most: 100, title_limit: 200, description_limit: 500, text_limit: render::LONGEST_TEXT }),
    link_buttons: true,
    media: &[
        attached(MediaKind::Image),
        attached(MediaKind::Video),
        attached(MediaKind::Audio),
        attached(MediaKind::Document),
        attached(MediaKind::Sticker),
    ],
    media_by: MediaBy::Attachment,
    location: true,
    contacts: true,
    templates: false,
    reactions: false,
    replies: true,
    typing: false,
    seen: false,
    receipts: true,
    threads: true,
    window: WindowRule::None,
};

impl Vendor for Settings {
    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn capabilities(&self) -> Capabilities {
        // A mail server says that it has taken a mail, and nobody says more.
        let receipts = !matches!(self.provider, Provider::Generic | Provider::Imap);
        Capabilities { receipts, ..CAPABILITIES }
    }

    fn account(&self) -> Option<String> {
        Some(self.address.clone())
    }

    fn certificate_needed(&self, delivery: &Delivery<'_>) -> Option<String> {
        verify::certificate_needed(self, delivery)
    }

    fn with_certificates(&self, certificates: &[String]) -> Option<Box<dyn Vendor>> {
        let signing_certificates = self.signing_certificates.iter().chain(certificates).cloned().collect();
        (self.provider == Provider::Ses).then(|| Box::new(Self { signing_certificates, ..self.clone() }) as Box<_>)
    }

    fn used_once(&self, delivery: &Delivery<'_>) -> Option<String> {
        verify::token(self, delivery)
    }

    fn inbox(&self) -> Option<Inbox> {
        self.mailbox()
    }

    fn verifies(&self, delivery: &Delivery<'_>) -> bool {
        verify::delivery(self, delivery).is_ok()
    }

    fn take(&self, delivery: &Delivery<'_>) -> Result<Parsed, Untaken> {
        let verified = verify::delivery(self, delivery).map_err(|_| Untaken::Unverified)?;
        parse::delivery(self, &verified).map_err(Untaken::Malformed)
    }

    fn take_again(&self, delivery: &Delivery<'_>) -> Result<Parsed, String> {
        parse::delivery(self, &verify::Verified::kept(*delivery))
    }

    fn render(&self, outbound: &Outbound<'_>) -> Result<Dispatch, Failure> {
        render::message(self, outbound).map(|mail| Dispatch::Mail(Box::new(mail)))
    }

    fn mailed(&self, mail_id: &str, reply: &Reply) -> Sent {
        outcome::mailed(mail_id, reply)
    }
}
