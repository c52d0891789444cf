//! Erasing a person: whom an erasure is about, how what names them is found in texts, and what stays of it.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::deliveries::RawDelivery;

/// Shorter words stand in too many texts that are about somebody else.
const SHORTEST_WORD: usize = 5;
/// What a redacted snapshot keeps: our own ids, which lead nowhere any more.
const KEPT_IDS: [&str; 4] = ["channel_id", "contact_id", "conversation_id", "message_id"];

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureState {
    /// It is under way.
    Running,
    /// Nothing is left.
    Done,
}

/// An erasure: while it runs how far it is, afterwards its receipt. It holds nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Erasure {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000020")]
    pub id: String,
    /// The contact that was erased, with all that had been merged into it. The id leads nowhere any more.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000c")]
    pub contact_id: String,
    /// How far it is.
    pub state: ErasureState,
    /// Who asked for it: `user:<id>` or `key:<id>`.
    #[schema(example = "user:0198c1d2-7e00-7000-8000-000000000010")]
    pub requested_by: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub requested_at: i64,
    /// When it was done, Unix milliseconds.
    #[schema(example = 1_767_225_900_000_i64)]
    pub finished_at: Option<i64>,
    /// How much of what was erased or redacted so far: kinds of rows, with their numbers.
    #[schema(example = json!({ "messages": 12, "events": 40, "deliveries": 9 }))]
    pub erased: BTreeMap<String, i64>,
}

/// Whom it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The contact and those that were merged into it.
    pub contacts: Vec<String>,
    /// Their conversations.
    pub conversations: Vec<String>,
    /// What names them outside: numbers, addresses, names in channels.
    pub words: Vec<String>,
}

impl Subject {
    /// Adds a name in the forms in which it is written; a phone number stands with and without its plus.
    pub fn add_word(&mut self, word: &str) {
        let digits = word.trim_start_matches('+');
        let is_phone = digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let plus = format!("+{digits}");
        let forms = if is_phone { vec![digits, plus.as_str()] } else { vec![word] };
        for form in forms {
            if !form.is_empty() && !self.words.iter().any(|known| known == form) {
                self.words.push(form.to_owned());
            }
        }
    }
}

/// What a text is searched for.
#[derive(Debug, Default)]
pub struct Search {
    /// Whole tokens.
    ids: HashSet<String>,
    /// In lower case, anywhere between letters and digits that are not theirs.
    words: Vec<String>,
}

impl Search {
    /// Searches for everything that names this subject.
    #[must_use]
    pub fn new(subject: &Subject, ids: impl IntoIterator<Item = String>) -> Self {
        let own = subject.contacts.iter().chain(&subject.conversations).cloned();
        let words = subject.words.iter().filter(|word| word.chars().count() >= SHORTEST_WORD);
        Self { ids: own.chain(ids).collect(), words: words.map(|word| word.to_lowercase()).collect() }
    }

    /// Whether a text names them.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        text.split(is_between).any(|token| self.ids.contains(token)) || self.finds_word(&text.to_lowercase())
    }

    fn finds_word(&self, text: &str) -> bool {
        self.words.iter().any(|word| {
            text.match_indices(word.as_str()).any(|(at, found)| {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
                !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
            })
        })
    }

    /// Whether a raw delivery names them, however its vendor writes: as JSON with escapes, or as a form.
    #[must_use]
    pub fn finds_in(&self, raw: &RawDelivery) -> bool {
        let bytes = raw.bytes();
        let envelope = raw.envelope.as_ref().and_then(|envelope| serde_json::to_string(envelope).ok());
        if self.finds(&String::from_utf8_lossy(&bytes)) || envelope.is_some_and(|envelope| self.finds(&envelope)) {
            return true;
        }
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(json) => self.finds(&json.to_string()),
            Err(_) => url::form_urlencoded::parse(&bytes).any(|(_, value)| self.finds(&value)),
        }
    }
}

/// What stands around ids in JSON, forms and mails.
fn is_between(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\\' | '<' | '>' | ',' | '(' | ')' | '[' | ']' | '{' | '}' | '&')
}

/// What stays of a snapshot: that something happened, with our own ids.
#[must_use]
pub fn redacted(data: &str) -> Value {
    let known: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
    let is_id = |value: &Value| value.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok());
    let mut kept = Map::new();
    for name in KEPT_IDS {
        if let Some(id) = known.get(name).filter(|value| is_id(value)) {
            kept.insert(name.to_owned(), id.clone());
        }
    }
    kept.insert("erased".to_owned(), json!(true));
    Value::Object(kept)
}

/// What stays of a body that was made of a snapshot: everything around it.
#[must_use]
pub fn redacted_body(body: &str) -> String {
    let mut known: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
    let data = known.get("data").map(Value::to_string).unwrap_or_default();
    known.insert("data".to_owned(), redacted(&data));
    Value::Object(known).to_string()
}

/// What is remembered of a vendor's id, or of a conversation, of a channel: enough to know it again.
#[must_use]
pub fn tombstone(channel_id: &str, id: &str) -> String {
    hex::encode(Sha256::new().chain_update(channel_id).chain_update([0]).chain_update(id).finalize())
}

#[cfg(test)]
mod tests {
    use super::{Search, Subject, redacted, redacted_body};
    use crate::domain::deliveries::{Envelope, RawDelivery};

    fn search() -> Search {
        let mut subject = Subject { contacts: vec!["c-1".to_owned()], ..Subject::default() };
        for word in ["4915112345678", "jane@example.com", "42"] {
            subject.add_word(word);
        }
        Search::new(&subject, ["wamid.HBg==".to_owned()])
    }

    #[test]
    fn finds_who_is_named_and_nobody_else() {
        let search = search();
        for (text, found) in [
            (r#"{"contact_id":"c-1"}"#, true),
            (r#"{"contact_id":"c-12"}"#, false),
            ("whatsapp:+4915112345678", true),
            ("49151123456789", false),
            ("To: Jane <Jane@Example.com>", true),
            ("jane@example.community", false),
            ("wamid.HBg==", true),
            ("\"wamid.hbg==\"", false),
            ("42", false),
        ] {
            assert_eq!(search.finds(text), found, "{text}");
        }
    }

    #[test]
    fn finds_in_what_vendors_send() {
        let search = search();
        let envelope = Envelope { url: Some("https://here/?from=jane@example.com".to_owned()), ..Envelope::default() };
        for (body, envelope, found) in [
            ("From=whatsapp%3A%2B4915112345678&Body=Hi", None, true),
            (r#"{"from":"jane\u0040example.com"}"#, None, true),
            ("{}", Some(envelope), true),
            ("From=whatsapp%3A%2B4915112345679&Body=Hi", None, false),
        ] {
            assert_eq!(search.finds_in(&RawDelivery { body: body.to_owned(), envelope }), found, "{body}");
        }
    }

    #[test]
    fn redacted_snapshots_keep_our_ids_only() {
        let id = "0198c1d2-7e00-7000-8000-00000000000c";
        let data = format!(r#"{{"contact_id":"{id}","message_id":"Jane","name":"Jane"}}"#);
        assert_eq!(redacted(&data).to_string(), format!(r#"{{"contact_id":"{id}","erased":true}}"#));
        let body = format!(r#"{{"event":"contact.created","data":{data}}}"#);
        let kept = redacted_body(&body);
        assert!(kept.contains("contact.created") && kept.contains(id) && !kept.contains("Jane"), "{kept}");
    }
}
