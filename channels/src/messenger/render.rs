//! Requests to the vendor: Messenger's own are the questions who somebody is and whether the Page is reached, the rest
//! is the family's. It sends nothing.

use super::{HOST, MEDIA_HOSTS, PRODUCT, Settings};
use crate::contract::failure::Failure;
use crate::contract::outbound::{Outbound, Sign};
use crate::contract::peer::Identity;
use crate::contract::request::Request;
use crate::meta::messaging::render::Sender;

/// What a person is asked for; language and gender need more permission.
const PROFILE_FIELDS: &str = "first_name,last_name,profile_pic";

fn sender(settings: &Settings) -> Sender<'_> {
    Sender { product: &PRODUCT, graph: settings.access.graph(HOST), node: &settings.page_id, states_type: true }
}

/// Renders a send.
///
/// # Errors
/// A refusal of the content: `MESSAGE_TOO_LONG` or `INVALID_CONTENT`, naming the field; `RECIPIENT_UNREACHABLE` when
/// none of the recipient's identities is one that Messenger knows.
pub fn message(settings: &Settings, outbound: &Outbound<'_>) -> Result<Request, Failure> {
    sender(settings).message(outbound)
}

/// Renders a sign that is no message.
///
/// # Errors
/// `RECIPIENT_UNREACHABLE` as for a message.
pub fn sign(settings: &Settings, sign: Sign, to: &[Identity]) -> Result<Request, Failure> {
    sender(settings).sign(sign, to)
}

/// Renders an upload; the bytes are the caller's. The answer's id serves in many messages, for 90 days.
///
/// # Errors
/// None: Messenger takes every type.
pub fn media_upload(settings: &Settings, mime_type: &str, filename: &str) -> Result<Request, Failure> {
    sender(settings).upload(mime_type, filename)
}

/// Renders the download of a file; its address is signed, and no token goes with it.
///
/// # Errors
/// `MEDIA_REJECTED` for an address that is not on the channel's list of media hosts.
pub fn media_download(settings: &Settings, url: &str) -> Result<Request, Failure> {
    settings.access.download(HOST, &MEDIA_HOSTS, url)
}

/// Renders the question who a person is.
///
/// # Errors
/// `PROFILE_UNAVAILABLE` for an identity that Messenger tells nothing of.
pub fn profile(settings: &Settings, of: &Identity) -> Result<Request, Failure> {
    sender(settings).profile(of, PROFILE_FIELDS)
}

/// Renders the question which Page the token is for.
#[must_use]
pub fn account_check(settings: &Settings) -> Request {
    settings.access.graph(HOST).get("me?fields=id%2Cname")
}

/// Renders the question which fields are subscribed for the Page.
#[must_use]
pub fn subscriptions(settings: &Settings) -> Request {
    sender(settings).subscriptions()
}
