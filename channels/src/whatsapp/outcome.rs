//! What the vendor answered: acceptances, refusals in our terms, and the things that were asked for. It decides no
//! retry itself; a refusal says what a retry would be worth.

mod classes;
mod findings;
mod templates;

use serde::Deserialize;

use super::wire;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::outbound::{Accepted, AccountInfo, MediaLink, Sent};
use crate::contract::peer::{Identity, IdentityKind};
use crate::meta::complaint::complaint_in;
use crate::meta::{self, Raw};
pub use classes::classify;
pub use findings::finding;
pub use templates::{created_template, removed_template, template_news, templates};

/// The answer was a success that cannot be read.
const UNREADABLE: &str = "VENDOR_ANSWER_UNREADABLE";
/// The vendor's code of an object that is not there, and its subcode.
const NOT_THERE: (i64, i64) = (100, 33);

/// Reads the answer to a send.
#[must_use]
pub fn sent(status: u16, body: &[u8]) -> Sent {
    if let Some(failure) = refusal(status, body) {
        return Sent::Refused(failure);
    }
    let Some(answer) = answer::<wire::SendAnswer<'_>>(body) else {
        return Sent::Unclear("the answer is no JSON object".to_owned());
    };
    let message: wire::SentMessage<'_> = first(answer.messages).unwrap_or_default();
    let Some(id) = meta::id(message.id) else {
        return Sent::Unclear("the answer holds no message id".to_owned());
    };
    let contact: wire::SentContact<'_> = first(answer.contacts).unwrap_or_default();
    let recipient = [(IdentityKind::UserId, contact.user_id), (IdentityKind::Phone, contact.wa_id)];
    Sent::Accepted(Accepted {
        id: id.into_owned(),
        recipient: recipient
            .into_iter()
            .filter_map(|(kind, raw)| meta::id(raw).map(|value| Identity::new(kind, value)))
            .collect(),
        held: matches!(meta::text(message.message_status).as_deref(), Some("held_for_quality_assessment" | "paused")),
    })
}

/// Reads where a medium's bytes are.
///
/// # Errors
/// A refusal; `MEDIA_REJECTED` when the vendor has no such medium (any more).
pub fn media_link(status: u16, body: &[u8]) -> Result<MediaLink, Failure> {
    if let Some(mut failure) = refusal(status, body) {
        if complaint_in(body).is_some_and(|error| (error.code, error.subcode) == (NOT_THERE.0, Some(NOT_THERE.1))) {
            "MEDIA_REJECTED".clone_into(&mut failure.code);
            "WhatsApp has no such file, or has it no longer.".clone_into(&mut failure.message);
        }
        return Err(failure);
    }
    let wire: wire::Media<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    Ok(MediaLink {
        url: meta::filled(wire.url).ok_or_else(|| unreadable("no address"))?,
        mime_type: meta::filled(wire.mime_type),
        sha256: meta::sha256(wire.sha256),
        size: meta::whole(wire.file_size).and_then(|size| u64::try_from(size).ok()),
    })
}

/// Reads the id of an uploaded medium.
///
/// # Errors
/// A refusal, or an answer without an id.
pub fn uploaded(status: u16, body: &[u8]) -> Result<String, Failure> {
    if let Some(failure) = refusal(status, body) {
        return Err(failure);
    }
    let wire: wire::Media<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    meta::id(wire.id).map(|id| id.into_owned()).ok_or_else(|| unreadable("no id"))
}

/// Reads what the vendor says about the number.
///
/// # Errors
/// A refusal, or an answer that is no object.
pub fn account(status: u16, body: &[u8]) -> Result<AccountInfo, Failure> {
    if let Some(failure) = refusal(status, body) {
        return Err(failure);
    }
    let wire: wire::Number<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    Ok(AccountInfo {
        id: meta::id(wire.id).map(|id| id.into_owned()),
        name: meta::filled(wire.verified_name),
        address: meta::filled(wire.display_phone_number),
        quality: meta::filled(wire.quality_rating),
        verification: meta::filled(wire.code_verification_status),
    })
}

fn refusal(status: u16, body: &[u8]) -> Option<Failure> {
    classes::TABLE.refusal(status, body)
}

fn answer<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    meta::object(serde_json::from_slice(body).ok())
}

fn first<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    meta::object(meta::list(raw)?.into_iter().next())
}

fn unreadable(what: &str) -> Failure {
    let message = format!("WhatsApp answered with success, but the answer cannot be read: {what}.");
    Failure::new(UNREADABLE, message, Retry::Backoff, Fault::Vendor)
}
