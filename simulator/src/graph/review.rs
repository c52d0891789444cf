//! Templates on their way in and out: what may be handed in, what becomes of it and who is told, and the end of one.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::errors::GraphError;
use super::webhooks::{account_news, letter};
use crate::accounts::{Account, Review};
use crate::json::set;
use crate::webhooks::post;
use crate::world::World;

/// What templates are for.
const CATEGORIES: [&str; 3] = ["AUTHENTICATION", "MARKETING", "UTILITY"];
/// The parts that a template may have.
const PARTS: [&str; 6] = ["BODY", "BUTTONS", "CAROUSEL", "FOOTER", "HEADER", "LIMITED_TIME_OFFER"];
/// Why templates are rejected.
const REASON: &str = "INVALID_FORMAT";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn wrong(words: &str) -> GraphError {
    GraphError::worded(400, 100, None, words)
}

/// `POST /{waba_id}/message_templates`.
pub fn hand_in(world: &Arc<World>, account: &Account, body: &[u8]) -> Result<HttpResponse, GraphError> {
    let given: Value = serde_json::from_slice(body).map_err(|_| wrong("Invalid parameter"))?;
    let mut template = checked(&given)?;
    let named = |known: &&Value| ["name", "language"].iter().all(|key| text(known, key) == text(&given, key));
    if account.templates.iter().any(|known| named(&known)) {
        return Err(GraphError::worded(400, 100, Some(2_388_024), "Invalid parameter")
            .explained("There is already content for this template in this language. You can create a new template."));
    }
    let id = world.ids.digits();
    let at_once = account.template_review_ms == 0;
    let verdict = match account.template_review {
        Review::Approve => "APPROVED",
        Review::Reject => "REJECTED",
        Review::Never => "PENDING",
    };
    let status = if at_once { verdict } else { "PENDING" };
    for (member, value) in [("id", json!(id)), ("status", json!(status))] {
        set(&mut template, member, value);
    }
    let category = text(&template, "category").to_owned();
    world.accounts.change(&account.phone_number_id, |account| account.templates.push(template));
    if account.template_review != Review::Never {
        let after = Duration::from_millis(account.template_review_ms);
        world.runtime.spawn(judge(Arc::clone(world), account.phone_number_id.clone(), id.clone(), verdict, after));
    }
    Ok(HttpResponse::Ok().json(json!({"id": id, "status": status, "category": category})))
}

/// What was handed in, as it is listed.
fn checked(given: &Value) -> Result<Value, GraphError> {
    for member in ["name", "language", "category"] {
        if text(given, member).is_empty() {
            return Err(wrong(&format!("The parameter {member} is required.")));
        }
    }
    let (name, category) = (text(given, "name"), text(given, "category"));
    if name.len() > 512 || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    {
        return Err(wrong("Param name can only have lowercase letters, numbers and underscores."));
    }
    if !CATEGORIES.contains(&category) {
        return Err(wrong(&format!(
            "Param category must be one of {{{}}} - got \"{category}\".",
            CATEGORIES.join(", ")
        )));
    }
    let components = given.get("components").and_then(Value::as_array);
    let components = components.ok_or_else(|| wrong("The parameter components is required."))?;
    for (place, component) in components.iter().enumerate() {
        let kind = text(component, "type").to_uppercase();
        if !PARTS.contains(&kind.as_str()) {
            let parts = PARTS.join(", ");
            return Err(wrong(&format!(
                "Param components[{place}]['type'] must be one of {{{parts}}} - got \"{kind}\"."
            )));
        }
        if kind == "FOOTER" && text(component, "text").contains('\n') {
            return Err(GraphError::worded(400, 100, Some(2_388_073), "Invalid parameter")
                .explained("The footer can't have any newlines."));
        }
    }
    let mut template = json!({"name": name, "language": text(given, "language"), "category": category,
        "components": components});
    if let Some(format) = given.get("parameter_format") {
        set(&mut template, "parameter_format", format.clone());
    }
    Ok(template)
}

/// Somebody has looked at it: the list says so, and the gateway is told.
async fn judge(world: Arc<World>, number: String, id: String, verdict: &'static str, after: Duration) {
    tokio::time::sleep(after).await;
    let rejected = verdict == "REJECTED";
    let judged = world.accounts.change(&number, |account| {
        let template = account.templates.iter_mut().find(|template| text(template, "id") == id)?;
        set(template, "status", json!(verdict));
        set(template, "rejected_reason", json!(if rejected { REASON } else { "NONE" }));
        Some(template.clone())
    });
    let (Some(Some(template)), Some(account)) = (judged, world.accounts.get(&number)) else { return };
    let mut value = json!({"event": verdict, "message_template_id": id.parse::<u64>().unwrap_or_default(),
        "message_template_name": text(&template, "name"), "message_template_language": text(&template, "language"),
        "message_template_category": text(&template, "category"), "reason": if rejected { REASON } else { "NONE" }});
    if rejected {
        let why = "The variables of the template are not formatted as they should be.";
        set(&mut value, "rejection_info", json!({"reason": why, "recommendation": "Correct the variables."}));
    }
    let document = account_news(&account, "message_template_status_update", value, world.clock.now_ms() / 1_000);
    post(&world, letter(&account, "inbound", &document, Vec::new()), Duration::ZERO);
}

/// `DELETE /{waba_id}/message_templates`: by id and name in one language, by the name alone in all.
pub fn end(world: &World, account: &Account, query: &[(String, String)]) -> Result<HttpResponse, GraphError> {
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let name = of("name").ok_or_else(|| wrong("The parameter name is required."))?;
    let stays =
        |template: &Value| text(template, "name") != name || of("hsm_id").is_some_and(|id| text(template, "id") != id);
    let ended = world.accounts.change(&account.phone_number_id, |account| {
        let before = account.templates.len();
        account.templates.retain(stays);
        before > account.templates.len()
    });
    if ended == Some(true) {
        return Ok(HttpResponse::Ok().json(json!({"success": true})));
    }
    Err(GraphError::worded(404, 100, Some(2_593_002), "Invalid parameter")
        .explained("There is no such message template."))
}
