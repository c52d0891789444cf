//! Message templates: the listing with its pages, and what a template send must carry.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value, json};

use super::errors::GraphError;
use crate::accounts::Account;
use crate::json::{set, set_under};

/// Templates that a new account has.
pub fn samples() -> Vec<Value> {
    vec![
        json!({"id": "1689556908129832", "name": "order_confirmation", "language": "en_US", "status": "APPROVED",
            "category": "UTILITY", "parameter_format": "POSITIONAL", "components": [
                {"type": "HEADER", "format": "TEXT", "text": "Your order"},
                {"type": "BODY", "text": "Thank you, {{1}}! Your order number is {{2}}.",
                 "example": {"body_text": [["Pablo", "860198"]]}},
                {"type": "FOOTER", "text": "Lucky Shrub"},
                {"type": "BUTTONS", "buttons": [
                    {"type": "URL", "text": "Track", "url": "https://www.example.com/{{1}}",
                     "example": ["https://www.example.com/860198"]},
                    {"type": "QUICK_REPLY", "text": "Stop"}]}]}),
        json!({"id": "1689556908129833", "name": "order_confirmation_named", "language": "en", "status": "APPROVED",
            "category": "UTILITY", "parameter_format": "NAMED", "components": [
                {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://cdn.example.com/h.jpg"]}},
                {"type": "BODY", "text": "Hello {{first_name}}, your order is on its way.",
                 "example": {"body_text_named_params": [{"param_name": "first_name", "example": "Pablo"}]}}]}),
        json!({"id": "1689556908129834", "name": "hello_world", "language": "en_US", "status": "APPROVED",
            "category": "UTILITY", "components": [{"type": "BODY", "text": "Hello World"}]}),
        json!({"id": "1689556908129835", "name": "spring_sale", "language": "en_US", "status": "PAUSED",
            "category": "MARKETING", "components": [{"type": "BODY", "text": "Everything must go."}]}),
    ]
}

fn cursor(position: usize) -> String {
    STANDARD_NO_PAD.encode(format!("t{position}"))
}

fn position(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix('t')?.parse().ok()
}

/// `GET /{waba_id}/message_templates`: one page. `path` is the absolute address without query.
pub fn page(account: &Account, query: &[(String, String)], path: &str) -> Result<HttpResponse, GraphError> {
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let limit = of("limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(25).clamp(1, 1000);
    let start = match of("after") {
        None | Some("") => 0,
        Some(after) => position(after).ok_or_else(|| GraphError::about(100, "Invalid cursor in after"))? + 1,
    };
    let wanted = |template: &&Value| {
        ["name", "language", "status", "category"]
            .iter()
            .all(|key| of(key).is_none_or(|value| template.get(*key).and_then(Value::as_str) == Some(value)))
    };
    let all: Vec<&Value> = account.templates.iter().filter(wanted).collect();
    let data: Vec<Value> = all.iter().skip(start).take(limit).map(|t| selected(t, of("fields"))).collect();
    let mut document = json!({"data": data});
    if !data.is_empty() {
        let last = start + data.len() - 1;
        set(&mut document, "paging", json!({"cursors": {"before": cursor(start), "after": cursor(last)}}));
        if last + 1 < all.len() {
            let fields = of("fields").map(|fields| format!("&fields={fields}")).unwrap_or_default();
            set_under(
                &mut document,
                "/paging",
                "next",
                json!(format!("{path}?limit={limit}&after={}{fields}", cursor(last))),
            );
        }
    }
    Ok(HttpResponse::Ok().json(document))
}

/// Only the members asked for, and always the id.
fn selected(template: &Value, fields: Option<&str>) -> Value {
    let (Some(fields), Some(members)) = (fields, template.as_object()) else { return template.clone() };
    let picked: Map<String, Value> = members
        .iter()
        .filter(|(key, _)| *key == "id" || fields.split(',').any(|field| field == key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(picked)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The distinct placeholders of a text, in order.
pub fn placeholders(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in text.split("{{").skip(1) {
        if let Some((name, _)) = piece.split_once("}}")
            && !found.contains(&name.trim())
        {
            found.push(name.trim());
        }
    }
    found
}

/// The template a send names, after checking that it can be sent with these parameters.
pub fn check<'a>(account: &'a Account, send: &Value, by_user_id: bool) -> Result<&'a Value, GraphError> {
    let (name, language) = (text(send, "/name"), text(send, "/language/code"));
    if name.is_empty() || language.is_empty() {
        return Err(GraphError::about(131_008, "Parameters template.name and template.language.code are required"));
    }
    let missing = || GraphError::about(132_001, format!("template name ({name}) does not exist in {language}"));
    let template = account
        .templates
        .iter()
        .find(|template| text(template, "/name") == name && text(template, "/language") == language)
        .ok_or_else(missing)?;
    match text(template, "/status") {
        "PAUSED" => return Err(GraphError::of(132_015)),
        "DISABLED" => return Err(GraphError::of(132_016)),
        "APPROVED" | "" => {}
        _ => return Err(missing()),
    }
    if by_user_id && text(template, "/category") == "AUTHENTICATION" {
        return Err(GraphError::of(131_062));
    }
    for component in template.get("components").and_then(Value::as_array).into_iter().flatten() {
        match text(component, "/type") {
            "HEADER" => header(component, send)?,
            "BODY" => parameters("body", placeholders(text(component, "/text")), of_component(send, "body", None))?,
            "BUTTONS" => buttons(component, send)?,
            _ => {}
        }
    }
    Ok(template)
}

/// The parameters that the send gives for one component.
fn of_component<'a>(send: &'a Value, kind: &str, index: Option<usize>) -> &'a [Value] {
    let index_of = |component: &Value| match component.get("index") {
        Some(Value::String(digits)) => digits.parse::<usize>().ok(),
        Some(Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        _ => None,
    };
    send.get("components")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|component| {
            text(component, "/type").eq_ignore_ascii_case(kind) && (index.is_none() || index_of(component) == index)
        })
        .and_then(|component| component.get("parameters"))
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn header(component: &Value, send: &Value) -> Result<(), GraphError> {
    let given = of_component(send, "header", None);
    match text(component, "/format") {
        "" | "TEXT" => parameters("header", placeholders(text(component, "/text")), given),
        format => {
            let received = given.first().map(|given| text(given, "/type").to_uppercase()).unwrap_or_default();
            if received == format {
                return Ok(());
            }
            let received = if received.is_empty() { "UNKNOWN".to_owned() } else { received };
            Err(GraphError::about(132_012, format!("header: Format mismatch, expected {format}, received {received}")))
        }
    }
}

fn buttons(component: &Value, send: &Value) -> Result<(), GraphError> {
    for (index, button) in component.get("buttons").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let expected = match text(button, "/type") {
            "URL" => placeholders(text(button, "/url")).len(),
            "COPY_CODE" => 1,
            _ => 0,
        };
        let given = of_component(send, "button", Some(index));
        if expected > given.len() {
            return Err(GraphError::about(
                132_000,
                format!("buttons: Button at index {index} of type {} requires a parameter", text(button, "/type")),
            ));
        }
    }
    Ok(())
}

fn parameters(part: &str, expected: Vec<&str>, given: &[Value]) -> Result<(), GraphError> {
    let named = expected.iter().any(|name| !name.bytes().all(|b| b.is_ascii_digit()));
    let all_named = |name: &&str| given.iter().any(|given| text(given, "/parameter_name") == *name);
    if expected.len() != given.len() || (named && !expected.iter().all(all_named)) {
        return Err(GraphError::about(
            132_000,
            format!(
                "{part}: number of localizable_params ({}) does not match the expected number of params ({})",
                given.len(),
                expected.len()
            ),
        ));
    }
    for given in given {
        let value = text(given, "/text");
        if value.contains(['\n', '\t']) || value.contains("     ") {
            return Err(GraphError::about(
                132_012,
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_once_each() {
        for (text, names) in [
            ("Hi {{1}} and {{2}} and {{1}}", vec!["1", "2"]),
            ("Hi {{ first_name }}", vec!["first_name"]),
            ("none {here}", vec![]),
            ("open {{1", vec![]),
        ] {
            assert_eq!(placeholders(text), names, "{text}");
        }
    }
}
