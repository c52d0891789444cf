//! Requests to the vendor, checked against its limits before anything goes out. It sends nothing.

mod content;
mod template;
mod templates;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::Url;

use super::{Carrier, Settings, capabilities, is_sid, phone, wire};
use crate::contract::content::Content;
use crate::contract::credentials::Secret;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::fitting::fit;
use crate::contract::outbound::{Outbound, Sign};
use crate::contract::peer::{Identity, IdentityKind};
use crate::contract::request::{Authorisation, Body, Method, Request};
pub use templates::{template_approval, template_creation, template_removal, templates};

/// What may stand in a path segment or a query value as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// How the vendor shall call our status callback: without it, it tries once and gives up after a slow answer.
const CONNECTION: &str = "rc=5&rp=all&ct=2000&rt=5000&tt=15000";

/// A question that tells whether the channel is well set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The credentials reach the account.
    Credentials,
    /// The number belongs to the account, and its webhook is set.
    Number,
    /// The messaging service belongs to the account, and its webhook is set.
    Service,
}

impl About {
    /// What is asked, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Credentials => "the credentials reach the account",
            Self::Number => "the number belongs to the account, and its messages come here",
            Self::Service => "the messaging service belongs to the account, and its messages come here",
        }
    }
}

/// Renders a send. What the channel carries only in another form goes in that form, if that is one message.
///
/// # Errors
/// A refusal of the content: `MESSAGE_TOO_LONG` or `INVALID_CONTENT`, naming the field; `RECIPIENT_UNREACHABLE` when
/// none of the recipient's identities is one that this sender reaches.
pub fn message(settings: &Settings, outbound: &Outbound<'_>) -> Result<Request, Failure> {
    let mut fitting = fit(outbound.content, &capabilities::of(settings))?;
    let content = match (fitting.pop(), fitting.is_empty()) {
        (Some(content), true) => content,
        _ => {
            let message = "The content takes more than one message here; split it before it is sent.";
            return Err(Failure::content("MESSAGE_TOO_LONG", message));
        }
    };
    let mut form = vec![pair("To", address(settings, outbound.to)?)];
    if let Some(sender) = &settings.sender {
        form.push(pair("From", sender.trim()));
    }
    if let Some(service) = &settings.messaging_service_sid {
        form.push(pair("MessagingServiceSid", service.as_str()));
    }
    form.extend(match &content {
        Content::Template(used) => template::fields(settings, used)?,
        other => content::fields(other)?,
    });
    if let Some(callback) = &settings.status_callback {
        form.push(pair("StatusCallback", status_callback(callback, outbound.id)));
    }
    Ok(post(settings, &account(settings, "/Messages.json"), Body::Form(form)))
}

/// The vendor's address of the recipient.
fn address(settings: &Settings, to: &[Identity]) -> Result<String, Failure> {
    let find = |kind| to.iter().find(|identity| identity.kind == kind).map(|identity| identity.value.as_str());
    let carrier = settings.carrier();
    let number = find(IdentityKind::Phone).map(|digits| format!("+{digits}")).filter(|number| phone(number).is_some());
    let other = match carrier {
        Carrier::Whatsapp => find(IdentityKind::UserId),
        Carrier::Sms | Carrier::Rcs => find(IdentityKind::ScopedId),
    };
    let name = number.or_else(|| other.map(str::to_owned)).filter(|name| !name.contains(char::is_control));
    name.map(|name| format!("{}{name}", carrier.prefix())).ok_or_else(|| {
        let message = "The recipient has no number or id that this sender reaches.";
        Failure::new("RECIPIENT_UNREACHABLE", message, Retry::Never, Fault::Recipient)
    })
}

/// The address for the statuses of one message: with our id, and with how to call it.
fn status_callback(callback: &str, id: &str) -> String {
    let (address, connection) = callback.split_once('#').unwrap_or((callback, CONNECTION));
    let mark = if address.contains('?') { '&' } else { '?' };
    let tracking = if id.is_empty() { String::new() } else { format!("{mark}{}={}", wire::TRACKING, encoded(id)) };
    format!("{address}{tracking}#{connection}")
}

/// Renders the sign that somebody is writing; the vendor marks the message as read with it.
///
/// # Errors
/// `INVALID_CONTENT` where the channel has no such sign, or for an id that is none.
pub fn sign(settings: &Settings, sign: Sign, message_id: &str) -> Result<Request, Failure> {
    if sign != Sign::Typing || settings.carrier() != Carrier::Whatsapp {
        return Err(Failure::content("INVALID_CONTENT", "this channel has no such sign"));
    }
    if !["SM", "MM"].into_iter().any(|prefix| is_sid(message_id, prefix)) {
        return Err(Failure::content("INVALID_CONTENT", "message_id must be the id of a message at Twilio."));
    }
    let url = format!("{}/v3/Indicators/Typing.json", settings.messaging_base());
    Ok(post(settings, &url, Body::Json(json!({ "channel": "WHATSAPP", "messageId": message_id }))))
}

/// Renders the download of a file. The vendor answers with a redirect to another host, which must not see the
/// credentials.
///
/// # Errors
/// `MEDIA_REJECTED` for an address that is not at the vendor's API: the credentials go nowhere else.
pub fn media_download(settings: &Settings, url: &str) -> Result<Request, Failure> {
    match Url::parse(url) {
        Ok(url) if settings.trusts(&url) => Ok(get(settings, url.as_str())),
        _ => {
            let message = "The file's address is not at the channel's base_url.";
            Err(Failure::new("MEDIA_REJECTED", message, Retry::Never, Fault::Vendor))
        }
    }
}

/// The questions that tell whether the channel is well set up.
#[must_use]
pub fn probes(settings: &Settings) -> Vec<(About, Request)> {
    // A standard API key may list messages, but not look at the account itself.
    let mut probes = vec![(About::Credentials, get(settings, &account(settings, "/Messages.json?PageSize=1")))];
    if let Some(number) = settings.sender.as_deref().map(str::trim).filter(|sender| phone(sender).is_some()) {
        let path = format!("/IncomingPhoneNumbers.json?PageSize=1&PhoneNumber={}", encoded(number));
        probes.push((About::Number, get(settings, &account(settings, &path))));
    }
    if let Some(service) = &settings.messaging_service_sid {
        let url = format!("{}/v1/Services/{}", settings.messaging_base(), encoded(service));
        probes.push((About::Service, get(settings, &url)));
    }
    probes
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn pair(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn account(settings: &Settings, rest: &str) -> String {
    let base = settings.base_url.trim_end_matches('/');
    format!("{base}/2010-04-01/Accounts/{}{rest}", encoded(&settings.account_sid))
}

fn get(settings: &Settings, url: &str) -> Request {
    let authorisation = match (&settings.api_key_sid, &settings.api_key_secret) {
        (Some(user), Some(password)) => (user.clone(), password.clone()),
        _ => (settings.account_sid.clone(), settings.auth_token.clone().unwrap_or_else(|| Secret::new(""))),
    };
    Request {
        method: Method::Get,
        url: url.to_owned(),
        authorisation: Some(Authorisation::Basic { user: authorisation.0, password: authorisation.1 }),
        body: Body::Empty,
    }
}

fn post(settings: &Settings, url: &str, body: Body) -> Request {
    Request { method: Method::Post, body, ..get(settings, url) }
}
