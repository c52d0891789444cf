//! What customers do on Messenger and Instagram: turns a short description into the vendor's events.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::threads::{Comment, INBOX_APP, INBOX_OWNER};
use super::{Page, events};
use crate::customers::Customer;
use crate::graph::media::open_url;
use crate::json::set;
use crate::webhooks::post;
use crate::world::World;

/// One event that has been composed.
#[derive(Debug)]
pub struct Written {
    /// The message it makes or is about.
    pub id: String,
    pub customer: Arc<Customer>,
    edge: &'static str,
    event: Value,
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Writes one event or a batch: `messages` in one POST, spread over `entries` entries.
///
/// # Errors
/// A sentence about what the description lacks.
pub fn write(world: &Arc<World>, page: &Page, request: &Value) -> Result<(Vec<Written>, u64), String> {
    if let Some(raw) = request.get("raw") {
        let document = if raw.get("object").is_some() {
            raw.clone()
        } else {
            events::document(world, page, "messaging", std::slice::from_ref(raw))
        };
        return Ok((Vec::new(), post(world, events::letter(page, "inbound", &document, Vec::new()), Duration::ZERO)));
    }
    if text(request, "type") == Some("comment") {
        return comment(world, page, request);
    }
    let single = [request.clone()];
    let described = request.get("messages").and_then(Value::as_array).map_or(&single[..], Vec::as_slice);
    let written = described.iter().map(|one| compose(world, page, one)).collect::<Result<Vec<_>, _>>()?;
    let count = request.get("entries").and_then(Value::as_u64).unwrap_or(1).max(1);
    let per_entry = written.len().div_ceil(usize::try_from(count).unwrap_or(1)).max(1);
    let mut entries = Vec::new();
    for part in written.chunks(per_entry) {
        let mut entry = json!({"id": page.id, "time": world.clock.now_ms()});
        for edge in ["messaging", "standby"] {
            let some: Vec<_> = part.iter().filter(|one| one.edge == edge).map(|one| one.event.clone()).collect();
            if !some.is_empty() {
                set(&mut entry, edge, json!(some));
            }
        }
        entries.push(entry);
    }
    for one in &written {
        world.books.note(
            "inbound",
            json!({"channel": page.channel, "account": page.id, "id": one.id, "customer": one.customer.id,
                "message": one.event, "at_ms": world.clock.now_ms()}),
        );
    }
    let ids = written.iter().map(|one| one.id.clone()).collect();
    let kind = if described.iter().all(|one| text(one, "type") == Some("read")) { "receipts" } else { "inbound" };
    let letter = events::letter(page, kind, &events::enclose(page, entries), ids);
    Ok((written, post(world, letter, Duration::ZERO)))
}

fn who(world: &World, page: &Page, request: &Value) -> Result<(Arc<Customer>, String), String> {
    let address = text(request, "customer").or_else(|| text(request, "from"));
    let customer = world.customers.find_or_create(page.channel, address.ok_or("`customer` or `from` says who writes")?);
    let address = customer.address_on(page.channel).cloned().unwrap_or_default();
    Ok((customer, address))
}

fn now(world: &World, request: &Value) -> i64 {
    request.get("timestamp_ms").and_then(Value::as_i64).unwrap_or_else(|| world.clock.now_ms())
}

/// One event, with its time, its sender and its content.
fn compose(world: &Arc<World>, page: &Page, request: &Value) -> Result<Written, String> {
    let (customer, address) = who(world, page, request)?;
    let at_ms = now(world, request);
    let kind = text(request, "type").unwrap_or("text");
    let fresh = || text(request, "mid").map_or_else(|| world.ids.mid(page.is_instagram()), str::to_owned);
    let standby = request.get("standby").and_then(Value::as_bool);
    let edge = match standby {
        Some(true) => "standby",
        Some(false) => "messaging",
        None => events::edge(world, page, &customer.id),
    };
    let given = request.get(kind).cloned().unwrap_or(Value::Null);
    let about = || text(&given, "mid").map(str::to_owned).ok_or_else(|| format!("`{kind}` needs `mid`"));
    let opens = !matches!(kind, "inbox" | "read" | "unsend" | "edit" | "optin" | "account_linking");
    let (id, event) = match kind {
        "reaction" => (about()?, events::event(page, &address, at_ms, "reaction", reaction(&given))),
        "edit" => {
            let edit = json!({"mid": about()?, "text": text(&given, "text"),
                "num_edit": given.get("num_edit").cloned().unwrap_or(json!(1))});
            (about()?, events::event(page, &address, at_ms, "message_edit", edit))
        }
        "unsend" => {
            let gone = json!({"mid": about()?, "is_deleted": true});
            (about()?, events::event(page, &address, at_ms, "message", gone))
        }
        "read" => (about()?, events::read(page, &address, &about()?, at_ms)),
        "postback" => {
            let mut postback = json!({"mid": fresh()});
            let shown: &[&str] =
                if edge == "standby" { &["title", "referral"] } else { &["title", "payload", "referral"] };
            copy(&given, shown, &mut postback);
            let id = text(&postback, "mid").unwrap_or_default().to_owned();
            (id, events::event(page, &address, at_ms, "postback", postback))
        }
        "referral" | "optin" | "account_linking" | "response_feedback" => {
            (fresh(), events::event(page, &address, at_ms, kind, given))
        }
        "inbox" => {
            let id = fresh();
            let app = (!page.is_instagram()).then_some(INBOX_APP);
            (id.clone(), events::echo(page, &address, &id, at_ms, &answer_by_hand(&given), app))
        }
        _ => {
            let mut message = json!({"mid": fresh()});
            content(world, page, kind, request, &mut message)?;
            let id = text(&message, "mid").unwrap_or_default().to_owned();
            (id, events::event(page, &address, at_ms, "message", message))
        }
    };
    if opens {
        world.customers.wrote(&page.id, &customer.id, at_ms);
    }
    Ok(Written { id, customer, edge, event })
}

/// What a person types in the vendor's inbox: words, or a whole message.
fn answer_by_hand(given: &Value) -> Value {
    if given.is_object() { given.clone() } else { json!({"text": given}) }
}

fn reaction(given: &Value) -> Value {
    let emoji = text(given, "emoji").filter(|emoji| !emoji.is_empty());
    let mut reaction = json!({"mid": given.get("mid"), "action": if emoji.is_some() { "react" } else { "unreact" }});
    if emoji.is_some() {
        copy(given, &["emoji", "reaction"], &mut reaction);
    }
    reaction
}

fn copy(from: &Value, keys: &[&str], to: &mut Value) {
    for key in keys {
        if let Some(value) = from.get(*key) {
            set(to, key, value.clone());
        }
    }
}

/// Fills in the content of a message.
fn content(world: &World, page: &Page, kind: &str, request: &Value, message: &mut Value) -> Result<(), String> {
    let given = request.get(kind).cloned().unwrap_or(Value::Null);
    let words = text(request, "text").or_else(|| text(&given, "text")).or_else(|| text(&given, "caption"));
    match kind {
        "text" => {
            words.ok_or("`text` holds the words")?;
        }
        "quick_reply" => {
            set(message, "text", given.get("title").cloned().ok_or("`quick_reply` needs `title`")?);
            set(message, "quick_reply", json!({"payload": given.get("payload").cloned().ok_or("and `payload`")?}));
        }
        "image" | "audio" | "video" | "file" => {
            set(message, "attachments", json!([{"type": kind, "payload": {"url": file(world, kind, &given)?}}]));
        }
        "attachments" => set(message, "attachments", given.clone()),
        "story_reply" if page.is_instagram() => {
            let story = json!({"id": text(&given, "id").map_or_else(|| world.ids.digits(), str::to_owned),
                "url": text(&given, "url").map_or_else(|| format!("{}/stories/1", world.base_url), str::to_owned)});
            set(message, "reply_to", json!({"story": story}));
        }
        "unsupported" => set(message, "is_unsupported", json!(true)),
        "fallback" => {
            let link = json!({"type": "fallback", "payload": {"url": given.get("url"), "title": given.get("title")}});
            set(message, "attachments", json!([link]));
        }
        "sticker"
        | "share"
        | "story_mention"
        | "reel"
        | "ig_reel"
        | "post"
        | "ig_post"
        | "story"
        | "ig_story"
        | "location"
        | "template"
        | "media"
        | "appointment_booking" => {
            set(message, "attachments", json!([{"type": kind, "payload": given}]));
        }
        other => return Err(format!("there is no `{other}` on this channel")),
    }
    if let Some(words) = words {
        set(message, "text", json!(words));
    }
    if let Some(mid) = text(request, "reply_to") {
        set(message, "reply_to", json!({"mid": mid}));
    }
    copy(request, &["referral", "nlp", "commands", "tags", "is_self"], message);
    Ok(())
}

/// The address of a file: of an upload (`id`), of bytes given with the message, or as given.
fn file(world: &World, kind: &str, given: &Value) -> Result<String, String> {
    if let Some(url) = text(given, "url") {
        return Ok(url.to_owned());
    }
    let id = match (text(given, "id"), text(given, "data_base64")) {
        (Some(id), _) => world.media.get(id).ok_or_else(|| format!("media {id} has not been uploaded"))?.id.clone(),
        (None, Some(data)) => {
            let bytes = STANDARD.decode(data).map_err(|_| "`data_base64` is not base64".to_owned())?;
            let mime_type = text(given, "mime_type").unwrap_or(match kind {
                "image" => "image/jpeg",
                "video" | "audio" => "video/mp4",
                _ => "application/pdf",
            });
            let filename = text(given, "filename").map(str::to_owned);
            world.media.put(world.ids.digits(), mime_type.to_owned(), filename, Bytes::from(bytes)).id.clone()
        }
        (None, None) => return Err(format!("`{kind}` needs `id` of an upload, `data_base64` or `url`")),
    };
    Ok(open_url(world, &id))
}

/// A public comment, in the form of a change. It may be answered in private once.
fn comment(world: &Arc<World>, page: &Page, request: &Value) -> Result<(Vec<Written>, u64), String> {
    let (customer, address) = who(world, page, request)?;
    let words = text(request, "text").ok_or("`text` holds the words")?;
    let id = text(request, "id").map_or_else(|| world.ids.digits(), str::to_owned);
    let at_ms = now(world, request);
    let change = if page.is_instagram() {
        let name = customer.username.clone().unwrap_or_else(|| customer.name.to_lowercase().replace(' ', ""));
        json!({"field": "comments", "value": {"id": id, "text": words, "from": {"id": address, "username": name},
            "media": {"id": "18000000000000001", "media_product_type": "FEED"}}})
    } else {
        json!({"field": "feed", "value": {"item": "comment", "verb": "add", "comment_id": id, "message": words,
            "post_id": format!("{}_122000000000001", page.id), "created_time": at_ms / 1_000,
            "from": {"id": address, "name": customer.name}}})
    };
    let comment = Comment { account: page.id.clone(), customer: customer.id.clone(), at_ms, answered: false };
    world.threads.commented(id.clone(), comment);
    let document = events::enclose(page, vec![json!({"id": page.id, "time": at_ms / 1_000, "changes": [change]})]);
    let delivery = post(world, events::letter(page, "inbound", &document, vec![id.clone()]), Duration::ZERO);
    Ok((vec![Written { id, customer, edge: "changes", event: change }], delivery))
}

/// Hands a thread over as the people at the vendor's inbox do, and tells the gateway.
///
/// # Errors
/// A sentence about a direction that does not exist.
pub fn control(world: &Arc<World>, page: &Page, who: &str, to: &str, metadata: Option<&str>) -> Result<u64, String> {
    let customer = world.customers.find_or_create(page.channel, who);
    let address = customer.address_on(page.channel).cloned().unwrap_or_default();
    let (kind, mut content) = match to {
        "inbox" => ("take_thread_control", json!({"previous_owner_app_id": page.app_id})),
        "app" => {
            let content = json!({"new_owner_app_id": page.app_id, "previous_owner_app_id": INBOX_OWNER});
            ("pass_thread_control", content)
        }
        "request" => ("request_thread_control", json!({"requested_owner_app_id": INBOX_OWNER})),
        other => return Err(format!("`to` is inbox, app or request, not {other}")),
    };
    if let Some(metadata) = metadata {
        set(&mut content, "metadata", json!(metadata));
    }
    if to != "request" {
        world.threads.set_elsewhere(&page.id, &customer.id, to == "inbox");
    }
    let event = events::event(page, &address, world.clock.now_ms(), kind, content);
    let document = events::document(world, page, "messaging", &[event]);
    Ok(post(world, events::letter(page, "inbound", &document, Vec::new()), Duration::ZERO))
}
