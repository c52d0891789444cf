//! The outermost shape of a delivery: one JSON object in UTF-8, and whom it claims to be for. What is within is the
//! product's to read.

use serde::Deserialize;
use serde_json::Value;

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

/// What of a delivery is for these accounts: entries of others are left out, and changes that name another number of
/// theirs. Nothing of a body that cannot be read.
pub(crate) fn share(body: &[u8], ids: &[&str]) -> Vec<u8> {
    let own = |id: &Value| match id {
        Value::String(id) => ids.contains(&id.as_str()),
        other => ids.contains(&other.to_string().as_str()),
    };
    let Ok(mut delivery) = read::<Value>(body) else { return Vec::new() };
    if let Some(entries) = delivery.get_mut("entry").and_then(Value::as_array_mut) {
        entries.retain_mut(|entry| {
            let named = entry.get("id").is_some_and(own);
            let Some(changes) = entry.get_mut("changes").and_then(Value::as_array_mut) else { return named };
            changes.retain(|change| change.pointer("/value/metadata/phone_number_id").map_or(named, own));
            !changes.is_empty()
        });
    }
    delivery.to_string().into_bytes()
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::share;

    #[test]
    fn each_gets_its_own_share_of_a_body() {
        let change = |number: &str| json!({"field": "messages", "value": {"metadata": {"phone_number_id": number}}});
        let update = json!({"field": "account_update", "value": {}});
        let body = json!({"object": "x", "entry": [
            {"id": "waba-1", "changes": [change("1"), change("2"), update]},
            {"id": "waba-2", "changes": [change("3")]},
            {"id": "page", "messaging": [{"message": {"mid": "m"}}]},
            {"id": 17, "messaging": []},
        ]});
        let share = |ids: &[&str]| -> Value {
            let mut own: Value = serde_json::from_slice(&share(body.to_string().as_bytes(), ids)).unwrap();
            own["entry"].take()
        };
        assert_eq!(share(&["1"]), json!([{"id": "waba-1", "changes": [change("1")]}]));
        assert_eq!(share(&["2", "waba-1"]), json!([{"id": "waba-1", "changes": [change("2"), update]}]));
        assert_eq!(share(&["page", "17"]), json!([body["entry"][2], body["entry"][3]]));
        assert_eq!(share(&["nobody"]), json!([]));
        assert_eq!(super::share(b"no JSON", &["1"]), b"");
    }
}
