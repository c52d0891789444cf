//! What customers write: turns a short description into the vendor's message object and sends it to the gateway.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::media::download_url;
use super::webhooks::{envelope, letter, value_head};
use crate::accounts::Account;
use crate::channel::Channel;
use crate::customers::Customer;
use crate::json::set;
use crate::webhooks::post;
use crate::world::World;

/// A message that has been handed to the lane of webhooks.
#[derive(Debug)]
pub struct Written {
    pub wamid: String,
    pub customer: Arc<Customer>,
    message: Value,
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Writes one message, or a batch: `messages` in one POST, spread over `entries` entries.
///
/// # Errors
/// A sentence about what the description lacks.
pub fn write(world: &Arc<World>, account: &Account, request: &Value) -> Result<(Vec<Written>, u64), String> {
    if let Some(value) = request.get("raw") {
        return Ok((Vec::new(), hand_over(world, account, &envelope(account, value.clone()), Vec::new())));
    }
    let single = [request.clone()];
    let described = request.get("messages").and_then(Value::as_array).map_or(&single[..], Vec::as_slice);
    let written = described.iter().map(|one| compose(world, account, one)).collect::<Result<Vec<_>, _>>()?;
    let entries = request.get("entries").and_then(Value::as_u64).unwrap_or(1).max(1);
    let per_entry = written.len().div_ceil(usize::try_from(entries).unwrap_or(1)).max(1);
    let entry = |part: &[Written]| {
        let mut value = value_head(account);
        let mut contacts: Vec<Value> = Vec::new();
        for one in part {
            let contact = one.customer.contact();
            if !contacts.contains(&contact) {
                contacts.push(contact);
            }
        }
        set(&mut value, "contacts", Value::Array(contacts));
        set(&mut value, "messages", part.iter().map(|one| one.message.clone()).collect());
        json!({"id": account.waba_id, "changes": [{"value": value, "field": "messages"}]})
    };
    let entries: Vec<Value> = written.chunks(per_entry).map(entry).collect();
    let document = json!({"object": "whatsapp_business_account", "entry": entries});
    let wamids = written.iter().map(|one| one.wamid.clone()).collect();
    for one in &written {
        world.books.note(
            "inbound",
            json!({"channel": "whatsapp", "account": account.phone_number_id, "id": one.wamid, "customer": one.customer.id,
                   "message": one.message, "at_ms": world.clock.now_ms()}),
        );
    }
    Ok((written, hand_over(world, account, &document, wamids)))
}

fn hand_over(world: &Arc<World>, account: &Account, document: &Value, wamids: Vec<String>) -> u64 {
    post(world, letter(account, "inbound", document, wamids), Duration::ZERO)
}

/// One message object, with its time, its sender and its content.
fn compose(world: &Arc<World>, account: &Account, request: &Value) -> Result<Written, String> {
    let address = text(request, "customer").or_else(|| text(request, "from"));
    let address = address.ok_or("`customer` or `from` says who writes")?;
    let customer = world.customers.find_or_create(Channel::Whatsapp, address);
    let at_ms = request.get("timestamp_ms").and_then(Value::as_i64).unwrap_or_else(|| world.clock.now_ms());
    let wamid = text(request, "wamid").map_or_else(|| world.ids.wamid(customer.address(), false), str::to_owned);
    let mut message = json!({"id": wamid, "timestamp": (at_ms / 1_000).to_string()});
    for (key, value) in [
        ("from", &customer.wa_id),
        ("from_user_id", &customer.user_id),
        ("from_parent_user_id", &customer.parent_user_id),
    ] {
        if let Some(value) = value {
            set(&mut message, key, json!(value));
        }
    }
    if let Some(context) = context(account, request) {
        set(&mut message, "context", context);
    }
    for key in ["referral", "group_id", "errors", "identity"] {
        if let Some(value) = request.get(key) {
            set(&mut message, key, value.clone());
        }
    }
    content(world, request, &mut message)?;
    let kind = text(&message, "type").unwrap_or_default();
    if !matches!(kind, "system" | "revoke" | "request_welcome") {
        world.customers.wrote(&account.phone_number_id, &customer.id, at_ms);
        if let Some(group) = text(request, "group_id") {
            world.customers.wrote(&account.phone_number_id, group, at_ms);
        }
    }
    Ok(Written { wamid, customer, message })
}

fn context(account: &Account, request: &Value) -> Option<Value> {
    if let Some(raw) = request.get("context") {
        return Some(raw.clone());
    }
    if let Some(wamid) = text(request, "reply_to") {
        return Some(json!({"from": account.display_phone_number, "id": wamid}));
    }
    let flags: serde_json::Map<String, Value> = ["forwarded", "frequently_forwarded"]
        .into_iter()
        .filter(|flag| request.get(*flag).and_then(Value::as_bool) == Some(true))
        .map(|flag| (flag.to_owned(), json!(true)))
        .collect();
    (!flags.is_empty()).then_some(Value::Object(flags))
}

/// Fills in `type` and the object of that name.
fn content(world: &Arc<World>, request: &Value, message: &mut Value) -> Result<(), String> {
    let kind = text(request, "type").unwrap_or("text");
    let given = request.get(kind).cloned().unwrap_or(Value::Null);
    let (kind, object) = match kind {
        "text" => {
            let body = given.as_str().map(str::to_owned).or_else(|| text(&given, "body").map(str::to_owned));
            ("text", json!({"body": body.ok_or("`text` holds the words")?}))
        }
        "image" | "video" | "audio" | "document" | "sticker" => (kind, media(world, kind, &given)?),
        "button_reply" | "list_reply" => {
            let mut reply = json!({"type": kind});
            set(&mut reply, kind, given);
            ("interactive", reply)
        }
        "edit" => {
            let mut edit = given;
            if let Some(body) = text(&edit, "text").map(str::to_owned) {
                let original = edit.get("original_message_id").cloned();
                edit = json!({"original_message_id": original,
                    "message": {"context": {"id": "M0"}, "type": "text", "text": {"body": body}}});
            }
            ("edit", edit)
        }
        "unsupported" => {
            if message.get("errors").is_none() {
                set(
                    message,
                    "errors",
                    json!([{"code": 131_051, "title": "Message type unknown",
                    "message": "Message type unknown",
                    "error_data": {"details": "Message type is currently not supported."}}]),
                );
            }
            ("unsupported", given)
        }
        other => (other, given),
    };
    set(message, "type", json!(kind));
    if !object.is_null() {
        set(message, kind, object);
    }
    Ok(())
}

/// The media object: of an uploaded file (`id`), or of bytes given with the message (`data_base64`).
fn media(world: &Arc<World>, kind: &str, given: &Value) -> Result<Value, String> {
    let stored = match (text(given, "id"), text(given, "data_base64")) {
        (Some(id), _) => world.media.get(id).ok_or_else(|| format!("media {id} has not been uploaded"))?,
        (None, Some(data)) => {
            let bytes = STANDARD.decode(data).map_err(|_| "`data_base64` is not base64".to_owned())?;
            let mime_type = text(given, "mime_type").unwrap_or(match kind {
                "image" => "image/jpeg",
                "video" => "video/mp4",
                "audio" => "audio/ogg; codecs=opus",
                "sticker" => "image/webp",
                _ => "application/pdf",
            });
            let filename = text(given, "filename").map(str::to_owned);
            world.media.put(world.ids.digits(), mime_type.to_owned(), filename, Bytes::from(bytes))
        }
        (None, None) => return Err(format!("`{kind}` needs `id` of an upload or `data_base64`")),
    };
    let mut object = stored.in_webhook(&download_url(world, &stored.id));
    if given.get("url").is_some_and(|url| url == &json!(false)) {
        object.as_object_mut().and_then(|members| members.remove("url"));
    }
    for key in ["caption", "voice", "animated"] {
        if let Some(value) = given.get(key) {
            set(&mut object, key, value.clone());
        }
    }
    if kind == "document" {
        let filename = text(given, "filename").or(stored.filename.as_deref());
        set(&mut object, "filename", json!(filename.unwrap_or("document")));
    }
    Ok(object)
}
