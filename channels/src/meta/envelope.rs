//! The outermost shape of a delivery: one JSON object in UTF-8, and whom it claims to be for. What is within is the
//! product's to read.

use serde::Deserialize;

use crate::meta::{self, Raw};

/// Deepest nesting of a delivery; the vendor's own stay below 20.
const DEEPEST: usize = 1_000;
/// How many accounts a peek names at most: a body may hold up to 1,000 updates, but one app serves few accounts.
const MOST_ADDRESSED: usize = 64;

/// A signed body that is no delivery at all: the door answers 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is no delivery: {reason}")]
pub struct Malformed {
    /// What is wrong with it, without any of its content.
    pub reason: String,
}

/// Reads the envelope; a byte-order mark before it is no reason to lose what follows.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(body).map_err(|error| Malformed { reason: error.to_string() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A list would otherwise be read as the object's members by position.
    if !text.trim_start().starts_with('{') {
        return Err(Malformed { reason: "not a JSON object".to_owned() });
    }
    if meta::depth(text) > DEEPEST {
        return Err(Malformed { reason: format!("nested deeper than {DEEPEST}") });
    }
    serde_json::from_str(text).map_err(|error| Malformed {
        reason: format!("{:?} error in line {} column {}", error.classify(), error.line(), error.column()),
    })
}

/// Takes the id of an addressee over, once, while there is room.
pub(crate) fn note(ids: &mut Vec<String>, raw: Raw<'_>) {
    if ids.len() < MOST_ADDRESSED
        && let Some(id) = meta::id(raw)
        && !ids.iter().any(|known| *known == id)
    {
        ids.push(id.into_owned());
    }
}
