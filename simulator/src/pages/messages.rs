//! `POST /{account}/messages`: checks a send, books it, answers it, and sets its echo and its receipts in motion.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::threads::INBOX_OWNER;
use super::{Page, errors, events, validate};
use crate::accounts::{Receipts, WindowRule};
use crate::books::SentMessage;
use crate::clock::real_ms;
use crate::customers::Customer;
use crate::faults::Action;
use crate::graph::errors::GraphError;
use crate::json::set;
use crate::webhooks::{deliver_now, post};
use crate::world::World;

const DAY_MS: i64 = 24 * 3_600_000;

/// Whom a send is for.
struct Recipient {
    customer: Option<Arc<Customer>>,
    /// The scoped id, which answers and events carry.
    address: Option<String>,
    /// What the sender wrote.
    written: String,
    /// The comment it answers in private.
    comment: Option<String>,
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// Takes a send. `actions` are the faults that concern receipts.
pub async fn take(world: &Arc<World>, page: &Page, body: Value, actions: &[Action]) -> Result<Value, GraphError> {
    let recipient = recipient(world, page, &body)?;
    if let Some(action) = validate::action(&body)? {
        return Ok(act(world, page, &recipient, action, &body));
    }
    let message = body.get("message").ok_or_else(|| errors::invalid("The parameter message is required."))?;
    let tag = validate::tag(page.channel, &body)?.map(str::to_owned);
    let kind = validate::message(page.channel, message)?;
    attachments_exist(world, page, message)?;
    in_time(world, page, &recipient, tag.as_deref())?;
    if let Some(comment) = &recipient.comment {
        world.threads.answered(comment);
    }
    let mid = world.ids.mid(page.is_instagram());
    let answer = answer(world, page, &recipient, &mid, message);
    let sent = enter(world, page, &recipient, kind, body, mid);
    follow(world, page, &recipient, &sent, actions).await;
    Ok(answer)
}

fn recipient(world: &World, page: &Page, body: &Value) -> Result<Recipient, GraphError> {
    let given = body.get("recipient").filter(|given| given.is_object());
    let given = given.ok_or_else(|| errors::invalid("The parameter recipient is required"))?;
    if let Some(id) = text(given, "/id") {
        let customer = world
            .customers
            .find(id)
            .filter(|customer| customer.address_on(page.channel).is_some_and(|address| address == id));
        if customer.is_none() && page.window != WindowRule::Off {
            return Err(errors::nobody(page.channel));
        }
        return Ok(Recipient { customer, address: Some(id.to_owned()), written: id.to_owned(), comment: None });
    }
    if let Some(id) = text(given, "/comment_id").or_else(|| text(given, "/post_id")) {
        return private_reply(world, page, id);
    }
    let other = text(given, "/user_ref").or_else(|| text(given, "/phone_number"));
    let other = other.filter(|_| !page.is_instagram());
    let other = other.ok_or_else(|| errors::invalid("The parameter recipient[id] is required"))?;
    Ok(Recipient { customer: None, address: None, written: other.to_owned(), comment: None })
}

/// The writer of a comment, who may be answered once within seven days.
fn private_reply(world: &World, page: &Page, id: &str) -> Result<Recipient, GraphError> {
    let comment = world.threads.comment(id).filter(|comment| comment.account == page.id);
    let comment = comment.ok_or_else(|| errors::of(page.channel, 10_903, None))?;
    if comment.answered {
        return Err(errors::of(page.channel, 10_900, None));
    }
    if world.clock.now_ms() - comment.at_ms > 7 * DAY_MS {
        return Err(errors::of(page.channel, 10_903, None));
    }
    let customer = world.customers.find(&comment.customer);
    let address = customer.as_ref().and_then(|customer| customer.address_on(page.channel).cloned());
    Ok(Recipient { customer, address, written: id.to_owned(), comment: Some(id.to_owned()) })
}

/// Uploaded attachments must be there and stay so.
fn attachments_exist(world: &World, page: &Page, message: &Value) -> Result<(), GraphError> {
    match text(message, "/attachment/payload/attachment_id") {
        Some(id) if world.media.get(id).is_none() && !world.attachments.contains(id) => {
            Err(errors::of(page.channel, 100, Some(2_018_074)))
        }
        _ => Ok(()),
    }
}

/// The rules of time and of control.
fn in_time(world: &World, page: &Page, to: &Recipient, tag: Option<&str>) -> Result<(), GraphError> {
    let Some(customer) = &to.customer else { return Ok(()) };
    if world.threads.is_elsewhere(&page.id, &customer.id) {
        return Err(errors::of(page.channel, 10, Some(2_018_300)));
    }
    if page.window == WindowRule::Off || to.comment.is_some() || tag == Some("UTILITY") {
        return Ok(());
    }
    let days = if tag == Some("HUMAN_AGENT") { 7 } else { 1 };
    if days == 7 && !page.human_agent {
        return Err(errors::of(page.channel, 10, None));
    }
    let last = world.customers.last_wrote_ms(&page.id, &customer.id);
    let open = last.is_some_and(|last| world.clock.now_ms() - last < days * DAY_MS);
    if open { Ok(()) } else { Err(errors::too_late(page.channel)) }
}

/// Typing, read marks and reactions of the account.
fn act(world: &World, page: &Page, to: &Recipient, action: &str, body: &Value) -> Value {
    let customer = to.customer.as_ref().map(|customer| customer.id.clone());
    world.books.note(
        "sender_action",
        json!({"channel": page.channel, "account": page.id, "customer": customer, "action": action,
            "payload": body.get("payload"), "at_ms": world.clock.now_ms()}),
    );
    json!({"recipient_id": to.address})
}

fn answer(world: &World, page: &Page, to: &Recipient, mid: &str, message: &Value) -> Value {
    let mut answer = json!({});
    if let Some(address) = &to.address {
        set(&mut answer, "recipient_id", json!(address));
    }
    set(&mut answer, "message_id", json!(mid));
    if message.pointer("/attachment/payload/is_reusable") == Some(&json!(true)) {
        let id = text(message, "/attachment/payload/uploaded").map_or_else(|| world.ids.digits(), str::to_owned);
        world.attachments.keep(&id, &page.id);
        set(&mut answer, "attachment_id", json!(id));
    }
    answer
}

/// What the customer reads first.
fn words(message: &Value) -> Option<String> {
    ["/text", "/attachment/payload/text", "/attachment/payload/elements/0/title", "/template/name"]
        .into_iter()
        .find_map(|pointer| text(message, pointer))
        .map(str::to_owned)
}

fn enter(world: &World, page: &Page, to: &Recipient, kind: String, body: Value, mid: String) -> Arc<SentMessage> {
    let message = body.get("message").unwrap_or(&Value::Null);
    let (text, tracking) = (words(message), text(message, "/metadata").map(str::to_owned));
    world.enter(SentMessage {
        seq: 0,
        channel: page.channel,
        account: page.id.clone(),
        id: mid,
        to: Some(to.address.clone().unwrap_or_else(|| to.written.clone())),
        recipient: None,
        customer: to.customer.as_ref().map(|customer| customer.id.clone()),
        kind,
        text,
        tracking,
        body,
        arrived_ms: real_ms(),
        at_ms: world.clock.now_ms(),
        duplicate: false,
    })
}

/// Echo, delivery and read mark of an accepted message.
async fn follow(world: &Arc<World>, page: &Page, to: &Recipient, sent: &SentMessage, actions: &[Action]) {
    let Some(address) = to.address.as_deref() else { return };
    let after = |step: usize| page.receipt_delays_ms.get(step).copied().unwrap_or_default();
    let at = |step: usize| sent.at_ms.saturating_add(i64::try_from(after(step)).unwrap_or_default());
    let mut letters = Vec::new();
    if page.echoes {
        let message = sent.body.get("message").unwrap_or(&Value::Null);
        let echo = events::echo(page, address, &sent.id, at(0), message, page.app_id.parse().ok());
        letters.push((0, "echoes", "sent", echo));
    }
    if page.receipts >= Receipts::Delivered && !page.is_instagram() {
        letters.push((1, "receipts", "delivered", events::delivered(page, address, &sent.id, at(1))));
    }
    if page.receipts >= Receipts::Read {
        letters.push((2, "receipts", "read", events::read(page, address, &sent.id, at(2))));
    }
    let mut early = actions.iter().any(|action| matches!(action, Action::ReceiptsBeforeAnswer));
    for (step, kind, status, event) in letters {
        let document = events::document(world, page, "messaging", &[event]);
        let letter = events::letter(page, kind, &document, vec![sent.id.clone()]);
        if std::mem::take(&mut early) {
            events::note_receipt(world, page, &sent.id, status, Duration::ZERO);
            deliver_now(world, letter).await;
            continue;
        }
        let wait = Duration::from_millis(after(step));
        events::note_receipt(world, page, &sent.id, status, wait);
        post(world, letter, wait);
    }
}

/// `POST /{account}/pass_thread_control`, `take_thread_control`, `request_thread_control`, `release_thread_control`.
pub fn hand_over(world: &World, page: &Page, edge: &str, body: &Value) -> Result<Value, GraphError> {
    let to = recipient(world, page, body)?;
    let customer = to.customer.map(|customer| customer.id.clone()).unwrap_or_default();
    let target = match body.get("target_app_id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ if edge == "pass_thread_control" => {
            return Err(errors::invalid("The parameter target_app_id is required."));
        }
        _ => INBOX_OWNER.to_owned(),
    };
    match edge {
        "take_thread_control" => world.threads.set_elsewhere(&page.id, &customer, false),
        "pass_thread_control" | "release_thread_control" => {
            world.threads.set_elsewhere(&page.id, &customer, target != page.app_id);
        }
        _ => {}
    }
    world.books.note(
        "thread_control",
        json!({"channel": page.channel, "account": page.id, "customer": customer, "edge": edge, "target": target}),
    );
    Ok(json!({"success": true}))
}
