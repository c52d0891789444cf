//! What the vendor answered: acceptances, refusals in our terms, and the things that were asked for. It decides no
//! retry itself; a refusal says what a retry would be worth.

mod classes;
mod findings;

use serde::Deserialize;

use super::parse::{chat, full};
use super::render::file_address;
use super::{Settings, message_id, wire};
use crate::contract::failure::{Failure, Fault, Retry};
pub use crate::contract::outbound::Sent;
use crate::contract::outbound::{Accepted, MediaLink, Profile};
use crate::meta::display::line;
use crate::meta::{self, Raw};
pub use classes::classify;
pub use findings::finding;

/// Reads the answer to a send. What is no message, as a reaction, is taken without an id.
#[must_use]
pub fn sent(status: u16, body: &[u8]) -> Sent {
    let complaint = complaint(body);
    if matches!(status, 502 | 504) && complaint.is_none() {
        // Something between us lost the answer; whether the message was taken before, it does not know.
        return Sent::Unclear(format!("a gateway on the way answered {status}"));
    }
    if let Some(failure) = refusal(status, body) {
        return Sent::Refused(failure);
    }
    let result = answer::<wire::Answer<'_>>(body).and_then(|answer| answer.result);
    if meta::flag(result) {
        return Sent::Accepted(Accepted::default());
    }
    let message: wire::Message<'_> = meta::object(result).unwrap_or_default();
    match (chat(message.chat), meta::whole(message.message_id)) {
        (Some(chat), Some(number)) => {
            Sent::Accepted(Accepted { id: message_id(chat.id, number), recipient: vec![chat.identity()], held: false })
        }
        _ => Sent::Unclear("the answer holds no message id".to_owned()),
    }
}

/// Reads where a file's bytes are.
///
/// # Errors
/// A refusal; an answer without a path, or with one that is no place at the vendor.
pub fn media_link(settings: &Settings, status: u16, body: &[u8]) -> Result<MediaLink, Failure> {
    let wire: wire::FilePath<'_> = asked(status, body)?;
    let path = meta::filled(wire.file_path).ok_or_else(|| unreadable("no path"))?;
    let url = file_address(settings, &path).ok_or_else(|| {
        let message = "The file lies at no address of the vendor's.";
        Failure::new("MEDIA_REJECTED", message, Retry::Never, Fault::Vendor)
    })?;
    let size = meta::whole(wire.file_size).and_then(|size| u64::try_from(size).ok());
    Ok(MediaLink { url, mime_type: None, sha256: None, size })
}

/// Reads who a person or a group is.
///
/// # Errors
/// A refusal; `PROFILE_UNAVAILABLE` when the bot does not know them.
pub fn profile(status: u16, body: &[u8]) -> Result<Profile, Failure> {
    let wire: wire::Chat<'_> = asked(status, body).map_err(|failure| {
        if failure.fault != Fault::Recipient {
            return failure;
        }
        let message = "Telegram tells nothing of this person; they stay without a name.".to_owned();
        Failure { code: "PROFILE_UNAVAILABLE".to_owned(), message, ..failure }
    })?;
    let name = line(wire.title, 256).or_else(|| full(wire.first_name, wire.last_name));
    // A picture has no address without the token.
    Ok(Profile { name, username: line(wire.username, 64), picture_url: None, locale: None })
}

/// Reads the object that was asked for.
fn asked<'a, T: Deserialize<'a>>(status: u16, body: &'a [u8]) -> Result<T, Failure> {
    match refusal(status, body) {
        Some(failure) => Err(failure),
        None => answer::<wire::Answer<'_>>(body)
            .and_then(|answer| meta::object(answer.result))
            .ok_or_else(|| unreadable("no JSON object")),
    }
}

/// The vendor's number and words in a refusal, and how long to wait in seconds.
fn complaint(body: &[u8]) -> Option<(i64, String, Option<u64>)> {
    let wire: wire::Answer<'_> = answer(body)?;
    let code = meta::whole(wire.error_code)?;
    let parameters: wire::Parameters<'_> = meta::object(wire.parameters).unwrap_or_default();
    let wait = meta::whole(parameters.retry_after).and_then(|seconds| u64::try_from(seconds).ok());
    Some((code, meta::filled(wire.description).unwrap_or_default(), wait))
}

/// The refusal in an answer, if it is one; an error beside a success status is one, too.
fn refusal(status: u16, body: &[u8]) -> Option<Failure> {
    match complaint(body) {
        Some((code, words, wait)) => {
            let mut failure = classify(code, &words);
            failure.retry_after_ms = wait.map(|seconds| seconds.saturating_mul(1_000));
            Some(failure)
        }
        None if (200..300).contains(&status) => None,
        None => Some(Failure { vendor_code: None, ..classify(i64::from(status), "") }),
    }
}

fn answer<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    let raw: Raw<'a> = serde_json::from_slice(body).ok();
    meta::object(raw)
}

fn unreadable(what: &str) -> Failure {
    let message = format!("Telegram answered with success, but the answer cannot be read: {what}.");
    Failure::new("VENDOR_ANSWER_UNREADABLE", message, Retry::Backoff, Fault::Vendor)
}
