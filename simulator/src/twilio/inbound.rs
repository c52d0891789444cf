//! What customers write by SMS and `WhatsApp` through Twilio, and what Twilio itself does with opt-out words.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{TwilioAccount, media, messages, signature};
use crate::channel::Channel;
use crate::clock::rfc2822;
use crate::customers::Customer;
use crate::webhooks::{Letter, Seal, post};
use crate::world::World;

const STOP: &[&str] = &["stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"];
const START: &[&str] = &["start", "yes", "unstop"];
const HELP: &[&str] = &["help", "info"];

/// A message that has been handed to the lane of webhooks.
#[derive(Debug)]
pub struct Written {
    pub id: String,
    pub customer: Arc<Customer>,
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Who writes to which sender.
struct Way {
    customer: Arc<Customer>,
    from: String,
    to: String,
    whatsapp: bool,
}

/// Writes one message.
///
/// # Errors
/// A sentence about what the description lacks.
pub fn write(world: &Arc<World>, account: &TwilioAccount, request: &Value) -> Result<(Vec<Written>, u64), String> {
    let way = way(world, account, request)?;
    let files = files(world, request)?;
    let prefix = if files.is_empty() { "SM" } else { "MM" };
    let sid = text(request, "sid").map_or_else(|| world.ids.sid(prefix), str::to_owned);
    let words = words(request);
    let mut fields = head(account, &way, &sid, &words, files.len());
    for (index, (id, mime_type)) in files.iter().enumerate() {
        fields.push((format!("MediaUrl{index}"), media::address(world, account, &sid, id)));
        fields.push((format!("MediaContentType{index}"), mime_type.clone()));
    }
    content(&way, request, &mut fields)?;
    if !way.whatsapp {
        opt_out(world, account, &way, &words, &mut fields);
    }
    // What the request spells out wins, so that strange payloads can be made.
    for (name, value) in request.get("fields").and_then(Value::as_object).into_iter().flatten() {
        fields.retain(|field| &field.0 != name);
        if let Some(value) = value.as_str() {
            fields.push((name.clone(), value.to_owned()));
        }
    }
    let at_ms = request.get("timestamp_ms").and_then(Value::as_i64).unwrap_or_else(|| world.clock.now_ms());
    world.customers.wrote(&messages::window_key(account, &way.from), &way.customer.id, at_ms);
    keep(world, account, &way, &sid, &words, &files, at_ms);
    let shown: serde_json::Map<String, Value> = fields.iter().cloned().map(|(k, v)| (k, json!(v))).collect();
    world.books.note(
        "inbound",
        json!({"channel": "twilio", "account": account.account_sid, "id": sid, "customer": way.customer.id,
            "message": shown, "at_ms": at_ms}),
    );
    let letter = Letter {
        channel: Channel::Twilio,
        account: account.account_sid.clone(),
        kind: "inbound",
        ids: vec![sid.clone()],
        body: Bytes::from(signature::form(&fields)),
        seal: Seal::Twilio { url: None },
    };
    let delivery = post(world, letter, Duration::ZERO);
    Ok((vec![Written { id: sid, customer: way.customer }], delivery))
}

fn way(world: &World, account: &TwilioAccount, request: &Value) -> Result<Way, String> {
    let written = text(request, "customer").or_else(|| text(request, "from"));
    let written = written.ok_or("`customer` or `from` says who writes")?;
    let customer = world.customers.find_or_create(Channel::Twilio, messages::bare(written));
    let via = text(request, "via").or_else(|| text(request, "to").map(|to| if is_wa(to) { "whatsapp" } else { "sms" }));
    let whatsapp = match via {
        Some("whatsapp") => true,
        Some("sms") => false,
        Some(other) => return Err(format!("`via` is sms or whatsapp, not {other}")),
        None => is_wa(written),
    };
    let address = match (&customer.wa_id, &customer.user_id) {
        (Some(phone), _) => format!("+{phone}"),
        (None, Some(user)) if whatsapp => user.clone(),
        _ => return Err("this customer has no phone number".to_owned()),
    };
    let from = if whatsapp { format!("whatsapp:{address}") } else { address };
    let sender = text(request, "to").map(str::to_owned);
    let sender = sender.or_else(|| account.senders.iter().find(|sender| is_wa(sender) == whatsapp).cloned());
    let to = sender.ok_or("the account has no sender on this channel")?;
    Ok(Way { customer, from, to, whatsapp })
}

fn is_wa(address: &str) -> bool {
    address.starts_with("whatsapp:")
}

/// What stands in `Body`.
fn words(request: &Value) -> String {
    let kind = text(request, "type").unwrap_or("text");
    let given = request.get(kind).unwrap_or(&Value::Null);
    let found = match kind {
        "button_reply" => text(given, "title").or_else(|| text(given, "text")),
        "list_reply" => text(given, "title"),
        _ => text(request, "text").or_else(|| text(given, "caption")),
    };
    found.unwrap_or_default().to_owned()
}

/// The fields that every inbound message has.
fn head(account: &TwilioAccount, way: &Way, sid: &str, words: &str, files: usize) -> Vec<(String, String)> {
    let mut fields: Vec<(&str, String)> = vec![
        ("SmsMessageSid", sid.to_owned()),
        ("NumMedia", files.to_string()),
        ("SmsSid", sid.to_owned()),
        ("SmsStatus", "received".to_owned()),
        ("Body", words.to_owned()),
        ("To", way.to.clone()),
        ("NumSegments", "1".to_owned()),
        ("MessageSid", sid.to_owned()),
        ("AccountSid", account.account_sid.clone()),
        ("From", way.from.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ];
    if let Some(service) = &account.messaging_service_sid {
        fields.push(("MessagingServiceSid", service.clone()));
    }
    if way.whatsapp {
        fields.push(("ProfileName", way.customer.name.clone()));
        fields.push(("WaId", way.customer.wa_id.clone().unwrap_or_default()));
        fields.push(("ReferralNumMedia", "0".to_owned()));
        if let Some(user) = &way.customer.user_id {
            fields.push(("ExternalUserId", format!("whatsapp:{user}")));
        }
    } else {
        for (name, value) in [("ToCountry", "US"), ("ToCity", ""), ("FromCountry", "US"), ("FromCity", "SAN FRANCISCO")]
        {
            fields.push((name, value.to_owned()));
        }
    }
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The fields of the message's type.
fn content(way: &Way, request: &Value, fields: &mut Vec<(String, String)>) -> Result<(), String> {
    let kind = text(request, "type").unwrap_or("text");
    let given = request.get(kind).cloned().unwrap_or(Value::Null);
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            fields.push((name.to_owned(), value));
        }
    };
    let plain = |value: Option<&Value>| value.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let shown = match kind {
        "text" => "text",
        "image" | "video" | "audio" | "document" | "sticker" | "media" => kind,
        "location" => {
            for (name, key) in
                [("Latitude", "latitude"), ("Longitude", "longitude"), ("Address", "address"), ("Label", "name")]
            {
                set(name, plain(given.get(key)));
            }
            "location"
        }
        "button_reply" => {
            set("ButtonText", text(&given, "title").or_else(|| text(&given, "text")).map(str::to_owned));
            set("ButtonPayload", text(&given, "id").or_else(|| text(&given, "payload")).map(str::to_owned));
            "button"
        }
        "list_reply" => {
            set("ListId", plain(given.get("id")));
            set("ListTitle", plain(given.get("title")));
            "interactive"
        }
        other => return Err(format!("there is no `{other}` on this channel")),
    };
    if way.whatsapp {
        set("MessageType", Some(shown.to_owned()));
        if let Some(sid) = text(request, "reply_to") {
            set("OriginalRepliedMessageSid", Some(sid.to_owned()));
            set("OriginalRepliedMessageSender", Some(way.to.clone()));
        }
        if request.get("forwarded") == Some(&json!(true)) {
            set("Forwarded", Some("true".to_owned()));
        }
        for (name, value) in request.get("referral").and_then(Value::as_object).into_iter().flatten() {
            set(&format!("Referral{name}"), plain(Some(value)));
        }
    }
    Ok(())
}

/// Twilio's own handling of the words that stop and start messages: it blocks, answers, and still passes them on.
fn opt_out(world: &World, account: &TwilioAccount, way: &Way, words: &str, fields: &mut Vec<(String, String)>) {
    let word = words.trim().to_lowercase();
    let (kind, reply) = match word.as_str() {
        word if STOP.contains(&word) => ("STOP", "You have successfully been unsubscribed."),
        word if START.contains(&word) => ("START", "You have successfully been re-subscribed to messages."),
        word if HELP.contains(&word) => ("HELP", "Reply STOP to unsubscribe. Msg&Data Rates May Apply."),
        _ => return,
    };
    let sender = messages::blocker(account, &way.to);
    if kind != "HELP" {
        world.twilio_state.set_opted_out(sender, &way.customer.id, kind == "STOP");
    }
    if account.advanced_opt_out && account.messaging_service_sid.is_some() {
        fields.push(("OptOutType".to_owned(), kind.to_owned()));
    }
    world.books.note(
        "opt_out",
        json!({"channel": "twilio", "account": account.account_sid, "customer": way.customer.id, "type": kind,
            "reply": reply, "at_ms": world.clock.now_ms()}),
    );
}

/// The files of a message: uploads by `id`, or bytes that come with it; one object or a list under `media`.
fn files(world: &World, request: &Value) -> Result<Vec<(String, String)>, String> {
    let kind = text(request, "type").unwrap_or("text");
    if !matches!(kind, "image" | "video" | "audio" | "document" | "sticker" | "media") {
        return Ok(Vec::new());
    }
    let given = request.get(kind).cloned().unwrap_or(Value::Null);
    let given = given.as_array().cloned().unwrap_or_else(|| vec![given]);
    given.iter().map(|one| file(world, kind, one)).collect()
}

fn file(world: &World, kind: &str, one: &Value) -> Result<(String, String), String> {
    let (mime_type, bytes) = match (text(one, "id"), text(one, "data_base64")) {
        (Some(id), _) => {
            let kept = world.media.get(id).ok_or_else(|| format!("media {id} has not been uploaded"))?;
            (kept.mime_type.clone(), kept.bytes.clone())
        }
        (None, Some(data)) => {
            let bytes = STANDARD.decode(data).map_err(|_| "`data_base64` is not base64".to_owned())?;
            let usual = match kind {
                "video" => "video/mp4",
                "audio" => "audio/ogg",
                "document" => "application/pdf",
                _ => "image/jpeg",
            };
            (text(one, "mime_type").unwrap_or(usual).to_owned(), Bytes::from(bytes))
        }
        (None, None) => return Err(format!("`{kind}` needs `id` of an upload or `data_base64`")),
    };
    let filename = text(one, "filename").map(str::to_owned);
    let id = world.media.put(world.ids.sid("ME"), mime_type.clone(), filename, bytes).id.clone();
    Ok((id, mime_type))
}

/// Inbound messages can be read again by their SID.
fn keep(
    world: &World,
    account: &TwilioAccount,
    way: &Way,
    sid: &str,
    words: &str,
    files: &[(String, String)],
    at_ms: i64,
) {
    let media: Vec<&String> = files.iter().map(|file| &file.0).collect();
    let date = rfc2822(at_ms);
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{sid}.json", account.account_sid);
    let message = json!({"sid": sid, "account_sid": account.account_sid, "from": way.from, "to": way.to, "body": words,
        "direction": "inbound", "status": "received", "num_media": files.len().to_string(), "num_segments": "1",
        "date_created": date, "date_sent": date, "date_updated": date, "error_code": null, "error_message": null,
        "messaging_service_sid": account.messaging_service_sid, "api_version": "2010-04-01", "price": null,
        "price_unit": null, "uri": uri, "media_sids": media});
    world.twilio_state.keep(sid, message);
}
