//! The rules a send of Messenger or Instagram must keep: members, lengths, counts. It knows no account and no state.

use serde_json::Value;

use super::errors::{invalid, of};
use crate::channel::Channel;
use crate::graph::errors::GraphError;

type Checked = Result<(), GraphError>;

const TYPES: &[&str] = &["RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"];
const ACTIONS: &[&str] = &["typing_on", "typing_off", "mark_seen", "react", "unreact"];

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A text that must be there, up to a number of characters.
fn required(value: &Value, key: &str, most: usize) -> Checked {
    match value.get(key).and_then(Value::as_str) {
        None | Some("") => Err(invalid(&format!("The parameter {key} is required."))),
        Some(found) if found.chars().count() > most => {
            Err(invalid(&format!("Length of param {key} must be less than or equal to {most}")))
        }
        Some(_) => Ok(()),
    }
}

/// The value of `sender_action`, when the request is one.
pub fn action(body: &Value) -> Result<Option<&str>, GraphError> {
    let Some(action) = body.get("sender_action") else { return Ok(None) };
    let action = action.as_str().filter(|action| ACTIONS.contains(action));
    let action = action.ok_or_else(|| invalid("Param sender_action must be one of the documented values."))?;
    if body.get("message").is_some() {
        return Err(invalid("Only one of message and sender_action may be given."));
    }
    if matches!(action, "react" | "unreact") && text(body, "/payload/message_id").is_none() {
        return Err(invalid("The parameter payload[message_id] is required."));
    }
    Ok(Some(action))
}

/// The tag of a message, after `messaging_type` and tag have been found to fit.
pub fn tag(channel: Channel, body: &Value) -> Result<Option<&str>, GraphError> {
    let kind = body.get("messaging_type").and_then(Value::as_str);
    if kind.is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(invalid(&format!("Param messaging_type must be one of {{{}}}", TYPES.join(", "))));
    }
    match (kind, body.get("tag").and_then(Value::as_str)) {
        (Some("MESSAGE_TAG"), None) => Err(invalid("The parameter tag is required.")),
        (_, Some("HUMAN_AGENT")) => Ok(Some("HUMAN_AGENT")),
        (_, Some("CONFIRMED_EVENT_UPDATE" | "ACCOUNT_UPDATE" | "POST_PURCHASE_UPDATE")) => {
            Err(invalid("Invalid parameter: the tag is no longer supported"))
        }
        (_, Some(_)) => Err(invalid("Param tag must be one of {HUMAN_AGENT}")),
        (Some("UTILITY"), None) if channel == Channel::Instagram => {
            Err(invalid("Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}"))
        }
        (Some("UTILITY"), None) => Ok(Some("UTILITY")),
        (_, None) => Ok(None),
    }
}

/// Checks the message and names its kind for the books.
pub fn message(channel: Channel, message: &Value) -> Result<String, GraphError> {
    let (words, one, many) = (message.get("text"), message.get("attachment"), message.get("attachments"));
    let template = message.get("template");
    if [words, one, many, template].into_iter().flatten().count() > 1 {
        return Err(invalid("Only one of the text, attachment, and dynamic_text fields can be specified"));
    }
    if message.get("metadata").and_then(Value::as_str).is_some_and(|metadata| metadata.chars().count() > 1_000) {
        return Err(invalid("Length of param message[metadata] must be less than or equal to 1000"));
    }
    quick_replies(channel, message)?;
    if let Some(words) = words {
        plain_text(channel, words)?;
        return Ok("text".to_owned());
    }
    if let Some(template) = template {
        required(template, "name", 512)?;
        return Ok("template".to_owned());
    }
    if let Some(one) = one {
        return attachment(channel, one);
    }
    let many = many.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if many.is_empty() {
        return Err(invalid("The parameter message[text] is required."));
    }
    if many.len() > 10 || many.iter().any(|one| text(one, "/type") != Some("image")) {
        return Err(invalid("message[attachments] holds up to 10 images."));
    }
    for one in many {
        attachment(channel, one)?;
    }
    Ok("image".to_owned())
}

fn plain_text(channel: Channel, words: &Value) -> Checked {
    let words = words.as_str().filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| invalid("The parameter message[text] is required."))?;
    match channel {
        Channel::Instagram if words.len() > 1_000 => Err(invalid("Invalid parameter: message text is too long")),
        Channel::Instagram => Ok(()),
        _ if words.chars().count() > 2_000 => Err(of(channel, 100, Some(2_018_034))),
        _ => Ok(()),
    }
}

fn quick_replies(channel: Channel, message: &Value) -> Checked {
    let replies = list(message, "quick_replies");
    if replies.len() > 13 {
        return Err(invalid("message[quick_replies] holds up to 13 quick replies."));
    }
    for reply in replies {
        match text(reply, "/content_type") {
            Some("text") => {
                required(reply, "title", 20)?;
                required(reply, "payload", 1_000)?;
            }
            Some("user_phone_number" | "user_email") if channel == Channel::Messenger => {}
            _ => return Err(invalid("Param quick_replies[content_type] must be one of the documented values.")),
        }
    }
    Ok(())
}

/// Checks one attachment and names its kind.
pub fn attachment(channel: Channel, one: &Value) -> Result<String, GraphError> {
    let kind = text(one, "/type").unwrap_or_default();
    let payload = one.get("payload").unwrap_or(&Value::Null);
    match (kind, channel) {
        ("image" | "audio" | "video" | "file", _) => {
            let url = text(payload, "/url");
            if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
                return Err(of(channel, 100, Some(2_018_008)));
            }
            if url.is_none() && text(payload, "/attachment_id").is_none() && payload.get("uploaded").is_none() {
                return Err(invalid("One of attachment payload[url] and payload[attachment_id] is required."));
            }
        }
        ("template", _) => template(channel, payload)?,
        ("like_heart", Channel::Instagram) => {}
        ("MEDIA_SHARE", Channel::Instagram) => required(payload, "id", 64)?,
        _ => return Err(of(channel, 100, Some(2_018_047))),
    }
    Ok(kind.to_owned())
}

fn template(channel: Channel, payload: &Value) -> Checked {
    match text(payload, "/template_type") {
        Some("generic") => {
            let elements = list(payload, "elements");
            if elements.is_empty() || elements.len() > 10 {
                return Err(invalid("payload[elements] holds 1 to 10 elements."));
            }
            for element in elements {
                required(element, "title", 80)?;
                if element.get("subtitle").is_some() {
                    required(element, "subtitle", 80)?;
                }
                buttons(channel, list(element, "buttons"))?;
            }
            Ok(())
        }
        Some("button") => {
            required(payload, "text", 640)?;
            if list(payload, "buttons").is_empty() {
                return Err(invalid("payload[buttons] holds 1 to 3 buttons."));
            }
            buttons(channel, list(payload, "buttons"))
        }
        Some("media" | "receipt" | "coupon" | "product" | "customer_feedback") if channel == Channel::Messenger => {
            Ok(())
        }
        Some("product") => Ok(()),
        _ => Err(invalid("Param payload[template_type] must be one of the documented values.")),
    }
}

fn buttons(channel: Channel, buttons: &[Value]) -> Checked {
    if buttons.len() > 3 {
        return Err(invalid("payload[buttons] holds 1 to 3 buttons."));
    }
    for button in buttons {
        match (text(button, "/type").unwrap_or_default(), channel) {
            ("web_url", _) => {
                required(button, "title", 20)?;
                required(button, "url", 2_000)?;
            }
            ("postback", _) => {
                required(button, "title", 20)?;
                required(button, "payload", 1_000)?;
            }
            ("phone_number", Channel::Messenger) => {
                required(button, "title", 20)?;
                required(button, "payload", 20)?;
            }
            ("account_link" | "account_unlink" | "game_play", Channel::Messenger) => {}
            _ => return Err(invalid("Param buttons[type] must be one of the documented values.")),
        }
    }
    Ok(())
}
