//! The vendor's limits as checks that name the field. What the limits are, each product says itself.

use std::collections::HashSet;

use crate::contract::capabilities::{TextRule, Unit};
use crate::contract::failure::Failure;

/// Whether a text is at most so many characters long.
pub(crate) fn fits(text: &str, longest: usize) -> bool {
    // Bytes are never fewer than characters, so short texts need no count.
    text.len() <= longest || text.chars().count() <= longest
}

/// A refusal that names the field.
pub(crate) fn invalid(field: &str, problem: &str) -> Failure {
    Failure::content("INVALID_CONTENT", format!("{field} {problem}."))
}

/// Refuses a text that is blank or has too many characters.
pub(crate) fn text(field: &str, text: &str, longest: usize) -> Result<(), Failure> {
    within(field, text, TextRule { limit: longest, unit: Unit::Characters })
}

/// Refuses a text that is blank or longer than the rule says.
pub(crate) fn within(field: &str, text: &str, rule: TextRule) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    let unit = match rule.unit {
        Unit::Characters => "characters",
        Unit::Utf16 => "UTF-16 units",
        Unit::Bytes => "bytes",
    };
    if rule.fits(text) { Ok(()) } else { Err(too_long(field, rule.limit, unit)) }
}

/// Refuses a text that has too many characters.
pub(crate) fn short(field: &str, text: &str, longest: usize) -> Result<(), Failure> {
    if fits(text, longest) { Ok(()) } else { Err(too_long(field, longest, "characters")) }
}

fn too_long(field: &str, longest: usize, unit: &str) -> Failure {
    let message = format!("{field} has more than {longest} {unit}, the most that the channel carries.");
    Failure::content("MESSAGE_TOO_LONG", message)
}

/// Refuses an address that is not of the web.
pub(crate) fn web(field: &str, address: &str) -> Result<(), Failure> {
    let sound = url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if sound { Ok(()) } else { Err(invalid(field, "must be an http or https address")) }
}

/// Refuses choices (their field, id and label) that could not be told apart or would come back changed.
pub(crate) fn choices<'a>(
    choices: impl Iterator<Item = (String, &'a str, &'a str)>,
    longest_title: usize,
    longest_id: usize,
) -> Result<(), Failure> {
    let mut ids = HashSet::new();
    let mut empty = true;
    for (field, id, title) in choices {
        empty = false;
        text(&format!("{field}.title"), title, longest_title)?;
        if id.is_empty() || id.trim() != id || !fits(id, longest_id) {
            let problem = format!("must have 1 to {longest_id} characters, none of them a blank at an end");
            return Err(invalid(&format!("{field}.id"), &problem));
        }
        if !ids.insert(id) {
            return Err(invalid(&format!("{field}.id"), "must not occur twice"));
        }
    }
    if empty { Err(invalid("buttons or rows", "must not be empty")) } else { Ok(()) }
}

/// Whether no two labels look the same.
pub(crate) fn distinct<'a>(titles: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = HashSet::new();
    titles.into_iter().all(|title| seen.insert(title.trim()))
}
