//! Requests about content templates: the list, a new one with its approval, and the end of one.

use serde_json::{Map, Value, json};

use super::{encoded, get, post};
use crate::contract::failure::{DraftRefused, Failure};
use crate::contract::outbound::{TemplateDraft, TemplateInfo};
use crate::contract::request::{Body, Method, Request};
use crate::twilio::{Carrier, Settings, is_sid, outcome};

/// Templates a page.
const PAGE: usize = 100;

/// Renders the question for a page of templates; `after` is the mark that the page before gave.
#[must_use]
pub fn templates(settings: &Settings, after: Option<&str>) -> Request {
    let mut url = format!("{}/v1/ContentAndApprovals?PageSize={PAGE}", settings.content_base());
    for (name, value) in outcome::page(after.unwrap_or_default()) {
        url.push_str(&format!("&{name}={}", encoded(&value)));
    }
    get(settings, &url)
}

/// Renders a new template. Its components are as the list shows them: one for each type with its `content`, and beside
/// them one of the type `content` with the `variables`.
///
/// # Errors
/// `INVALID_CONTENT`, naming the field.
pub fn template_creation(settings: &Settings, draft: &TemplateDraft) -> Result<Request, DraftRefused> {
    let mut types = Map::new();
    let mut variables = json!({});
    for (place, component) in draft.components.iter().enumerate() {
        let invalid = |member: &str, must: &str| {
            Failure::content("INVALID_CONTENT", must).about(format!("components[{place}].{member}"))
        };
        let kind = component.get("type").and_then(Value::as_str).filter(|kind| !kind.is_empty());
        let kind = kind.ok_or_else(|| invalid("type", "a type of content, such as twilio/text"))?;
        if kind == "content" {
            let given = component.get("variables").filter(|given| given.is_object());
            variables.clone_from(given.ok_or_else(|| invalid("variables", "an object: a sample for each variable"))?);
            continue;
        }
        let content = component.get("content").filter(|content| content.is_object());
        let content = content.ok_or_else(|| invalid("content", "an object: what this type of content has"))?;
        types.insert(kind.to_owned(), content.clone());
    }
    if types.is_empty() {
        let must = "a component with a type such as twilio/text and its content";
        return Err(Failure::content("INVALID_CONTENT", must).about("components"));
    }
    let body = json!({
        "friendly_name": draft.name, "language": draft.language, "variables": variables, "types": types,
    });
    Ok(post(settings, &format!("{}/v1/Content", settings.content_base()), Body::Json(body)))
}

/// Renders the wish for a template's approval, which only WhatsApp gives.
#[must_use]
pub fn template_approval(settings: &Settings, draft: &TemplateDraft, made: &TemplateInfo) -> Option<Request> {
    let sid = Some(&made.name).filter(|sid| settings.carrier() == Carrier::Whatsapp && is_sid(sid, "HX"))?;
    let url = format!("{}/v1/Content/{sid}/ApprovalRequests/whatsapp", settings.content_base());
    Some(post(settings, &url, Body::Json(json!({ "name": draft.name, "category": draft.category }))))
}

/// Renders the end of a template.
///
/// # Errors
/// `INVALID_CONTENT` for what is no SID of a template.
pub fn template_removal(settings: &Settings, sid: &str) -> Result<Request, Failure> {
    if !is_sid(sid, "HX") {
        return Err(Failure::content("INVALID_CONTENT", "This is no SID of a template."));
    }
    let url = format!("{}/v1/Content/{sid}", settings.content_base());
    Ok(Request { method: Method::Delete, ..get(settings, &url) })
}
