//! What the answers to the probes mean for the person who connects the number.

use super::{account, answer, refusal};
use crate::contract::vendor::Finding;
use crate::meta;
use crate::meta::findings::refused;
use crate::whatsapp::wire;

/// How a token is made.
const RENEW: &str = "in Business settings open Users, System users, give the user full control of the app and of the \
                     WhatsApp account under Assign assets, click Generate token, choose the app, the expiration Never, \
                     and the permissions whatsapp_business_messaging and whatsapp_business_management.";
const SUBSCRIBE: &str = "Call POST /WHATSAPP_BUSINESS_ACCOUNT_ID/subscribed_apps with the access token, and in the app's \
                         dashboard open WhatsApp, Configuration, Webhook, click Manage and subscribe the field messages.";

/// What the answer to a probe means: the first asks for the number, the second for the apps of its account.
#[must_use]
pub fn finding(probe: usize, status: u16, body: &[u8]) -> Finding {
    match probe {
        0 => number(status, body),
        _ => subscribed(status, body),
    }
}

fn number(status: u16, body: &[u8]) -> Finding {
    match account(status, body) {
        Ok(account) => {
            let quality = account.quality.map(|quality| format!("quality {quality}"));
            let words: Vec<String> = [account.name, account.address, quality].into_iter().flatten().collect();
            let what = if words.is_empty() { "a number without a name".to_owned() } else { words.join(", ") };
            Finding { ok: true, what, remedy: None }
        }
        Err(failure) => refused(&failure, RENEW),
    }
}

fn subscribed(status: u16, body: &[u8]) -> Finding {
    if let Some(failure) = refusal(status, body) {
        return refused(&failure, RENEW);
    }
    let wire: wire::Subscriptions<'_> = answer(body).unwrap_or_default();
    match meta::list(wire.data).map_or(0, |apps| apps.len()) {
        0 => Finding {
            ok: false,
            what: "no app is attached to the WhatsApp account: no message arrives".to_owned(),
            remedy: Some(SUBSCRIBE.to_owned()),
        },
        1 => Finding { ok: true, what: "an app is attached".to_owned(), remedy: None },
        apps => Finding { ok: true, what: format!("{apps} apps are attached"), remedy: None },
    }
}
