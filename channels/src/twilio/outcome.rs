//! What the vendor answered: acceptances, refusals in our terms, and the things that were asked for. It decides no
//! retry itself; a refusal says what a retry would be worth.

mod classes;
mod findings;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::parse::of_address;
use super::wire;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::outbound::{Accepted, Sent, TemplateInfo};
use crate::meta::{self, Raw};
pub use classes::{OPTED_OUT, classify};
pub use findings::finding;

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

/// Reads a page of templates, and the mark of the next page if there is one.
///
/// # Errors
/// A refusal, or an answer without a list.
pub fn templates(status: u16, body: &[u8]) -> Result<(Vec<TemplateInfo>, Option<String>), Failure> {
    if let Some(failure) = refusal(status, body) {
        return Err(failure);
    }
    let page: wire::TemplatePage<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    let templates = meta::list(page.contents).ok_or_else(|| unreadable("no list"))?;
    let templates = templates.into_iter().filter_map(|raw| template(Some(raw))).collect();
    let meta: wire::PageMeta<'_> = meta::object(page.meta).unwrap_or_default();
    Ok((templates, meta::filled(meta.next_page_url).and_then(|url| mark(&url))))
}

/// The mark of a page in the absolute address of it; the address itself is not followed, for it leaves a stand-in.
fn mark(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let mark = page(url.query().unwrap_or_default());
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&mark);
    (!mark.is_empty()).then(|| query.finish())
}

/// The parameters that name a page, out of a mark.
pub(super) fn page(mark: &str) -> Vec<(&'static str, String)> {
    let known = ["Page", "PageToken"];
    let given: Vec<(String, String)> = url::form_urlencoded::parse(mark.as_bytes()).into_owned().collect();
    let find = |name: &str| given.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
    known.into_iter().filter_map(|name| Some((name, find(name)?))).collect()
}

/// The name of a template is its SID: it is what a send needs, and each language has its own. The name that people
/// gave it stands in the first component.
fn template(raw: Raw<'_>) -> Option<TemplateInfo> {
    let wire: wire::Template<'_> = meta::object(raw)?;
    let approval: wire::Approval<'_> = meta::object(wire.approval_requests).unwrap_or_default();
    let keep = |raw: Raw<'_>| raw.map_or(Value::Null, meta::keep);
    let about = json!({
        "type": "content",
        "friendly_name": meta::filled(wire.friendly_name),
        "name": meta::filled(approval.name),
        "rejection_reason": meta::filled(approval.rejection_reason),
        "variables": keep(wire.variables),
    });
    let mut components = vec![about];
    if let Value::Object(types) = keep(wire.types) {
        components.extend(types.into_iter().map(|(kind, content)| json!({ "type": kind, "content": content })));
    }
    Some(TemplateInfo {
        name: meta::id(wire.sid)?.into_owned(),
        language: meta::filled(wire.language).unwrap_or_default(),
        status: meta::filled(approval.status).map_or_else(|| "UNSUBMITTED".to_owned(), |word| word.to_uppercase()),
        category: meta::filled(approval.category).map(|word| word.to_uppercase()),
        components,
    })
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
