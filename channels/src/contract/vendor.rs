//! What a channel can do, as one trait over its settings. A vendor implements what it has; the rest says no.

use serde::Serialize;
use serde_json::Value;

use super::capabilities::Capabilities;
use super::failure::{DraftRefused, Failure, Fault};
use super::inbound::{Notice, Parsed, TemplateNews};
use super::mail::{Inbox, Reply};
use super::outbound::{MediaLink, Outbound, Profile, Sent, Sign, TemplateDraft, TemplateInfo};
use super::peer::Identity;
use super::request::{Dispatch, Request};

/// A knock at a callback address, unverified.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The address as the vendor called it: scheme, host, port if it stood there, path and query, undecoded, without
    /// fragment.
    pub url: &'a str,
    /// The headers in order, names in lower case.
    pub headers: &'a [(String, Vec<u8>)],
    /// The raw body.
    pub body: &'a [u8],
    /// Unix milliseconds, against which signed times are held.
    pub now: i64,
}

impl<'a> Delivery<'a> {
    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The first header of this name (in lower case), when it is text.
    #[must_use]
    pub fn text_header(&self, name: &str) -> Option<&'a str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// The headers of a delivery that are kept with its body, as the body cannot be read without them.
pub const KEPT_HEADERS: [&str; 3] = ["content-type", "x-envelope-from", "x-envelope-to"];

/// What an unverified body says about whom it is for; only to find the secrets to try.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressees {
    /// Vendor ids of accounts.
    pub accounts: Vec<String>,
    /// Vendor ids of business accounts.
    pub businesses: Vec<String>,
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untaken {
    /// Nothing proves that the vendor sent it.
    Unverified,
    /// It is verified, but not of the vendor's shape. Why, in words.
    Malformed(String),
}

/// Why a handshake was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakeRefusal {
    /// A parameter is missing or unusable: answer 400.
    Missing(String),
    /// The token is another one, or there is no handshake: answer 403.
    Forbidden,
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The setting's name.
    pub field: &'static str,
    /// What it must be.
    pub expected: &'static str,
}

/// A question to the vendor that tells whether a channel is well set up.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// What is asked, in words: `the access token reaches the number`.
    pub about: &'static str,
    /// The request.
    pub request: Request,
}

/// What a probe found, in words for the person who sets the channel up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// All is well.
    pub ok: bool,
    /// What was found: the account's name, or what is wrong.
    pub what: String,
    /// What to do, click by click where that is known; absent when all is well.
    pub remedy: Option<String>,
}

impl Finding {
    /// A refusal as a finding: the vendor's own words, and what the operator can do about this class of refusal.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        let words = failure.vendor_message.as_ref().map(|words| format!(" The vendor says: {words}"));
        let code = failure.vendor_code.as_ref().map(|code| format!(" (its code {code})"));
        let what = format!("{}{}{}", failure.message, code.unwrap_or_default(), words.unwrap_or_default());
        let remedy = match failure.fault {
            Fault::Operator => {
                "Check the credentials and ids in the channel's settings, and at the vendor the permissions of the token, \
                 the account's state and its payment method; then test again."
            }
            Fault::Vendor => {
                "The vendor has a fault or is out of reach; test again in some minutes, and look at its status page."
            }
            Fault::Sender | Fault::Recipient | Fault::Gateway => {
                "Compare the ids in the channel's settings with those that the vendor shows; then test again."
            }
        };
        Self { ok: false, what, remedy: Some(remedy.to_owned()) }
    }
}

/// What the vendor wants to hear when its delivery was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// `Content-Type`
    pub content_type: &'static str,
    /// The body.
    pub body: &'static str,
}

/// A secret by which deliveries prove themselves. It can be replaced without losing any: for a while the old one is
/// accepted beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotating {
    /// The setting's name.
    pub setting: &'static str,
    /// Its other spelling, under which the same may be set.
    pub spelling: Option<&'static str>,
    /// The list setting whose secrets are all accepted; the setting itself where it is a list.
    pub accepted_in: &'static str,
}

/// What of a body is for the accounts and business accounts of these ids.
pub type Share = fn(&[u8], &[&str]) -> Vec<u8>;

/// The kind of channel, before any settings are known.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// The names of its settings, other spellings included.
    pub settings: &'static [&'static str],
    /// Those of them that are secrets by which deliveries prove themselves.
    pub rotating: &'static [Rotating],
    /// Understands settings, with members absent, too; the error says what is wrong with their shape.
    pub read: fn(Value) -> Result<Box<dyn Vendor>, String>,
    /// Peeks at whom a delivery is for, where all channels of the kind share one address.
    pub addressees: fn(&Delivery<'_>) -> Addressees,
    /// Divides bodies that may be for several accounts; none: a body is for one.
    pub share: Option<Share>,
    /// What the vendor wants to hear.
    pub acknowledgement: Acknowledgement,
    /// The vendor may deliver by GET, so that a GET is no handshake.
    pub delivers_by_get: bool,
    /// Bytes that a delivery may have where the vendor needs more than the operator's setting for callbacks; else 0.
    pub largest_delivery: usize,
}

/// One channel account's settings, understood.
pub trait Vendor: std::fmt::Debug + Send + Sync {
    /// Names every setting that cannot work; empty when all is well.
    fn check(&self) -> Vec<Problem>;

    /// What it can carry.
    fn capabilities(&self) -> Capabilities;

    /// The vendor's id by which deliveries name this account.
    fn account(&self) -> Option<String>;

    /// The vendor's id of the business account above it.
    fn business(&self) -> Option<String> {
        None
    }

    /// Answers the handshake by which a vendor checks a callback address: the text to echo.
    ///
    /// # Errors
    /// See [`HandshakeRefusal`].
    fn handshake(&self, _query: &[(String, String)]) -> Result<String, HandshakeRefusal> {
        Err(HandshakeRefusal::Forbidden)
    }

    /// Where the certificate is that this delivery claims to be signed by, when the settings do not hold it yet. The
    /// address is one of the vendor's own; fetch it once, without redirects, and take it up by
    /// [`Self::with_certificates`].
    fn certificate_needed(&self, _delivery: &Delivery<'_>) -> Option<String> {
        None
    }

    /// The handshake as the vendor would make it at this callback address, to find out whether it is answered; none
    /// where the vendor makes none. The answer must be the challenge, which is letters and digits.
    fn handshake_request(&self, _callback: &str, _challenge: &str) -> Option<Request> {
        None
    }

    /// The same account, to which these certificates (in PEM) are known, too; `None` where none is used.
    fn with_certificates(&self, _certificates: &[String]) -> Option<Box<dyn Vendor>> {
        None
    }

    /// What the proof of this delivery may be used for once only, where the proof does not cover the content; `None`
    /// also for a delivery that the vendor did not send.
    fn used_once(&self, _delivery: &Delivery<'_>) -> Option<String> {
        None
    }

    /// The mailbox to look into, where nobody hands mail over. What lies in it is read by [`Self::take_again`].
    fn inbox(&self) -> Option<Inbox> {
        None
    }

    /// Whether the vendor sent it, by this account's secrets.
    fn verifies(&self, delivery: &Delivery<'_>) -> bool;

    /// Verifies and reads a delivery.
    ///
    /// # Errors
    /// See [`Untaken`].
    fn take(&self, delivery: &Delivery<'_>) -> Result<Parsed, Untaken>;

    /// Reads a delivery that was verified when it came and has lain in our ledger since, or a mail of the account's own
    /// mailbox. Of its headers only [`KEPT_HEADERS`] are there.
    ///
    /// # Errors
    /// Why it is not of the vendor's shape.
    fn take_again(&self, delivery: &Delivery<'_>) -> Result<Parsed, String>;

    /// Renders a send.
    ///
    /// # Errors
    /// The channel cannot carry it; nothing was sent.
    fn render(&self, outbound: &Outbound<'_>) -> Result<Dispatch, Failure>;

    /// What the vendor's answer to a send means.
    fn outcome(&self, _status: u16, _body: &[u8]) -> Sent {
        Sent::Refused(unsupported("sends by HTTP"))
    }

    /// What the mail server's last word about a mail means.
    fn mailed(&self, _mail_id: &str, _reply: &Reply) -> Sent {
        Sent::Refused(unsupported("mail"))
    }

    /// The request that shows a sign; `last` is the vendor's id of the person's last message.
    ///
    /// # Errors
    /// The channel has no such sign.
    fn sign(&self, _sign: Sign, _to: &[Identity], _last: Option<&str>) -> Result<Request, Failure> {
        Err(unsupported("signs"))
    }

    /// The request that asks where a file's bytes are.
    ///
    /// # Errors
    /// The id is no id, or the channel gives addresses at once.
    fn media_lookup(&self, _media_id: &str) -> Result<Request, Failure> {
        Err(unsupported("media by id"))
    }

    /// Where a file's bytes are, from the vendor's answer.
    ///
    /// # Errors
    /// The vendor refused.
    fn media_link(&self, _status: u16, _body: &[u8]) -> Result<MediaLink, Failure> {
        Err(unsupported("media by id"))
    }

    /// The request that fetches a file's bytes.
    ///
    /// # Errors
    /// The address is not one of the vendor's.
    fn media_download(&self, _url: &str) -> Result<Request, Failure> {
        Err(unsupported("downloads"))
    }

    /// The request that uploads a file.
    ///
    /// # Errors
    /// The channel has no such thing.
    fn media_upload(&self, _mime_type: &str, _filename: &str) -> Result<Request, Failure> {
        Err(unsupported("uploads"))
    }

    /// The vendor's id of an uploaded file.
    ///
    /// # Errors
    /// The vendor refused.
    fn uploaded(&self, _status: u16, _body: &[u8]) -> Result<String, Failure> {
        Err(unsupported("uploads"))
    }

    /// The request for a page of templates; `after` is the mark that the page before gave.
    ///
    /// # Errors
    /// The channel has no templates, or its settings do not say whose.
    fn templates(&self, _after: Option<&str>) -> Result<Request, Failure> {
        Err(unsupported("templates"))
    }

    /// A page of templates from the vendor's answer, and the mark of the next page if there is one.
    ///
    /// # Errors
    /// The vendor refused.
    fn listed_templates(&self, _status: u16, _body: &[u8]) -> Result<(Vec<TemplateInfo>, Option<String>), Failure> {
        Err(unsupported("templates"))
    }

    /// The request that makes a template at the vendor.
    ///
    /// # Errors
    /// The channel has no templates, its settings do not say whose, or the vendor would refuse it; `field` says what of it.
    fn template_creation(&self, _draft: &TemplateDraft) -> Result<Request, DraftRefused> {
        Err(unsupported("templates").into())
    }

    /// The template as the vendor made it.
    ///
    /// # Errors
    /// The vendor refused; `field` says what of it, where the vendor does.
    fn created_template(
        &self,
        _draft: &TemplateDraft,
        _status: u16,
        _body: &[u8],
    ) -> Result<TemplateInfo, DraftRefused> {
        Err(unsupported("templates").into())
    }

    /// The request that asks for a made template's approval; none where making it asks already.
    fn template_approval(&self, _draft: &TemplateDraft, _made: &TemplateInfo) -> Option<Request> {
        None
    }

    /// The status of a template whose approval was asked for.
    ///
    /// # Errors
    /// The vendor refused.
    fn requested_approval(&self, _status: u16, _body: &[u8]) -> Result<String, Failure> {
        Err(unsupported("templates"))
    }

    /// The request that removes a template in its one language.
    ///
    /// # Errors
    /// The channel has no templates, or the vendor cannot be told which.
    fn template_removal(&self, _id: Option<&str>, _name: &str) -> Result<Request, Failure> {
        Err(unsupported("templates"))
    }

    /// Whether a template is removed.
    ///
    /// # Errors
    /// The vendor refused.
    fn removed_template(&self, _status: u16, _body: &[u8]) -> Result<(), Failure> {
        Err(unsupported("templates"))
    }

    /// What a notice says about a template of the account; none: it is about something else.
    fn template_news(&self, _notice: &Notice) -> Option<TemplateNews> {
        None
    }

    /// The request that asks who a person is.
    ///
    /// # Errors
    /// The vendor tells nothing of this identity.
    fn profile(&self, _of: &Identity) -> Result<Request, Failure> {
        Err(unsupported("profiles"))
    }

    /// Who a person is, from the vendor's answer.
    ///
    /// # Errors
    /// The vendor refused.
    fn profiled(&self, _status: u16, _body: &[u8]) -> Result<Profile, Failure> {
        Err(unsupported("profiles"))
    }

    /// The questions that tell whether the channel is well set up.
    fn probes(&self) -> Vec<Probe> {
        Vec::new()
    }

    /// What the vendor's answer to the probe of this place means.
    fn finding(&self, _probe: usize, _status: u16, _body: &[u8]) -> Finding {
        Finding { ok: false, what: "this channel has no such probe".to_owned(), remedy: None }
    }
}

fn unsupported(what: &str) -> Failure {
    Failure::content("INVALID_CONTENT", format!("this channel knows no {what}"))
}
