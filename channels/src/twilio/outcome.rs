//! What the vendor answered: acceptances, refusals in our terms, and the things that were asked for. It decides no
//! retry itself; a refusal says what a retry would be worth.

mod classes;
mod findings;
mod templates;

use serde::Deserialize;

use super::parse::of_address;
use super::wire;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::outbound::{Accepted, Sent};
use crate::meta;
pub use classes::{OPTED_OUT, classify};
pub use findings::finding;
pub(super) use templates::page;
pub use templates::{created_template, removed_template, requested_approval, templates};

/// Reads the answer to a send.
#[must_use]
pub fn sent(status: u16, body: &[u8]) -> Sent {
    let message = answer::<wire::Message<'_>>(body).unwrap_or_default();
    let id = meta::id(message.sid);
    if matches!(status, 502 | 504) && complaint(body).is_none() {
        // Something between us lost the answer; whether the message was taken before, it does not know.
        return Sent::Unclear(format!("a gateway on the way answered {status}"));
    }
    if let Some(failure) = refusal(status, body) {
        return Sent::Refused(failure);
    }
    let Some(id) = id else { return Sent::Unclear("the answer holds no message id".to_owned()) };
    let failed = matches!(meta::text(message.status).as_deref(), Some("failed" | "undelivered" | "canceled"));
    if let Some(code) = meta::whole(message.error_code).filter(|_| failed) {
        return Sent::Refused(classify(code, None, &meta::filled(message.error_message).unwrap_or_default()));
    }
    let recipient = meta::text(message.to).as_deref().and_then(of_address).into_iter().collect();
    Sent::Accepted(Accepted { id: id.into_owned(), recipient, held: false })
}

/// The vendor's code and words in a refusal; some refusals have no code, and some are pages of a proxy.
fn complaint(body: &[u8]) -> Option<(Option<i64>, String)> {
    let wire: wire::Complaint<'_> = answer(body)?;
    let (code, words) = (meta::whole(wire.code), meta::filled(wire.message));
    (code.is_some() || words.is_some()).then(|| (code, words.unwrap_or_default()))
}

/// The refusal in an answer, if it is one.
fn refusal(status: u16, body: &[u8]) -> Option<Failure> {
    if (200..300).contains(&status) {
        return None;
    }
    Some(match complaint(body) {
        Some((Some(code), words)) => classify(code, Some(status), &words),
        Some((None, words)) => classes::by_status(status, &words),
        None => classes::by_status(status, ""),
    })
}

fn answer<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    meta::object(serde_json::from_slice(body).ok())
}

fn unreadable(what: &str) -> Failure {
    let message = format!("Twilio answered with success, but the answer cannot be read: {what}.");
    Failure::new("VENDOR_ANSWER_UNREADABLE", message, Retry::Backoff, Fault::Vendor)
}
