//! What the vendor says about content templates: the list, a new one and its approval, and the end of one.

use serde_json::{Value, json};
use url::Url;

use super::{answer, complaint, refusal, unreadable};
use crate::contract::failure::{DraftRefused, Failure, Fault};
use crate::contract::outbound::{TemplateDraft, TemplateInfo};
use crate::meta::{self, Raw};
use crate::twilio::wire;

/// The vendor's code of what is not there.
const NOT_THERE: i64 = 20_404;

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
pub(in crate::twilio) fn page(mark: &str) -> Vec<(&'static str, String)> {
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
    let reason = meta::filled(approval.rejection_reason);
    let about = json!({
        "type": "content",
        "friendly_name": meta::filled(wire.friendly_name),
        "name": meta::filled(approval.name),
        "rejection_reason": reason,
        "variables": keep(wire.variables),
    });
    let mut components = vec![about];
    if let Value::Object(types) = keep(wire.types) {
        components.extend(types.into_iter().map(|(kind, content)| json!({ "type": kind, "content": content })));
    }
    let sid = meta::id(wire.sid)?.into_owned();
    Some(TemplateInfo {
        id: Some(sid.clone()),
        name: sid,
        language: meta::filled(wire.language).unwrap_or_default(),
        status: meta::filled(approval.status).map_or_else(|| "UNSUBMITTED".to_owned(), |word| word.to_uppercase()),
        category: meta::filled(approval.category).map(|word| word.to_uppercase()),
        reason,
        components,
    })
}

/// Reads a new template, whose approval is still to be asked for.
///
/// # Errors
/// A refusal, or an answer without SID.
pub fn created_template(draft: &TemplateDraft, status: u16, body: &[u8]) -> Result<TemplateInfo, DraftRefused> {
    if let Some(failure) = refusal(status, body) {
        return Err(of_draft(status, failure).into());
    }
    let raw = serde_json::from_slice(body).ok();
    let made = template(raw).ok_or_else(|| unreadable("no SID"))?;
    Ok(TemplateInfo { category: Some(draft.category.clone()), ..made })
}

/// Reads how far the approval of a template is.
///
/// # Errors
/// A refusal, or an answer without status.
pub fn requested_approval(status: u16, body: &[u8]) -> Result<String, Failure> {
    if let Some(failure) = refusal(status, body) {
        return Err(of_draft(status, failure));
    }
    let approval: wire::Approval<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    meta::filled(approval.status).map(|word| word.to_uppercase()).ok_or_else(|| unreadable("no status"))
}

/// What the vendor does not take of what was handed in is its sender's to mend.
fn of_draft(status: u16, failure: Failure) -> Failure {
    match status {
        400 | 409 | 422 => Failure { fault: Fault::Sender, ..failure },
        _ => failure,
    }
}

/// Reads whether a template has ended. One that is not there has.
///
/// # Errors
/// A refusal.
pub fn removed_template(status: u16, body: &[u8]) -> Result<(), Failure> {
    match refusal(status, body) {
        Some(_) if matches!(complaint(body), Some((Some(NOT_THERE), _))) => Ok(()),
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
