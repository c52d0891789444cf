//! The vendor's fields by name, and forms and addresses in raw bytes. Nothing is judged here.

use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::meta::Raw;

/// Most media of one message.
pub(super) const MOST_MEDIA: usize = 10;
/// What a referral's fields begin with.
pub(super) const REFERRAL: &str = "Referral";
/// The query parameter of a JSON webhook that holds the hash of its body.
pub(super) const BODY_HASH: &str = "bodySHA256";
/// The query parameter by which our status callbacks name our message.
pub(super) const TRACKING: &str = "message_id";

/// Names and values as they were sent, decoded, in order; blanks and repeats kept.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Decodes a form or a query string.
pub(super) fn pairs(raw: &[u8]) -> Pairs {
    let pieces = raw.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let mut halves = piece.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default();
            (decoded(name), decoded(halves.next().unwrap_or_default()))
        })
        .collect()
}

fn decoded(raw: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

/// The query string of an address, undecoded.
pub(super) fn query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?').map_or("", |(_, query)| query)
}

/// The first value of a query parameter.
pub(super) fn parameter(url: &str, name: &str) -> Option<String> {
    let mut pairs = pairs(query(url).as_bytes()).into_iter();
    pairs.find(|(known, _)| known == name.as_bytes()).map(|(_, value)| text(&value))
}

/// Text without NUL; what is no UTF-8 shows as U+FFFD.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|character| *character != '\0').collect()
}

/// The fields of a webhook, as text.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a form or query string.
    pub(super) fn of_form(raw: &[u8]) -> Self {
        Self(pairs(raw).iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// The plain members of a JSON object.
    pub(super) fn of_object(object: &Map<String, Value>) -> Self {
        let plain = object.iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.clone(), text.clone())),
            Value::Bool(_) | Value::Number(_) => Some((name.clone(), value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        });
        Self(plain.collect())
    }

    /// Whether there is nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a field as it was sent; a blank one counts.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a field, when it is not blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.trim().is_empty())
    }

    /// A field that says `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// All fields in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All fields as one object; of a name that occurs several times the values stand in a list.
    pub(super) fn object(&self) -> Value {
        let mut object = Map::new();
        for (name, value) in self.iter() {
            let value = Value::String(value.to_owned());
            match object.get_mut(name) {
                None => {
                    object.insert(name.to_owned(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(known) => *known = Value::Array(vec![known.take(), value]),
            }
        }
        Value::Object(object)
    }
}

/// Defines objects of the vendor's answers: every member optional and unread, unknown ones passed over.
macro_rules! objects {
    ($($(#[$about:meta])* $name:ident { $($member:ident),+ $(,)? })+) => {$(
        $(#[$about])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name<'a> {
            $(#[serde(borrow)] pub(super) $member: Raw<'a>,)+
        }
    )+};
}

objects! {
    /// The answer to a send, and every message the API shows.
    Message { sid, status, to, error_code, error_message }
    /// A refusal.
    Complaint { code, message }
    /// A page of templates.
    TemplatePage { contents, meta }
    /// Where the next page is.
    PageMeta { next_page_url }
    /// A template.
    Template { sid, friendly_name, language, variables, types, approval_requests }
    /// What became of a template's approval.
    Approval { name, category, status, rejection_reason }
    /// A page of numbers.
    NumberPage { incoming_phone_numbers }
    /// A number of the account.
    Number { friendly_name, phone_number, sms_url, capabilities }
    /// What a number can do.
    NumberCapabilities { sms, mms }
    /// A messaging service.
    Service { friendly_name, inbound_request_url, use_inbound_webhook_on_number }
}
