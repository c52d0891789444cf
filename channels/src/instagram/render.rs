//! Requests to the vendor: Instagram's own are its two hosts, and the questions who somebody is and whether the account
//! is reached; the rest is the family's. It sends nothing.

use super::{MEDIA_HOSTS, PRODUCT, Settings};
use crate::contract::failure::Failure;
use crate::contract::outbound::{Outbound, Sign};
use crate::contract::peer::Identity;
use crate::contract::request::Request;
use crate::meta::graph::encoded;
use crate::meta::messaging::render::Sender;

/// What a person is asked for.
const PROFILE_FIELDS: &str = "name,username,profile_pic";

/// Through the Page the call is the Page's, and says of which type it is; by Instagram login it is the account's own.
fn sender(settings: &Settings) -> Sender<'_> {
    let page = settings.page_id.as_deref();
    Sender {
        product: &PRODUCT,
        graph: settings.access.graph(settings.host()),
        node: page.unwrap_or(&settings.account_id),
        states_type: page.is_some(),
    }
}

/// Renders a send.
///
/// # Errors
/// A refusal of the content: `MESSAGE_TOO_LONG` or `INVALID_CONTENT`, naming the field; `RECIPIENT_UNREACHABLE` when
/// none of the recipient's identities is one that Instagram knows.
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

/// Renders the download of a file; its address is signed, and no token goes with it.
///
/// # Errors
/// `MEDIA_REJECTED` for an address that is not on the channel's list of media hosts.
pub fn media_download(settings: &Settings, url: &str) -> Result<Request, Failure> {
    settings.access.download(settings.host(), &MEDIA_HOSTS, url)
}

/// Renders the question who a person is.
///
/// # Errors
/// `PROFILE_UNAVAILABLE` for an identity that Instagram tells nothing of.
pub fn profile(settings: &Settings, of: &Identity) -> Result<Request, Failure> {
    sender(settings).profile(of, PROFILE_FIELDS)
}

/// Renders the question which account the token is for.
#[must_use]
pub fn account_check(settings: &Settings) -> Request {
    let fields = match settings.page_id {
        Some(_) => format!("me?fields={}", encoded("instagram_business_account{id,username}")),
        None => format!("me?fields={}", encoded("user_id,username")),
    };
    settings.access.graph(settings.host()).get(&fields)
}

/// Renders the question which fields are subscribed for the account (through the Page: for the Page).
#[must_use]
pub fn subscriptions(settings: &Settings) -> Request {
    sender(settings).subscriptions()
}
