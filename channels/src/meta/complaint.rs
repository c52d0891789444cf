//! The vendor's error objects, in answers and in webhooks alike. It judges none of them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::meta::{Raw, filled, flag, object, whole};

/// An error as the vendor states it, in an answer or in a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The number to build on.
    pub(crate) code: i64,
    /// A finer number.
    pub(crate) subcode: Option<i64>,
    /// The vendor says that a later try may do.
    pub(crate) transient: bool,
    /// The vendor's words.
    pub(crate) words: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ComplaintWire<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
    error_subcode: Raw<'a>,
    is_transient: Raw<'a>,
    title: Raw<'a>,
    message: Raw<'a>,
    details: Raw<'a>,
    error_data: Raw<'a>,
    error_user_msg: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DetailsWire<'a> {
    #[serde(borrow)]
    details: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EnvelopeWire<'a> {
    #[serde(borrow)]
    error: Raw<'a>,
}

/// Reads one error object.
pub(crate) fn complaint(raw: Raw<'_>) -> Option<Complaint> {
    let wire: ComplaintWire<'_> = object(raw)?;
    let inner = object::<DetailsWire<'_>>(wire.error_data).and_then(|data| filled(data.details));
    let details = inner.or_else(|| filled(wire.details)).or_else(|| filled(wire.error_user_msg));
    let words = match (filled(wire.message).or_else(|| filled(wire.title)), details) {
        (Some(message), Some(details)) if message != details => format!("{message}: {details}"),
        (Some(words), _) | (None, Some(words)) => words,
        (None, None) => String::new(),
    };
    Some(Complaint {
        code: whole(wire.code)?,
        subcode: whole(wire.error_subcode),
        transient: flag(wire.is_transient),
        words,
    })
}

/// Reads the error out of an answer's body, if it holds one.
pub(crate) fn complaint_in(body: &[u8]) -> Option<Complaint> {
    let raw: &RawValue = serde_json::from_slice(body).ok()?;
    complaint(object::<EnvelopeWire<'_>>(Some(raw))?.error)
}
