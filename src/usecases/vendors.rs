//! The one place that knows which vendor's rules serve which kind of channel.

pub mod settings;

use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::contract::outbound::{MediaLink, Outbound, Sent, TemplateInfo};
use switchboard_channels::contract::request::Request;
use switchboard_channels::whatsapp;

use crate::domain::channels::Channel;

/// A channel's settings, understood.
#[derive(Debug, Clone)]
pub enum Vendor {
    /// WhatsApp Cloud API.
    Whatsapp(Box<whatsapp::Settings>),
    /// Our own widget or API: nothing to call.
    Ours,
}

/// What an unverified body says about whom it is for.
#[derive(Debug, Default)]
pub struct Addressees {
    /// Vendor ids of accounts.
    pub accounts: Vec<String>,
    /// Vendor ids of business accounts.
    pub businesses: Vec<String>,
}

/// Why a callback's body was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untaken {
    /// No secret matches.
    Unverified,
    /// It is verified, but no JSON of the vendor's shape.
    Malformed(String),
}

/// Why a handshake was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakeRefusal {
    /// A parameter is missing or unusable.
    Missing(String),
    /// The token is another one.
    Forbidden,
}

impl Vendor {
    /// Understands a channel's settings.
    ///
    /// # Errors
    /// They are not of its kind's shape.
    pub fn read(channel: &Channel) -> Result<Self, String> {
        match channel.kind {
            Kind::Whatsapp => serde_json::from_value(channel.settings.clone())
                .map(|settings| Self::Whatsapp(Box::new(settings)))
                .map_err(|error| error.to_string()),
            Kind::Widget | Kind::Api => Ok(Self::Ours),
        }
    }

    /// The secrets that may sign its deliveries.
    #[must_use]
    pub fn signing_secrets(&self) -> &[Secret] {
        match self {
            Self::Whatsapp(settings) => &settings.app_secrets,
            Self::Ours => &[],
        }
    }

    /// Answers the handshake by which a vendor checks a callback address.
    ///
    /// # Errors
    /// See [`HandshakeRefusal`].
    pub fn handshake(
        &self,
        mode: Option<&str>,
        token: Option<&str>,
        challenge: Option<&str>,
    ) -> Result<String, HandshakeRefusal> {
        match self {
            Self::Whatsapp(settings) => whatsapp::verify::handshake(mode, token, challenge, &settings.verify_token)
                .map_err(|refusal| match refusal {
                    whatsapp::verify::Refusal::Missing { parameter } => HandshakeRefusal::Missing(parameter.to_owned()),
                    whatsapp::verify::Refusal::Forbidden => HandshakeRefusal::Forbidden,
                }),
            Self::Ours => Err(HandshakeRefusal::Forbidden),
        }
    }

    /// The request that sends a message.
    ///
    /// # Errors
    /// The channel cannot carry it; nothing was sent.
    pub fn render(&self, outbound: &Outbound<'_>) -> Result<Request, Failure> {
        match self {
            Self::Whatsapp(settings) => whatsapp::render::message(settings, outbound),
            Self::Ours => Err(not_ours()),
        }
    }

    /// What the vendor's answer to a send means.
    #[must_use]
    pub fn outcome(&self, status: u16, body: &[u8]) -> Sent {
        match self {
            Self::Whatsapp(_) => whatsapp::outcome::sent(status, body),
            Self::Ours => Sent::Refused(not_ours()),
        }
    }

    /// The request that marks a message as read, with a typing sign if asked.
    ///
    /// # Errors
    /// The channel has no such thing.
    pub fn read_mark(&self, provider_id: &str, typing: bool) -> Result<Request, Failure> {
        match self {
            Self::Whatsapp(settings) => whatsapp::render::read_mark(settings, provider_id, typing),
            Self::Ours => Err(not_ours()),
        }
    }

    /// The request that asks where a file's bytes are.
    ///
    /// # Errors
    /// The id is no id.
    pub fn media_lookup(&self, media_id: &str) -> Result<Request, Failure> {
        match self {
            Self::Whatsapp(settings) => whatsapp::render::media_lookup(settings, media_id),
            Self::Ours => Err(not_ours()),
        }
    }

    /// Where a file's bytes are, from the vendor's answer.
    ///
    /// # Errors
    /// The vendor refused.
    pub fn media_link(&self, status: u16, body: &[u8]) -> Result<MediaLink, Failure> {
        match self {
            Self::Whatsapp(_) => whatsapp::outcome::media_link(status, body),
            Self::Ours => Err(not_ours()),
        }
    }

    /// The request that fetches a file's bytes.
    ///
    /// # Errors
    /// The address is not one of the vendor's.
    pub fn media_download(&self, url: &str) -> Result<Request, Failure> {
        match self {
            Self::Whatsapp(settings) => whatsapp::render::media_download(settings, url),
            Self::Ours => Err(not_ours()),
        }
    }

    /// The request that uploads a file.
    ///
    /// # Errors
    /// The channel has no such thing.
    pub fn media_upload(&self, mime_type: &str, filename: &str) -> Result<Request, Failure> {
        match self {
            Self::Whatsapp(settings) => Ok(whatsapp::render::media_upload(settings, mime_type, filename)),
            Self::Ours => Err(not_ours()),
        }
    }

    /// The vendor's id of an uploaded file.
    ///
    /// # Errors
    /// The vendor refused.
    pub fn uploaded(&self, status: u16, body: &[u8]) -> Result<String, Failure> {
        match self {
            Self::Whatsapp(_) => whatsapp::outcome::uploaded(status, body),
            Self::Ours => Err(not_ours()),
        }
    }

    /// The request for a page of templates; `after` is the mark that the page before gave.
    ///
    /// # Errors
    /// The channel has no templates, or its settings do not say whose.
    pub fn templates(&self, after: Option<&str>) -> Result<Request, Failure> {
        match self {
            Self::Whatsapp(settings) => whatsapp::render::templates(settings, after),
            Self::Ours => Err(not_ours()),
        }
    }

    /// A page of templates from the vendor's answer, and the mark of the next page if there is one.
    ///
    /// # Errors
    /// The vendor refused.
    pub fn listed_templates(&self, status: u16, body: &[u8]) -> Result<(Vec<TemplateInfo>, Option<String>), Failure> {
        match self {
            Self::Whatsapp(_) => whatsapp::outcome::templates(status, body),
            Self::Ours => Err(not_ours()),
        }
    }
}

/// Peeks at whom a body is for, unverified: only to find the secrets to try.
#[must_use]
pub fn addressees(kind: Kind, body: &[u8]) -> Addressees {
    match kind {
        Kind::Whatsapp => {
            let addressed = whatsapp::parse::addressed(body);
            Addressees { accounts: addressed.phone_number_ids, businesses: addressed.business_ids }
        }
        Kind::Widget | Kind::Api => Addressees::default(),
    }
}

/// Verifies a body against some secrets and reads it. Gives its parts and which secret matched.
///
/// # Errors
/// See [`Untaken`].
pub fn take(
    kind: Kind,
    signature: Option<&[u8]>,
    body: &[u8],
    secrets: &[&Secret],
) -> Result<(Parsed, usize), Untaken> {
    match kind {
        Kind::Whatsapp => {
            let verified = whatsapp::verify::signature(signature, body, secrets).map_err(|_| Untaken::Unverified)?;
            let parsed =
                whatsapp::parse::delivery(&verified).map_err(|malformed| Untaken::Malformed(malformed.to_string()))?;
            Ok((parsed, verified.by()))
        }
        Kind::Widget | Kind::Api => Err(Untaken::Unverified),
    }
}

/// Reads a body that was verified when it came, for its redelivery.
///
/// # Errors
/// See [`Untaken`].
pub fn take_again(kind: Kind, body: &[u8]) -> Result<Parsed, Untaken> {
    match kind {
        Kind::Whatsapp => whatsapp::parse::delivery(&whatsapp::verify::Verified::kept(body))
            .map_err(|malformed| Untaken::Malformed(malformed.to_string())),
        Kind::Widget | Kind::Api => Err(Untaken::Unverified),
    }
}

/// A long text in as many messages as the channel needs.
#[must_use]
pub fn split(kind: Kind, text: &str) -> Vec<Content> {
    match kind {
        Kind::Whatsapp => whatsapp::render::split(text).into_iter().map(Content::text).collect(),
        Kind::Widget | Kind::Api => vec![Content::text(text)],
    }
}

fn not_ours() -> Failure {
    Failure::content("INVALID_CONTENT", "this channel has no vendor to call")
}
