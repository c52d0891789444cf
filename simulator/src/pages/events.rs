//! What the vendor tells the gateway about a thread: envelopes, echoes, deliveries, reads. It sends, and keeps nothing.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Page;
use crate::graph::escape::to_wire;
use crate::json::set;
use crate::webhooks::{Letter, Seal};
use crate::world::World;

/// One event between a customer and the account; the customer is the sender.
pub fn event(page: &Page, customer: &str, at_ms: i64, kind: &str, content: Value) -> Value {
    let mut event = json!({"sender": {"id": customer}, "recipient": {"id": page.id}, "timestamp": at_ms});
    set(&mut event, kind, content);
    event
}

/// The document around events of one account. `edge` is `messaging` or `standby`.
pub fn document(world: &World, page: &Page, edge: &str, events: &[Value]) -> Value {
    let mut entry = json!({"id": page.id, "time": world.clock.now_ms()});
    set(&mut entry, edge, json!(events));
    enclose(page, vec![entry])
}

/// The document around whole entries.
pub fn enclose(page: &Page, entries: Vec<Value>) -> Value {
    json!({"object": if page.is_instagram() { "instagram" } else { "page" }, "entry": entries})
}

/// A letter of this account.
pub fn letter(page: &Page, kind: &'static str, document: &Value, ids: Vec<String>) -> Letter {
    Letter {
        channel: page.channel,
        account: page.id.clone(),
        kind,
        ids,
        body: Bytes::from(to_wire(document)),
        seal: Seal::Graph,
    }
}

/// The edge on which the gateway hears of a thread.
pub fn edge(world: &World, page: &Page, customer_id: &str) -> &'static str {
    if world.threads.is_elsewhere(&page.id, customer_id) { "standby" } else { "messaging" }
}

/// The echo of a message that the account sent. Instagram leaves out who sent it and what was sent along.
pub fn echo(page: &Page, to: &str, mid: &str, at_ms: i64, message: &Value, app_id: Option<u64>) -> Value {
    let mut content = json!({"mid": mid, "is_echo": true});
    for key in ["text", "quick_reply", "is_self"] {
        if let Some(value) = message.get(key) {
            set(&mut content, key, value.clone());
        }
    }
    let attachments: Vec<Value> = match (message.get("attachments"), message.get("attachment")) {
        (Some(Value::Array(many)), _) => many.clone(),
        (_, Some(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    if !attachments.is_empty() {
        set(&mut content, "attachments", json!(attachments));
    }
    if !page.is_instagram() {
        if let Some(app_id) = app_id {
            set(&mut content, "app_id", json!(app_id));
        }
        if let Some(metadata) = message.get("metadata") {
            set(&mut content, "metadata", metadata.clone());
        }
    }
    json!({"sender": {"id": page.id}, "recipient": {"id": to}, "timestamp": at_ms, "message": content})
}

/// The delivery of a message, which Messenger alone reports. It has no timestamp of its own.
pub fn delivered(page: &Page, by: &str, mid: &str, at_ms: i64) -> Value {
    json!({"sender": {"id": by}, "recipient": {"id": page.id}, "delivery": {"mids": [mid], "watermark": at_ms}})
}

/// The read mark of a customer: a watermark on Messenger, a message on Instagram.
pub fn read(page: &Page, by: &str, mid: &str, at_ms: i64) -> Value {
    let content = if page.is_instagram() { json!({"mid": mid}) } else { json!({"watermark": at_ms}) };
    event(page, by, at_ms, "read", content)
}

/// Tells listeners of a receipt when it falls due.
pub fn note_receipt(world: &Arc<World>, page: &Page, mid: &str, status: &'static str, after: std::time::Duration) {
    if world.count_only {
        return;
    }
    let data = json!({"channel": page.channel, "account": page.id, "id": mid, "status": status});
    let world = Arc::clone(world);
    world.runtime.clone().spawn(async move {
        tokio::time::sleep(after).await;
        world.books.note("receipt", data);
    });
}
