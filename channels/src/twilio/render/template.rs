//! Content templates: which one is meant, and its variables from the parameters of our components.

use serde_json::{Map, Value};

use super::content::invalid;
use super::pair;
use crate::contract::content::Template;
use crate::contract::failure::Failure;
use crate::twilio::{Carrier, Settings, is_sid};

/// Where the words of a parameter stand, by its kind.
const WORDS: [&str; 9] = [
    "/text",
    "/payload",
    "/coupon_code",
    "/currency/fallback_value",
    "/date_time/fallback_value",
    "/image/link",
    "/video/link",
    "/document/link",
    "/value",
];

/// Renders a template: its SID and its variables. It brings its own text.
pub(super) fn fields(settings: &Settings, template: &Template) -> Result<Vec<(String, String)>, Failure> {
    let mut fields = vec![pair("ContentSid", sid(settings, template)?)];
    let variables = variables(template)?;
    if settings.carrier() == Carrier::Whatsapp
        && let Some((name, _)) = variables.iter().find(|(_, value)| is_gapped(value.as_str().unwrap_or_default()))
    {
        return Err(invalid(&format!("variable {name} must hold no line breaks, tabs or more than four blanks.")));
    }
    if !variables.is_empty() {
        fields.push(pair("ContentVariables", Value::Object(variables).to_string()));
    }
    Ok(fields)
}

/// The vendor's id of a template: the name itself, or what the settings say of it.
fn sid(settings: &Settings, template: &Template) -> Result<String, Failure> {
    let name = template.name.trim();
    if is_sid(name, "HX") {
        return Ok(name.to_owned());
    }
    let known = |name: &str| settings.content_sids.get(name).cloned();
    known(&format!("{name}/{}", template.language)).or_else(|| known(name)).ok_or_else(|| {
        Failure::content(
            "TEMPLATE_REJECTED",
            "name must be the HX… of a template, or stand in the channel's content_sids.",
        )
    })
}

/// Named parameters keep their names; the others are counted over all components, as they stand.
fn variables(template: &Template) -> Result<Map<String, Value>, Failure> {
    let mut variables = Map::new();
    let mut count = 0;
    for (index, component) in template.components.iter().enumerate() {
        if let Some(given) = component.get("variables") {
            let given = given
                .as_object()
                .ok_or_else(|| invalid(&format!("components[{index}].variables must be an object.")))?;
            for (name, value) in given {
                let value =
                    words(value).ok_or_else(|| invalid(&format!("variable {name} must be text or a number.")))?;
                variables.insert(name.clone(), Value::String(value));
            }
        }
        let parameters = component.get("parameters").and_then(Value::as_array).into_iter().flatten();
        for (position, parameter) in parameters.enumerate() {
            let value = WORDS.iter().find_map(|pointer| parameter.pointer(pointer).and_then(words));
            let value =
                value.ok_or_else(|| invalid(&format!("components[{index}].parameters[{position}] has no text.")))?;
            let name = parameter.get("parameter_name").and_then(Value::as_str).map(str::to_owned);
            let name = name.unwrap_or_else(|| {
                count += 1;
                count.to_string()
            });
            variables.insert(name, Value::String(value));
        }
    }
    Ok(variables)
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether WhatsApp would refuse a value for its blanks.
fn is_gapped(value: &str) -> bool {
    value.contains(['\n', '\r', '\t']) || value.contains("     ")
}
