//! The rules a send must keep: required members, lengths, counts. It knows no account and no state but the templates.

use serde_json::Value;

use super::errors::GraphError;

type Checked = Result<(), GraphError>;

/// The text under `pointer`, if there is one.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn longer_than(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().count() > most
}

/// A required text with a length limit.
fn required(value: &Value, pointer: &str, name: &str, most: usize) -> Checked {
    match text(value, pointer) {
        None | Some("") => Err(GraphError::about(131_008, format!("Parameter {name} is missing"))),
        Some(found) => limited(Some(found), name, most),
    }
}

fn limited(found: Option<&str>, name: &str, most: usize) -> Checked {
    match found {
        Some(found) if longer_than(found, most) => {
            Err(GraphError::about(131_009, format!("{name} length invalid. Min length: 1, Max length: {most}")))
        }
        _ => Ok(()),
    }
}

/// Checks the object of the message's type against the documented limits.
pub fn content(kind: &str, body: &Value, group: bool) -> Checked {
    let object = body
        .get(kind)
        .filter(|object| object.is_object() || kind == "contacts")
        .ok_or_else(|| GraphError::about(131_008, format!("Parameter of type {kind} is missing")))?;
    if group && matches!(kind, "interactive" | "location" | "contacts" | "reaction") {
        return Err(GraphError::about(100, format!("Messages of type {kind} cannot be sent to groups.")));
    }
    match kind {
        "text" => plain_text(object),
        "image" | "video" | "audio" | "document" | "sticker" => media(kind, object),
        "location" => location(object),
        "contacts" => contacts(object),
        "reaction" => reaction(object),
        "interactive" => interactive(object),
        _ => Ok(()),
    }
}

fn plain_text(object: &Value) -> Checked {
    match text(object, "/body") {
        None | Some("") => Err(GraphError::about(100, "The parameter text['body'] is required.")),
        Some(body) if longer_than(body, 4096) => {
            Err(GraphError::about(100, "Param text['body'] must be at most 4096 characters long."))
        }
        Some(_) => Ok(()),
    }
}

fn media(kind: &str, object: &Value) -> Checked {
    let (id, link) = (text(object, "/id"), text(object, "/link"));
    if id.is_none() && link.is_none() {
        return Err(GraphError::about(100, format!("The parameter {kind}['id'] or {kind}['link'] is required.")));
    }
    if id.is_some() && link.is_some() {
        return Err(GraphError::about(100, format!("Only one of {kind}['id'] and {kind}['link'] may be given.")));
    }
    if link.is_some_and(|link| !link.starts_with("http://") && !link.starts_with("https://")) {
        return Err(GraphError::about(100, format!("Param {kind}['link'] is not a valid URL.")));
    }
    if object.get("caption").is_some() && matches!(kind, "audio" | "sticker") {
        return Err(GraphError::about(100, format!("Unexpected key \"caption\" on param \"{kind}\".")));
    }
    match text(object, "/caption") {
        Some(caption) if longer_than(caption, 1024) => {
            Err(GraphError::about(100, format!("Param {kind}['caption'] must be at most 1024 characters long.")))
        }
        _ => Ok(()),
    }
}

fn location(object: &Value) -> Checked {
    for (name, most) in [("latitude", 90.0), ("longitude", 180.0)] {
        let number = match object.get(name) {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(digits)) => digits.parse::<f64>().ok(),
            _ => return Err(GraphError::about(131_008, format!("Parameter location.{name} is missing"))),
        };
        if !number.is_some_and(|number| number.abs() <= most) {
            return Err(GraphError::about(131_009, format!("Parameter location.{name} is not a valid coordinate")));
        }
    }
    Ok(())
}

fn contacts(object: &Value) -> Checked {
    let cards = object.as_array().map(Vec::as_slice).unwrap_or_default();
    if cards.is_empty() || cards.len() > 257 {
        return Err(GraphError::about(131_009, "Parameter contacts must hold 1 to 257 cards"));
    }
    for card in cards {
        required(card, "/name/formatted_name", "contacts.name.formatted_name", 4096)?;
        let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
        if !parts.iter().any(|part| text(card, &format!("/name/{part}")).is_some_and(|part| !part.is_empty())) {
            return Err(GraphError::about(131_009, "contacts.name needs one more part beside formatted_name"));
        }
    }
    Ok(())
}

fn reaction(object: &Value) -> Checked {
    required(object, "/message_id", "reaction.message_id", 512)?;
    match object.get("emoji") {
        None => Err(GraphError::about(131_008, "Parameter reaction.emoji is missing")),
        Some(Value::String(emoji)) if !longer_than(emoji, 16) => Ok(()),
        Some(_) => Err(GraphError::about(131_009, "Parameter reaction.emoji is not an emoji")),
    }
}

fn interactive(object: &Value) -> Checked {
    let kind =
        text(object, "/type").ok_or_else(|| GraphError::about(131_008, "Parameter interactive.type is missing"))?;
    let most_body = if kind == "list" { 4096 } else { 1024 };
    if !matches!(kind, "product" | "catalog_message" | "carousel" | "address_message") {
        required(object, "/body/text", "Body text", most_body)?;
    }
    limited(text(object, "/footer/text"), "Footer text", 60)?;
    limited(text(object, "/header/text"), "Header text", 60)?;
    if kind == "list" && text(object, "/header/type").is_some_and(|header| header != "text") {
        return Err(GraphError::about(131_009, "Header of a list message must be of type text"));
    }
    match kind {
        "button" => buttons(object),
        "list" => list(object),
        "cta_url" => {
            required(object, "/action/parameters/display_text", "Button title", 20)?;
            required(object, "/action/parameters/url", "Button url", 2000)
        }
        "location_request_message" if text(object, "/action/name") != Some("send_location") => {
            Err(GraphError::about(131_009, "interactive.action.name must be send_location"))
        }
        _ => Ok(()),
    }
}

/// Ids must be there, short enough, without blanks at the ends and unique.
fn ids<'a>(found: impl Iterator<Item = Option<&'a str>>, name: &str, most: usize) -> Checked {
    let mut seen = std::collections::HashSet::new();
    for id in found {
        let id = id.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| GraphError::about(131_008, format!("{name} is missing")))?;
        limited(Some(id), name, most)?;
        if id.trim() != id {
            return Err(GraphError::about(131_009, format!("{name} must not begin or end with a blank")));
        }
        if !seen.insert(id) {
            return Err(GraphError::about(131_009, format!("Duplicated {name}: {id}")));
        }
    }
    Ok(())
}

fn buttons(object: &Value) -> Checked {
    let buttons = object.pointer("/action/buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if buttons.is_empty() || buttons.len() > 3 {
        return Err(GraphError::about(
            131_009,
            "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
        ));
    }
    for button in buttons {
        required(button, "/reply/title", "Button title", 20)?;
    }
    ids(buttons.iter().map(|button| text(button, "/reply/id")), "Button reply id", 256)?;
    ids(buttons.iter().map(|button| text(button, "/reply/title").map(str::trim)), "Button title", 20)
}

fn list(object: &Value) -> Checked {
    required(object, "/action/button", "Button title", 20)?;
    let sections = object.pointer("/action/sections").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<&Value> =
        sections.iter().filter_map(|section| section.get("rows").and_then(Value::as_array)).flatten().collect();
    if sections.is_empty() || sections.len() > 10 {
        return Err(GraphError::about(131_009, "Invalid sections count. Min allowed: 1, Max allowed: 10"));
    }
    if rows.is_empty() || rows.len() > 10 {
        return Err(GraphError::about(131_009, "Total row count exceed max allowed count: 10"));
    }
    for section in sections {
        if sections.len() > 1 {
            required(section, "/title", "Section title", 24)?;
        }
        limited(text(section, "/title"), "Section title", 24)?;
    }
    for row in &rows {
        required(row, "/title", "Row title", 24)?;
        limited(text(row, "/description"), "Row description", 72)?;
    }
    ids(rows.iter().map(|row| text(row, "/id")), "Row id", 200)
}
