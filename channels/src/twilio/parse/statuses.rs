//! News about messages that went out. It knows no order of statuses: they come as they come.

use super::consent;
use super::people::{clean, of_address};
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::inbound::{Event, Progress, Receipt};
use crate::contract::peer::Peer;
use crate::twilio::outcome::{OPTED_OUT, classify};
use crate::twilio::wire::Fields;

/// Longest word of the vendor that is repeated in a reason, in characters.
const LONGEST_WORD: usize = 40;

/// Reads a status callback. An opted-out recipient is news about the person, too.
pub(super) fn events(message: &str, tracking: Option<String>, fields: &Fields) -> Result<Vec<Event>, String> {
    let word = fields.get("MessageStatus").or_else(|| fields.get("SmsStatus")).unwrap_or_default().trim();
    let progress = match word {
        // The vendor has it from the first word on; how far it got within is told to nobody.
        "scheduled" | "accepted" | "queued" | "sending" | "sent" => Progress::Sent,
        "delivered" => Progress::Delivered,
        "read" => Progress::Read,
        "undelivered" | "failed" | "canceled" => Progress::Failed,
        other => return Err(format!("unknown status {}", clean(other, LONGEST_WORD).unwrap_or_default())),
    };
    let recipient: Vec<_> = fields.get("To").and_then(of_address).into_iter().collect();
    let failures = if progress == Progress::Failed { vec![failure(word, fields)] } else { Vec::new() };
    let opted_out = failures.iter().any(|failure| failure.code == OPTED_OUT) && !recipient.is_empty();
    let peer = Peer { identities: recipient.clone(), ..Peer::default() };
    let receipt = Receipt {
        id: message.to_owned(),
        tracking,
        progress,
        // The carrier's own time names no zone.
        at: None,
        recipient,
        participant: Vec::new(),
        failures,
        pricing: None,
    };
    let mut events = vec![Event::Receipt(Box::new(receipt))];
    if opted_out {
        events.push(consent::event(peer, false));
    }
    Ok(events)
}

fn failure(word: &str, fields: &Fields) -> Failure {
    let words = ["ChannelStatusMessage", "ErrorMessage"].into_iter().find_map(|name| fields.get(name));
    match fields.get("ErrorCode").and_then(|code| code.trim().parse().ok()) {
        Some(code) => classify(code, None, words.unwrap_or_default()),
        None if word == "canceled" => {
            let message = "The message was canceled at Twilio before it went out.";
            Failure::new("CANCELED_AT_VENDOR", message, Retry::Never, Fault::Operator)
        }
        None => {
            let message = "Twilio reported a failure without a reason.";
            let mut failure = Failure::new("VENDOR_REFUSED", message, Retry::Never, Fault::Vendor);
            failure.vendor_message = words.map(|words| words.chars().take(500).collect());
            failure
        }
    }
}
