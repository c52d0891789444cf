//! What the Send API answered: acceptances, refusals in our terms, and the things that both products are asked for. It
//! decides no retry itself; a refusal says what a retry would be worth.

mod classes;

use serde::Deserialize;

use super::wire;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::outbound::{Accepted, Sent};
use crate::contract::peer::{Identity, IdentityKind};
use crate::contract::vendor::Finding;
use crate::meta;
use crate::meta::findings::refused;
pub(crate) use classes::TABLE;

/// The vendor's codes of a person of whom it tells nothing.
const NO_PROFILE: [&str; 3] = ["100/33", "100/2018218", "230"];

/// Reads the answer to a send. A reaction is taken without a message id.
pub(crate) fn sent(status: u16, body: &[u8]) -> Sent {
    if let Some(failure) = TABLE.refusal(status, body) {
        return Sent::Refused(failure);
    }
    let Some(answer) = answer::<wire::SendAnswer<'_>>(body) else {
        return Sent::Unclear("the answer is no JSON object".to_owned());
    };
    let recipient = meta::identity(answer.recipient_id).map(|id| Identity::new(IdentityKind::ScopedId, id));
    let id = match (meta::id(answer.message_id), &recipient) {
        (Some(id), _) => id.into_owned(),
        (None, Some(_)) if answer.message_id.is_none() => String::new(),
        _ => return Sent::Unclear("the answer holds no message id".to_owned()),
    };
    Sent::Accepted(Accepted { id, recipient: recipient.into_iter().collect(), held: false })
}

/// Reads the id of an uploaded file.
///
/// # Errors
/// A refusal, or an answer without an id.
pub(crate) fn uploaded(status: u16, body: &[u8]) -> Result<String, Failure> {
    let wire: wire::UploadAnswer<'_> = asked(status, body)?;
    meta::id(wire.attachment_id).map(|id| id.into_owned()).ok_or_else(|| unreadable("no id"))
}

/// Reads what was asked for.
///
/// # Errors
/// A refusal, or an answer that is no object.
pub(crate) fn asked<'a, T: Deserialize<'a>>(status: u16, body: &'a [u8]) -> Result<T, Failure> {
    match TABLE.refusal(status, body) {
        Some(failure) => Err(failure),
        None => answer(body).ok_or_else(|| unreadable("no JSON object")),
    }
}

/// Reads what was asked of a person. That one tells nothing is no trouble of the channel's.
///
/// # Errors
/// As [`asked`]; `PROFILE_UNAVAILABLE` when the person or the vendor does not want it told.
pub(crate) fn asked_of_person<'a, T: Deserialize<'a>>(status: u16, body: &'a [u8]) -> Result<T, Failure> {
    asked(status, body).map_err(|failure| {
        let code = failure.vendor_code.as_deref().unwrap_or_default();
        if !NO_PROFILE.contains(&code) {
            return failure;
        }
        let message = "Nothing is told of this person; they stay without a name.";
        let Failure { vendor_code, vendor_message, .. } = failure;
        let refusal = Failure::new("PROFILE_UNAVAILABLE", message, Retry::Never, Fault::Recipient);
        Failure { vendor_code, vendor_message, ..refusal }
    })
}

/// Whether an account's deliveries come: which of the wanted fields are not subscribed. `app_id` picks our app among
/// those of the account, if it is known; `renew` says how a token is made.
pub(crate) fn subscribed(
    (status, body): (u16, &[u8]),
    app_id: Option<&str>,
    wanted: &[&str],
    remedy: &str,
    renew: &str,
) -> Finding {
    let wire: wire::Subscriptions<'_> = match asked(status, body) {
        Ok(wire) => wire,
        Err(failure) => return refused(&failure, renew),
    };
    let mut fields: Vec<String> = Vec::new();
    for raw in meta::list(wire.data).into_iter().flatten() {
        let app: wire::Subscription<'_> = meta::object(Some(raw)).unwrap_or_default();
        if app_id.is_none() || meta::text(app.id).as_deref() == app_id {
            fields.extend(
                meta::list(app.subscribed_fields).into_iter().flatten().filter_map(|raw| meta::filled(Some(raw))),
            );
        }
    }
    let lacking: Vec<&str> =
        wanted.iter().copied().filter(|wanted| !fields.iter().any(|field| field == wanted)).collect();
    let what = match (fields.is_empty(), lacking.is_empty()) {
        (true, _) => "the app is not subscribed to the account: no message arrives".to_owned(),
        (false, false) => format!("these fields are not subscribed: {}", lacking.join(", ")),
        (false, true) => return Finding { ok: true, what: "all fields are subscribed".to_owned(), remedy: None },
    };
    Finding { ok: false, what, remedy: Some(remedy.to_owned()) }
}

/// The account that a token reaches, against the one in the settings.
pub(crate) fn reached(name: Option<String>, id: Option<String>, configured: &str, setting: &str) -> Finding {
    let name = name.unwrap_or_else(|| "an account without a name".to_owned());
    match id {
        Some(id) if id == configured => Finding { ok: true, what: name, remedy: None },
        Some(id) => Finding {
            ok: false,
            what: format!("the token reaches {name} with the id {id}, and the settings name {configured}"),
            remedy: Some(format!("Set {setting} to {id}, or make a token for the account that is meant.")),
        },
        None => Finding {
            ok: false,
            what: format!("the token reaches {name}, and the vendor does not say which account that is"),
            remedy: Some("Make a token for the account itself, not for a person or an app.".to_owned()),
        },
    }
}

fn answer<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    meta::object(serde_json::from_slice(body).ok())
}

fn unreadable(what: &str) -> Failure {
    let message = format!("The vendor answered with success, but the answer cannot be read: {what}.");
    Failure::new("VENDOR_ANSWER_UNREADABLE", message, Retry::Backoff, Fault::Vendor)
}
