//! Requests about templates: the list, a new one, and the end of one.

use serde_json::{Value, json};

use super::{get, post};
use crate::contract::failure::{DraftRefused, Failure, Fault, Retry};
use crate::contract::outbound::TemplateDraft;
use crate::contract::request::{Body, Method, Request};
use crate::meta::graph::encoded;
use crate::whatsapp::Settings;

/// What a list of templates is asked for.
const FIELDS: &str = "name,status,category,language,parameter_format,components,rejected_reason";
/// What templates are for.
const CATEGORIES: [&str; 3] = ["AUTHENTICATION", "MARKETING", "UTILITY"];
/// Longest name, in characters.
const LONGEST_NAME: usize = 512;

/// Renders the question for a page of templates; `after` is the mark that the page before gave.
///
/// # Errors
/// `CHANNEL_INCOMPLETE` when the settings name no business account.
pub fn templates(settings: &Settings, after: Option<&str>) -> Result<Request, Failure> {
    let mut path = format!("{}?fields={}&limit=100", edge(settings)?, encoded(FIELDS));
    if let Some(after) = after {
        path.push_str("&after=");
        path.push_str(&encoded(after));
    }
    Ok(get(settings, &path))
}

/// Renders a new template, which asks for its approval.
///
/// # Errors
/// `CHANNEL_INCOMPLETE`; `INVALID_CONTENT`, naming the field, for what the vendor refuses in any case.
pub fn template_creation(settings: &Settings, draft: &TemplateDraft) -> Result<Request, DraftRefused> {
    let path = edge(settings)?;
    let invalid = |field: &str, must: String| Err(Failure::content("INVALID_CONTENT", must).about(field));
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=LONGEST_NAME).contains(&draft.name.len()) || !draft.name.bytes().all(plain) {
        return invalid("name", format!("1 to {LONGEST_NAME} lower-case letters, digits and underscores"));
    }
    if !CATEGORIES.contains(&draft.category.as_str()) {
        return invalid("category", format!("one of {}", CATEGORIES.join(", ")));
    }
    let kind = |component: &Value| component.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !draft.components.iter().any(|component| kind(component).eq_ignore_ascii_case("BODY")) {
        return invalid("components", "a component of the type BODY".to_owned());
    }
    let mut body = json!({
        "name": draft.name, "language": draft.language, "category": draft.category, "components": draft.components,
    });
    if has_named_variables(&draft.components)
        && let Some(members) = body.as_object_mut()
    {
        members.insert("parameter_format".to_owned(), json!("NAMED"));
    }
    Ok(post(settings, &path, Body::Json(body)))
}

/// Whether variables are named rather than counted: the vendor has to be told.
fn has_named_variables(components: &[Value]) -> bool {
    let texts = components.iter().filter_map(|component| component.get("text")?.as_str());
    let names =
        texts.flat_map(|text| text.split("{{").skip(1)).filter_map(|rest| Some(rest.split_once("}}")?.0.trim()));
    names.into_iter().any(|name| !name.is_empty() && !name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Renders the end of a template in its one language: the name alone would end it in all.
///
/// # Errors
/// `CHANNEL_INCOMPLETE`; `INVALID_CONTENT` without the vendor's id.
pub fn template_removal(settings: &Settings, id: Option<&str>, name: &str) -> Result<Request, Failure> {
    let path = edge(settings)?;
    let id = id.ok_or_else(|| Failure::content("INVALID_CONTENT", "The vendor's id of this template is not known."))?;
    let path = format!("{path}?hsm_id={}&name={}", encoded(id), encoded(name));
    Ok(Request { method: Method::Delete, ..get(settings, &path) })
}

fn edge(settings: &Settings) -> Result<String, Failure> {
    let Some(account) = settings.waba_id.as_deref().filter(|id| !id.is_empty()) else {
        let message = "The channel's settings have no waba_id, which templates need.";
        return Err(Failure::new("CHANNEL_INCOMPLETE", message, Retry::Never, Fault::Operator));
    };
    Ok(format!("{}/message_templates", encoded(account)))
}
