//! Things in words, and words in parts that a channel carries.

use serde_json::Value;

use super::invalid;
use crate::contract::capabilities::Capabilities;
use crate::contract::content::{Content, Location};
use crate::contract::failure::Failure;
use crate::contract::splitting;

/// A text in messages that the channel carries.
pub(super) fn split(text: &str, capabilities: &Capabilities, preview_url: bool) -> Vec<Content> {
    let parts = splitting::split(text, capabilities.text);
    parts.into_iter().map(|text| Content::Text { text, preview_url }).collect()
}

/// A text, lines that are kept whole below it, and a last line: in one message if that fits, else the text first and
/// then as many lines a message as fit.
pub(super) fn told(
    text: &str,
    lines: Vec<String>,
    footer: &str,
    capabilities: &Capabilities,
) -> Result<Vec<Content>, Failure> {
    let whole = joined([text, &lines.join("\n"), footer]);
    if whole.is_empty() {
        return Err(invalid("there is nothing in it that this channel could carry."));
    }
    if capabilities.text.fits(&whole) {
        return Ok(vec![Content::text(whole)]);
    }
    let mut parts = splitting::split(text, capabilities.text);
    let mut open = String::new();
    let footer = (!footer.trim().is_empty()).then(|| footer.trim().to_owned());
    for line in lines.into_iter().chain(footer) {
        let longer = if open.is_empty() { line.clone() } else { format!("{open}\n{line}") };
        if capabilities.text.fits(&longer) {
            open = longer;
        } else {
            parts.extend(splitting::split(&open, capabilities.text));
            open = line;
        }
    }
    parts.extend(splitting::split(&open, capabilities.text));
    Ok(parts.into_iter().map(Content::text).collect())
}

/// Texts with an empty line between them; blank ones are left out.
pub(super) fn joined<const N: usize>(texts: [&str; N]) -> String {
    let texts: Vec<&str> = texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).collect();
    texts.join("\n\n")
}

/// A place in words.
pub(super) fn place(place: &Location) -> String {
    let point = format!("{}, {}", place.latitude, place.longitude);
    let words = [place.name.as_deref(), place.address.as_deref(), Some(point.as_str()), place.url.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().map(str::trim).filter(|words| !words.is_empty()).collect();
    words.join("\n")
}

/// A contact card in words: the name, then what one reaches the person by.
pub(super) fn card(contact: &Value) -> String {
    let words = |value: Option<&Value>| value.and_then(Value::as_str).map(|words| words.trim().to_owned());
    let each = |list: &str, member: &'static str| {
        let entries = contact.get(list).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(move |entry| words(entry.get(member))).collect::<Vec<String>>()
    };
    let mut lines: Vec<String> = words(contact.pointer("/name/formatted_name")).into_iter().collect();
    let organisation = [words(contact.pointer("/org/title")), words(contact.pointer("/org/company"))];
    lines.push(organisation.into_iter().flatten().collect::<Vec<String>>().join(", "));
    lines.extend(each("phones", "phone"));
    lines.extend(each("emails", "email"));
    lines.extend(each("urls", "url"));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}
