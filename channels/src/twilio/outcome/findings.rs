//! What the questions about a channel's set-up found, in words for the person who sets it up.

use super::{answer, refusal};
use crate::contract::vendor::Finding;
use crate::meta;
use crate::twilio::render::About;
use crate::twilio::wire;

const NUMBER_WEBHOOK: &str = "At Twilio open Phone Numbers → Manage → Active numbers → this number → Messaging, and set \
    \"A message comes in\" to this installation's address for Twilio, with HTTP POST.";
const SERVICE_WEBHOOK: &str = "At Twilio open Messaging → Services → this service → Integration, choose \"Send a \
    webhook\", and set Request URL to this installation's address for Twilio, with HTTP POST.";

/// Reads the answer to one of the questions.
#[must_use]
pub fn finding(about: About, status: u16, body: &[u8]) -> Finding {
    if let Some(failure) = refusal(status, body) {
        let mut finding = Finding::of(&failure);
        if about == About::Service && status == 404 {
            finding.remedy = Some(
                "The account has no such messaging service: at Twilio open Messaging → Services, and copy its SID (MG…)."
                    .to_owned(),
            );
        } else if status == 401 {
            finding.remedy = Some(
                "At Twilio open Account → API keys & tokens, and compare account_sid with the Account SID and auth_token \
                 with the Auth token; or make a new API key, whose secret is shown once."
                    .to_owned(),
            );
        }
        return finding;
    }
    match about {
        About::Credentials => well("the account answers".to_owned()),
        About::Number => number(body),
        About::Service => service(body),
    }
}

fn number(body: &[u8]) -> Finding {
    let page = answer::<wire::NumberPage<'_>>(body).unwrap_or_default();
    let first = meta::list(page.incoming_phone_numbers).and_then(|numbers| numbers.into_iter().next());
    let Some(number) = meta::object::<wire::Number<'_>>(first) else {
        // Hosted numbers, short codes of a carrier and verified callers are not in this list.
        let remedy = "Look for it under Phone Numbers → Manage → Active numbers, and compare the setting sender; a number \
                      of another account, or of a sub-account, needs that account's SID.";
        return ill("the account has no such number".to_owned(), remedy);
    };
    let can: wire::NumberCapabilities<'_> = meta::object(number.capabilities).unwrap_or_default();
    let name = [meta::filled(number.friendly_name), meta::filled(number.phone_number)];
    let mut words: Vec<String> = name.into_iter().flatten().collect();
    words.dedup();
    let name = words.join(", ");
    if can.sms.is_some() && !meta::flag(can.sms) {
        return ill(
            format!("{name} cannot send messages"),
            "Buy a number with the capability SMS, and set it as sender.",
        );
    }
    match meta::filled(number.sms_url) {
        Some(url) => {
            let files = if meta::flag(can.mms) { ", with files" } else { "" };
            well(format!("{name}{files}; its messages go to {url}"))
        }
        None => ill(format!("{name} sends its messages nowhere"), NUMBER_WEBHOOK),
    }
}

fn service(body: &[u8]) -> Finding {
    let Some(service) = answer::<wire::Service<'_>>(body) else {
        return ill(
            "the answer cannot be read".to_owned(),
            "Test again; if it stays, look at the vendor's status page.",
        );
    };
    let name = meta::filled(service.friendly_name).unwrap_or_else(|| "the messaging service".to_owned());
    if meta::flag(service.use_inbound_webhook_on_number) {
        return well(format!("{name}; messages go where each of its numbers says"));
    }
    match meta::filled(service.inbound_request_url) {
        Some(url) => well(format!("{name}; its messages go to {url}")),
        None => ill(format!("{name} sends its messages nowhere"), SERVICE_WEBHOOK),
    }
}

fn well(what: String) -> Finding {
    Finding { ok: true, what, remedy: None }
}

fn ill(what: String, remedy: &str) -> Finding {
    Finding { ok: false, what, remedy: Some(remedy.to_owned()) }
}
