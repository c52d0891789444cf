//! What the vendor says about templates: the list, what became of a new one or of the end of one, and its notices.

use serde_json::Value;

use super::{NOT_THERE, answer, refusal, unreadable};
use crate::contract::failure::{DraftRefused, Failure, Fault, Retry};
use crate::contract::inbound::{Notice, TemplateNews};
use crate::contract::outbound::{TemplateDraft, TemplateInfo};
use crate::meta::complaint::{Complaint, complaint_in};
use crate::meta::{self, Raw};
use crate::whatsapp::wire;

/// Words that say that there is no reason.
const NO_REASON: &str = "NONE";
/// Words of news that leave the status of a template open, or as it was.
const NO_STATUS: [&str; 4] = ["FLAGGED", "LOCKED", "UNARCHIVED", "UNLOCKED"];
/// Finer codes of refusals, and the component that each is about.
const ABOUT: [(i64, &str); 3] = [(2_388_047, "HEADER"), (2_388_072, "BODY"), (2_388_073, "FOOTER")];
/// What of a template a refusal may be about.
const FIELDS: [&str; 4] = ["category", "components", "language", "name"];

/// Reads a page of templates, and the mark of the next page if there is one.
///
/// # Errors
/// A refusal, or an answer without a list.
pub fn templates(status: u16, body: &[u8]) -> Result<(Vec<TemplateInfo>, Option<String>), Failure> {
    if let Some(failure) = refusal(status, body) {
        return Err(failure);
    }
    let page: wire::TemplatePage<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    let templates = meta::list(page.data).ok_or_else(|| unreadable("no list"))?;
    let templates = templates.into_iter().filter_map(|raw| template(Some(raw))).collect();
    let paging: wire::Paging<'_> = meta::object(page.paging).unwrap_or_default();
    // The absolute address of the next page is not followed: it may carry the token and leaves a stand-in.
    let after = paging.next.and(paging.cursors);
    let after = meta::object::<wire::Cursors<'_>>(after).and_then(|cursors| meta::filled(cursors.after));
    Ok((templates, after))
}

fn template(raw: Raw<'_>) -> Option<TemplateInfo> {
    let wire: wire::Template<'_> = meta::object(raw)?;
    Some(TemplateInfo {
        id: meta::id(wire.id).map(|id| id.into_owned()),
        name: meta::filled(wire.name)?,
        language: meta::filled(wire.language)?,
        status: meta::filled(wire.status)?,
        category: meta::filled(wire.category),
        reason: meta::filled(wire.rejected_reason).filter(|reason| reason != NO_REASON),
        components: meta::list(wire.components).into_iter().flatten().map(meta::keep).collect(),
    })
}

/// Reads a new template: what is known of it beside what was handed in.
///
/// # Errors
/// A refusal, with the field where the vendor tells, or an answer without id.
pub fn created_template(draft: &TemplateDraft, status: u16, body: &[u8]) -> Result<TemplateInfo, DraftRefused> {
    if let Some(failure) = refusal(status, body) {
        return Err(of_draft(draft, failure, complaint_in(body)));
    }
    let wire: wire::Template<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    Ok(TemplateInfo {
        id: Some(meta::id(wire.id).ok_or_else(|| unreadable("no id"))?.into_owned()),
        name: draft.name.clone(),
        language: draft.language.clone(),
        status: meta::filled(wire.status).unwrap_or_else(|| "PENDING".to_owned()),
        category: Some(meta::filled(wire.category).unwrap_or_else(|| draft.category.clone())),
        reason: None,
        components: draft.components.clone(),
    })
}

/// A refusal in terms of what was handed in.
fn of_draft(draft: &TemplateDraft, failure: Failure, complaint: Option<Complaint>) -> DraftRefused {
    let Some(complaint) = complaint else { return failure.into() };
    if (complaint.code, complaint.subcode) == (NOT_THERE.0, Some(NOT_THERE.1)) {
        let message = "WhatsApp does not show the business account of the setting waba_id to this token.";
        let known = Failure::new("CHANNEL_INCOMPLETE", message, Retry::Never, Fault::Operator);
        return Failure { vendor_code: failure.vendor_code, vendor_message: failure.vendor_message, ..known }.into();
    }
    if failure.code == "TEMPLATE_EXISTS" {
        return failure.about("name");
    }
    let kind = ABOUT.iter().find(|(code, _)| Some(*code) == complaint.subcode).map(|(_, kind)| *kind);
    let is_it = |component: &Value| {
        let own = component.get("type").and_then(Value::as_str);
        own.zip(kind).is_some_and(|(own, kind)| own.eq_ignore_ascii_case(kind))
    };
    let component = draft.components.iter().position(is_it).map(|place| format!("components[{place}]"));
    match component.or_else(|| named_field(&complaint.words)) {
        Some(field) => failure.about(field),
        None => failure.into(),
    }
}

/// The field that the vendor's words name: `Param components[0]['type'] must be one of …`, `The parameter name is required`.
fn named_field(words: &str) -> Option<String> {
    let after =
        words.split(' ').skip_while(|word| !matches!(word.to_ascii_lowercase().as_str(), "param" | "parameter"));
    let path = after.skip(1).find(|word| FIELDS.iter().any(|field| word.starts_with(field)))?;
    let path = path.trim_end_matches(['.', ',', ':', ';']).replace("['", ".").replace("']", "");
    let root = path.split(['.', '[']).next().unwrap_or_default();
    (FIELDS.contains(&root) && path.len() <= 200).then_some(path)
}

/// Reads whether a template has ended.
///
/// # Errors
/// A refusal, or an answer that does not say so.
pub fn removed_template(status: u16, body: &[u8]) -> Result<(), Failure> {
    if let Some(failure) = refusal(status, body) {
        return Err(failure);
    }
    let done: wire::Done<'_> = answer(body).ok_or_else(|| unreadable("no JSON object"))?;
    if meta::flag(done.success) { Ok(()) } else { Err(unreadable("it does not say that it was done")) }
}

/// Reads what a notice says about a template.
#[must_use]
pub fn template_news(notice: &Notice) -> Option<TemplateNews> {
    let text = notice.detail.to_string();
    let news: wire::TemplateNews<'_> = answer(text.as_bytes())?;
    let event = meta::filled(news.event).filter(|event| !NO_STATUS.contains(&event.as_str()));
    let status = event.map(|event| if event == "REINSTATED" { "APPROVED".to_owned() } else { event });
    let rejection = meta::object::<wire::Rejection<'_>>(news.rejection_info).and_then(|why| meta::filled(why.reason));
    let remark = meta::object::<wire::Remark<'_>>(news.other_info).and_then(|said| meta::filled(said.description));
    let reason = meta::filled(news.reason).filter(|reason| reason != NO_REASON);
    Some(TemplateNews {
        name: meta::filled(news.message_template_name)?,
        language: meta::filled(news.message_template_language)?,
        status,
        category: meta::filled(news.new_category).or_else(|| meta::filled(news.message_template_category)),
        reason: rejection.or(remark).or(reason),
    })
}
