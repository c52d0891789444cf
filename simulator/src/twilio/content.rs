//! Content templates: the samples, their listing, and whether variables fit one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::TwilioAccount;
use super::errors::TwilioError;
use crate::accounts::Review;
use crate::json::set;
use crate::world::World;

/// Templates that exist from the start.
pub fn samples() -> Vec<Value> {
    let approved = |name: &str| json!({"name": name, "category": "UTILITY", "status": "approved", "content_type": ""});
    vec![
        json!({"sid": "HX00000000000000000000000000000001", "friendly_name": "appointment_reminder", "language": "en",
            "variables": {"1": "Ana", "2": "12/1 at 3pm"}, "approval_requests": approved("appointment_reminder"),
            "types": {"twilio/text": {"body": "Hello {{1}}, your appointment is on {{2}}."}}}),
        json!({"sid": "HX00000000000000000000000000000002", "friendly_name": "confirm_order", "language": "en",
            "variables": {"1": "4711"}, "approval_requests": approved("confirm_order"),
            "types": {"twilio/quick-reply": {"body": "Confirm order {{1}}?", "actions": [
                {"type": "QUICK_REPLY", "title": "Confirm", "id": "confirm:{{1}}"},
                {"type": "QUICK_REPLY", "title": "Cancel", "id": "cancel:{{1}}"}]}}}),
    ]
}

/// The template with this SID.
pub fn find<'a>(account: &'a TwilioAccount, sid: &str) -> Option<&'a Value> {
    account.templates.iter().find(|one| one.get("sid").and_then(Value::as_str) == Some(sid))
}

/// The whole listing as one page.
pub fn page(account: &TwilioAccount, address: &str) -> Value {
    json!({"contents": account.templates, "meta": {"page": 0, "page_size": 50, "first_page_url": address,
        "previous_page_url": null, "url": address, "next_page_url": null, "key": "contents"}})
}

/// A new template, whose approval is still to be asked for.
pub fn create(world: &World, account: &TwilioAccount, body: &[u8]) -> Result<Value, TwilioError> {
    let given: Value = serde_json::from_slice(body).map_err(|_| TwilioError::of(20_001))?;
    let types = given.get("types").and_then(Value::as_object).filter(|types| !types.is_empty());
    let language = given.get("language").and_then(Value::as_str).filter(|language| !language.is_empty());
    let (Some(types), Some(language)) = (types, language) else { return Err(TwilioError::of(20_001)) };
    let made = json!({"sid": world.ids.sid("HX"), "account_sid": account.account_sid, "language": language,
        "friendly_name": given.get("friendly_name"), "variables": given.get("variables"), "types": types,
        "approval_requests": {}});
    world.twilio.change(&account.account_sid, |account| account.templates.push(made.clone()));
    Ok(made)
}

/// Asks for a template's approval; what comes of it stands in the list later.
pub fn ask(world: &Arc<World>, account: &TwilioAccount, sid: &str, body: &[u8]) -> Result<Value, TwilioError> {
    let given: Value = serde_json::from_slice(body).map_err(|_| TwilioError::of(20_001))?;
    let text = |key: &str| given.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(name), Some(category)) = (text("name"), text("category")) else { return Err(TwilioError::of(20_001)) };
    let verdict = match account.template_review {
        Review::Approve => "approved",
        Review::Reject => "rejected",
        Review::Never => "received",
    };
    let status = if account.template_review_ms == 0 { verdict } else { "received" };
    let asked =
        json!({"category": category, "status": status, "rejection_reason": "", "name": name, "content_type": ""});
    book(world, &account.account_sid, sid, asked.clone());
    if account.template_review_ms > 0 && account.template_review != Review::Never {
        let (world, account, sid) = (Arc::clone(world), account.clone(), sid.to_owned());
        let mut judged = asked.clone();
        set(&mut judged, "status", json!(verdict));
        if verdict == "rejected" {
            set(&mut judged, "rejection_reason", json!("INVALID_FORMAT"));
        }
        world.runtime.clone().spawn(async move {
            tokio::time::sleep(Duration::from_millis(account.template_review_ms)).await;
            book(&world, &account.account_sid, &sid, judged);
        });
    }
    Ok(asked)
}

fn book(world: &World, account: &str, sid: &str, approval: Value) {
    let is_it = |one: &&mut Value| one.get("sid").and_then(Value::as_str) == Some(sid);
    world.twilio.change(account, |account| {
        if let Some(template) = account.templates.iter_mut().find(is_it) {
            set(template, "approval_requests", approval);
        }
    });
}

/// The end of a template.
pub fn end(world: &World, account: &TwilioAccount, sid: &str) {
    let stays = |one: &Value| one.get("sid").and_then(Value::as_str) != Some(sid);
    world.twilio.change(&account.account_sid, |account| account.templates.retain(stays));
}

/// The template filled in: its words and its type, as the customer sees them.
pub fn fill(account: &TwilioAccount, sid: &str, variables: Option<&str>) -> Result<(String, Value), TwilioError> {
    let template = find(account, sid).ok_or_else(|| TwilioError::of(21_655))?;
    let values: serde_json::Map<String, Value> = match variables {
        None | Some("") => serde_json::Map::new(),
        Some(text) => serde_json::from_str(text).map_err(|_| TwilioError::of(21_656))?,
    };
    if values.values().any(|value| !value.is_string()) {
        return Err(TwilioError::of(21_656));
    }
    let defaults = template.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut types = template.get("types").cloned().unwrap_or_default().to_string();
    for key in defaults.keys().chain(values.keys()) {
        let value = values.get(key).or_else(|| defaults.get(key)).and_then(Value::as_str).unwrap_or_default();
        let escaped = Value::String(value.to_owned()).to_string();
        let escaped = escaped.get(1..escaped.len().saturating_sub(1)).unwrap_or_default();
        types = types.replace(&format!("{{{{{key}}}}}"), escaped);
    }
    let types: Value = serde_json::from_str(&types).unwrap_or_default();
    let body = types.as_object().and_then(|types| types.values().find_map(|kind| kind.get("body")?.as_str()));
    Ok((body.unwrap_or_default().to_owned(), types))
}
