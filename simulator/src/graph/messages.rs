//! `POST /{phone_number_id}/messages`: checks a send, books it, answers it and sets its receipts in motion.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::errors::GraphError;
use super::webhooks::statuses;
use super::{templates, validate};
use crate::accounts::{Account, Receipts, WindowRule};
use crate::books::SentMessage;
use crate::channel::Channel;
use crate::clock::real_ms;
use crate::customers::Customer;
use crate::faults::Action;
use crate::json::set;
use crate::webhooks::{deliver_now, post_status};
use crate::world::World;

/// The types a message may have.
const TYPES: &[&str] = &[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "interactive",
    "template",
];

/// A send that may go out.
struct Draft {
    kind: String,
    to: Option<String>,
    recipient: Option<String>,
    wa_id: Option<String>,
    group: bool,
    category: String,
    customer: Option<Arc<Customer>>,
    inside_window: bool,
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Takes a send. `actions` are the faults that concern receipts.
pub async fn post(world: &Arc<World>, account: &Arc<Account>, body: &[u8], actions: &[Action]) -> HttpResponse {
    match take(world, account, body, actions).await {
        Ok(document) => HttpResponse::Ok().json(document),
        Err(error) => error.response(&world.ids),
    }
}

async fn take(
    world: &Arc<World>,
    account: &Arc<Account>,
    body: &[u8],
    actions: &[Action],
) -> Result<Value, GraphError> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| GraphError::about(100, "The request body is not valid JSON."))?;
    if body.get("messaging_product").and_then(Value::as_str) != Some("whatsapp") {
        return Err(GraphError::about(100, "The parameter messaging_product is required."));
    }
    if let Some(status) = body.get("status") {
        return mark_read(world, account, status, &body);
    }
    let draft = check(world, account, &body)?;
    if !draft.inside_window && account.window == WindowRule::AtOnce {
        return Err(GraphError::of(131_047));
    }
    let address = draft.wa_id.as_deref().or(draft.recipient.as_deref()).or(draft.to.as_deref()).unwrap_or_default();
    let wamid = world.ids.wamid(address, true);
    let answer = answer(&draft, &wamid);
    let message = enter(world, account, &draft, body, wamid);
    receipts(world, account, &draft, &message, actions).await;
    Ok(answer)
}

/// Read marks and typing indicators.
fn mark_read(world: &World, account: &Account, status: &Value, body: &Value) -> Result<Value, GraphError> {
    if status.as_str() != Some("read") {
        return Err(GraphError::about(100, "Param status must be one of {read}."));
    }
    let wamid =
        text(body, "message_id").ok_or_else(|| GraphError::about(131_008, "Parameter message_id is missing"))?;
    let typing = body.pointer("/typing_indicator/type").and_then(Value::as_str) == Some("text");
    world.books.note(
        "mark_read",
        json!({"channel": "whatsapp", "account": account.phone_number_id, "id": wamid, "typing": typing,
            "at_ms": world.clock.now_ms()}),
    );
    Ok(json!({"success": true}))
}

/// Checks everything about a send that can be refused at once.
fn check(world: &World, account: &Account, body: &Value) -> Result<Draft, GraphError> {
    let kind = text(body, "type").unwrap_or_else(|| "text".to_owned());
    if !TYPES.contains(&kind.as_str()) {
        let types = TYPES.join(", ").to_uppercase();
        return Err(GraphError::about(100, format!("Param type must be one of {{{types}}} - got \"{kind}\".")));
    }
    let group = match body.get("recipient_type").and_then(Value::as_str) {
        None | Some("individual") => false,
        Some("group") => true,
        Some(_) => return Err(GraphError::about(100, "Param recipient_type must be one of {individual, group}.")),
    };
    let (to, recipient) = (text(body, "to"), text(body, "recipient"));
    let wa_id = match (&to, &recipient) {
        (None, None) => return Err(GraphError::about(100, "The parameter to is required.")),
        (Some(to), _) if !group => Some(phone(to)?),
        _ => None,
    };
    if wa_id.as_deref() == Some(account.display_phone_number.as_str()) {
        return Err(GraphError::of(131_021));
    }
    validate::content(&kind, body, group)?;
    let mut category = "service".to_owned();
    if kind == "template" {
        let template = templates::check(account, body.get("template").unwrap_or(&Value::Null), to.is_none())?;
        category = text(template, "category").unwrap_or_default().to_lowercase();
    }
    if let Some(id) = body.get(&kind).and_then(|object| object.get("id")).and_then(Value::as_str)
        && world.media.get(id).is_none()
    {
        return Err(GraphError::about(131_009, format!("Media {id} does not exist or belongs to another number")));
    }
    let address = wa_id.as_deref().or(recipient.as_deref());
    let customer = address.and_then(|address| world.customers.find(address));
    let who = customer.as_deref().map(|customer| customer.id.as_str()).or(to.as_deref()).unwrap_or_default();
    let inside_window = account.window == WindowRule::Off
        || kind == "template"
        || world
            .customers
            .window_closes_ms(&account.phone_number_id, who)
            .is_some_and(|closes| world.clock.now_ms() < closes);
    Ok(Draft { kind, to, recipient, wa_id, group, category, customer, inside_window })
}

/// The `wa_id` of a number as callers write it, with the countries whose two forms differ.
fn phone(to: &str) -> Result<String, GraphError> {
    let digits: String = to.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')' | '.')).collect();
    if digits.len() < 5 || digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(GraphError::about(131_009, format!("Parameter to is not a phone number: {to}")));
    }
    let rest = |prefix: &str| digits.strip_prefix(prefix).map(str::to_owned);
    // Brazil drops the ninth digit outside the oldest area codes; Mexico and Argentina gain one.
    if let Some(rest) = rest("55")
        && rest.len() == 11
        && rest.as_str() > "30"
        && let (Some(area), Some(local)) = (rest.get(..2), rest.get(2..).and_then(|local| local.strip_prefix('9')))
    {
        return Ok(format!("55{area}{local}"));
    }
    for (country, extra) in [("52", "1"), ("54", "9")] {
        if let Some(rest) = rest(country)
            && rest.len() == 10
        {
            return Ok(format!("{country}{extra}{rest}"));
        }
    }
    Ok(digits)
}

fn answer(draft: &Draft, wamid: &str) -> Value {
    let mut contact = json!({"input": draft.to.as_deref().or(draft.recipient.as_deref())});
    if let Some(wa_id) = &draft.wa_id {
        set(&mut contact, "wa_id", json!(wa_id));
    }
    if let Some(user_id) = draft.recipient.as_ref().filter(|_| !draft.group) {
        set(&mut contact, "user_id", json!(user_id));
    }
    let mut message = json!({"id": wamid});
    if draft.kind == "template" {
        set(&mut message, "message_status", json!("accepted"));
    }
    json!({"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]})
}

fn enter(world: &World, account: &Account, draft: &Draft, body: Value, wamid: String) -> Arc<SentMessage> {
    let tracking = text(&body, "biz_opaque_callback_data");
    world.enter(SentMessage {
        seq: 0,
        channel: Channel::Whatsapp,
        account: account.phone_number_id.clone(),
        id: wamid,
        to: draft.to.clone(),
        recipient: draft.recipient.clone(),
        customer: draft.customer.as_ref().map(|customer| customer.id.clone()),
        kind: draft.kind.clone(),
        text: words(&draft.kind, &body),
        body,
        tracking,
        arrived_ms: real_ms(),
        at_ms: world.clock.now_ms(),
        duplicate: false,
    })
}

/// What the customer reads first.
fn words(kind: &str, body: &Value) -> Option<String> {
    let object = body.get(kind)?;
    let found = object.get("body").or_else(|| object.get("caption"));
    found.and_then(|found| found.as_str().or_else(|| found.get("text")?.as_str())).map(str::to_owned)
}

/// The receipt of one step, as it stands in `statuses[]`.
fn status(world: &World, draft: &Draft, message: &SentMessage, name: &str, after_ms: u64) -> Value {
    let at = world.clock.now_ms().saturating_add(i64::try_from(after_ms).unwrap_or_default()) / 1_000;
    let mut status = json!({"id": message.id, "status": name, "timestamp": at.to_string()});
    if draft.group {
        set(&mut status, "recipient_id", json!(draft.to));
        set(&mut status, "recipient_type", json!("group"));
    } else {
        if let Some(wa_id) = &draft.wa_id {
            set(&mut status, "recipient_id", json!(wa_id));
        }
        let known = draft.customer.as_ref().and_then(|customer| customer.user_id.as_ref());
        if let Some(user_id) = known.or(draft.recipient.as_ref()) {
            set(&mut status, "recipient_user_id", json!(user_id));
        }
    }
    if let Some(tracking) = &message.tracking {
        set(&mut status, "biz_opaque_callback_data", json!(tracking));
    }
    if name == "sent" {
        let free = draft.category == "service";
        set(
            &mut status,
            "pricing",
            json!({"billable": !free, "pricing_model": "PMP",
            "type": if free { "free_customer_service" } else { "regular" }, "category": draft.category}),
        );
    }
    status
}

/// Plans the receipts of an accepted message.
async fn receipts(
    world: &Arc<World>,
    account: &Arc<Account>,
    draft: &Draft,
    message: &SentMessage,
    actions: &[Action],
) {
    let refused = actions.iter().find_map(|action| match action {
        Action::FailReceipt(code) => Some(*code),
        _ => None,
    });
    if let Some(code) = refused.or((!draft.inside_window).then_some(131_047)) {
        let mut failed = status(world, draft, message, "failed", 0);
        set(&mut failed, "errors", json!([GraphError::of(code).in_status()]));
        plan(world, account, message, failed, None, account.receipt_delays_ms[0]);
        return;
    }
    let last = if draft.kind == "reaction" { account.receipts.min(Receipts::Sent) } else { account.receipts };
    let early = actions.iter().any(|action| matches!(action, Action::ReceiptsBeforeAnswer));
    let steps = [("sent", Receipts::Sent), ("delivered", Receipts::Delivered), ("read", Receipts::Read)];
    for ((name, step), delay) in steps.into_iter().zip(account.receipt_delays_ms) {
        if step > last {
            break;
        }
        let receipt = status(world, draft, message, name, delay);
        if early && step == Receipts::Sent {
            note_receipt(world, account, message, &receipt);
            deliver_now(world, statuses(account, vec![receipt], Vec::new(), vec![message.id.clone()])).await;
            continue;
        }
        let contact = draft.customer.as_ref().filter(|_| step != Receipts::Sent).map(|customer| customer.contact());
        plan(world, account, message, receipt, contact, delay);
    }
}

fn plan(
    world: &Arc<World>,
    account: &Account,
    message: &SentMessage,
    status: Value,
    contact: Option<Value>,
    after_ms: u64,
) {
    if !world.count_only {
        // Listeners learn of a receipt when it falls due, not when it is planned.
        let (world, number) = (Arc::clone(world), account.phone_number_id.clone());
        let data = json!({"channel": "whatsapp", "account": number, "id": message.id, "status": status.get("status")});
        world.runtime.clone().spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            world.books.note("receipt", data);
        });
    }
    let after = Duration::from_millis(after_ms);
    post_status(world, &account.phone_number_id, message.id.clone(), (status, contact), after);
}

fn note_receipt(world: &World, account: &Account, message: &SentMessage, status: &Value) {
    let status = status.get("status");
    let data = json!({"channel": "whatsapp", "account": account.phone_number_id, "id": message.id, "status": status});
    world.books.note("receipt", data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_the_vendors_form() {
        for (written, wa_id) in [
            ("+1 (650) 555-1234", Some("16505551234")),
            ("+5541987654321", Some("554187654321")),
            ("5511987654321", Some("5511987654321")),
            ("525512345678", Some("5215512345678")),
            ("541123456789", Some("5491123456789")),
            ("12", None),
            ("nobody", None),
        ] {
            assert_eq!(phone(written).ok().as_deref(), wa_id, "{written}");
        }
    }
}
