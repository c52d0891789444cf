//! News about messages that went out. It knows no order of statuses: they come as they come.

use serde_json::value::RawValue;

use super::Scene;
use super::people::{self, identities};
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::inbound::{Event, Progress, Receipt};
use crate::contract::peer::{Identity, IdentityKind};
use crate::meta::complaint::complaint;
use crate::meta::display::clean;
use crate::meta::{self, Raw};
use crate::whatsapp::{outcome, wire};

/// Longest word of the vendor that is repeated in a reason, in characters.
const LONGEST_WORD: usize = 40;

/// Reads one status.
pub(super) fn receipt(_: &Scene, raw: &RawValue) -> Result<Event, String> {
    let wire: wire::Status<'_> = meta::object(Some(raw)).ok_or("not a readable object")?;
    let id = meta::id(wire.id).ok_or("no usable id")?.into_owned();
    let word = meta::text(wire.status).ok_or("status is no text")?;
    let progress = match word.as_ref() {
        "sent" => Progress::Sent,
        "delivered" => Progress::Delivered,
        "read" => Progress::Read,
        "played" => Progress::Played,
        "failed" => Progress::Failed,
        other => {
            let shown = clean(other, LONGEST_WORD).unwrap_or_default();
            return Err(format!("unknown status {shown}"));
        }
    };
    let group = meta::text(wire.recipient_type).as_deref() == Some("group");
    let recipient = match meta::identity(wire.recipient_id) {
        Some(id) if group => vec![Identity::new(IdentityKind::Group, id)],
        _ => identities(people::user_id(wire.recipient_user_id), people::phone_number(wire.recipient_id)),
    };
    Ok(Event::Receipt(Box::new(Receipt {
        id,
        tracking: meta::id(wire.biz_opaque_callback_data).map(|id| id.into_owned()),
        progress,
        at: meta::seconds(wire.timestamp),
        recipient,
        participant: identities(
            people::user_id(wire.recipient_participant_user_id),
            people::phone_number(wire.recipient_participant_id),
        ),
        failures: if progress == Progress::Failed { failures(wire.errors) } else { Vec::new() },
        pricing: wire.pricing.filter(|raw| raw.get().starts_with('{')).map(meta::keep),
    })))
}

fn failures(errors: Raw<'_>) -> Vec<Failure> {
    let complaints = meta::list(errors).into_iter().flatten().filter_map(|raw| complaint(Some(raw)));
    let mut failures: Vec<Failure> = complaints
        .map(|complaint| outcome::classify(complaint.code, complaint.subcode, None, &complaint.words))
        .collect();
    if failures.is_empty() {
        let message = "WhatsApp reported a failure without a reason.";
        failures.push(Failure::new("VENDOR_REFUSED", message, Retry::Never, Fault::Vendor));
    }
    failures
}
