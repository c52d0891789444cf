//! What the channels of one vendor family share. In this file: readers that take odd JSON without falling over. It
//! knows no product of the vendor.

pub(crate) mod classes;
pub(crate) mod complaint;
pub(crate) mod display;
pub(crate) mod envelope;
pub(crate) mod findings;
pub(crate) mod graph;
pub(crate) mod limits;
pub(crate) mod messaging;
pub(crate) mod objects;
pub(crate) mod settings;
pub(crate) mod verify;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Longest id that is taken over, in characters.
const LONGEST_ID: usize = 512;
/// Longest identity of a person, in characters.
const LONGEST_IDENTITY: usize = 256;
/// Deepest nesting of an object that is kept as it came: it must survive being wrapped and read again.
const DEEPEST_KEPT: usize = 64;
/// The last second that a calendar date with four digits can name.
const LAST_SECOND: i64 = 253_402_300_799;

/// A member as it stands in the document, unread; absent and null are the same.
pub(crate) type Raw<'a> = Option<&'a RawValue>;

/// An element of a list: an object, or something that should not be there.
#[derive(Debug)]
pub(crate) enum Element<T> {
    /// An object.
    Sound(T),
    /// Anything else.
    Broken,
}

/// A member that should be a list; `None` when it is absent or something else.
#[derive(Debug)]
pub(crate) struct Elements<T>(pub(crate) Option<Vec<T>>);

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Accepts every scalar as "not what was hoped for".
macro_rules! scalars_give {
    ($outcome:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($outcome)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($outcome)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($outcome)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($outcome)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($outcome)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($outcome)
        }
    };
}

struct ElementVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ElementVisitor<T> {
    type Value = Element<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Element::Sound)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element::Broken)
    }

    scalars_give!(Element::Broken);
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor(PhantomData))
    }
}

struct ElementsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ElementsVisitor<T> {
    type Value = Elements<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Elements(Some(elements)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Elements(None))
    }

    scalars_give!(Elements(None));
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Elements<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementsVisitor(PhantomData))
    }
}

/// A string whose lone surrogates have become U+FFFD.
struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LossyVisitor;
        impl Visitor<'_> for LossyVisitor {
            type Value = Lossy;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    // Half a surrogate pair is three bytes, and only the first of them can begin a character.
                    if chunk.invalid().first() == Some(&0xed) {
                        text.push(char::REPLACEMENT_CHARACTER);
                    }
                }
                Ok(Lossy(text))
            }
        }
        deserializer.deserialize_bytes(LossyVisitor)
    }
}

/// Reads a member as an object.
pub(crate) fn object<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    // A list would otherwise be read as the object's members by position.
    let json = raw?.get();
    if json.starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// Reads a member as a list of unread elements.
pub(crate) fn list<'a>(raw: Raw<'a>) -> Option<Vec<&'a RawValue>> {
    serde_json::from_str(raw?.get()).ok()
}

/// Hands the elements of a list on, one after the other, without keeping any: for bodies that nobody signed yet.
pub(crate) fn each_of<'a>(raw: Raw<'a>, visit: &mut dyn FnMut(&'a RawValue)) {
    struct EachVisitor<'v, 'a>(&'v mut dyn FnMut(&'a RawValue));
    impl<'de> Visitor<'de> for EachVisitor<'_, 'de> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            while let Some(element) = seq.next_element()? {
                (self.0)(element);
            }
            Ok(())
        }
    }
    let Some(raw) = raw else { return };
    // What is no list has no elements; a broken one was refused when the document was read.
    let _ = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(EachVisitor(visit));
}

/// Reads text, without NUL; a whole number gives its exact digits, everything else nothing.
pub(crate) fn text<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    let json = raw?.get();
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        let digits = json.strip_prefix('-').unwrap_or(json);
        return digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(Cow::Borrowed(json));
    };
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut decoded = match serde_json::from_str::<String>(json) {
        Ok(decoded) => decoded,
        Err(_) => serde_json::from_str::<Lossy>(json).ok()?.0,
    };
    if decoded.contains('\0') {
        decoded.retain(|character| character != '\0');
    }
    Some(Cow::Owned(decoded))
}

/// Reads text that is not blank.
pub(crate) fn filled(raw: Raw<'_>) -> Option<String> {
    text(raw).filter(|text| !text.trim().is_empty()).map(Cow::into_owned)
}

/// Reads an opaque id: not empty, not endless, without blanks at the ends or control characters.
pub(crate) fn id<'a>(raw: Raw<'a>) -> Option<Cow<'a, str>> {
    text(raw).filter(|id| {
        !id.is_empty()
            && id.trim().len() == id.len()
            && id.chars().count() <= LONGEST_ID
            && !id.chars().any(char::is_control)
    })
}

/// Reads an id that may serve as an identity.
pub(crate) fn identity(raw: Raw<'_>) -> Option<String> {
    id(raw).filter(|id| id.chars().count() <= LONGEST_IDENTITY).map(Cow::into_owned)
}

/// Reads a flag; the word `true` counts, for some tools write it so.
pub(crate) fn flag(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| matches!(raw.get(), "true" | "\"true\""))
}

/// Reads a number, also from a string; never one that is not finite.
pub(crate) fn number(raw: Raw<'_>) -> Option<f64> {
    let json = raw?.get();
    let literal = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    literal.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Reads a whole number, also from a string.
pub(crate) fn whole(raw: Raw<'_>) -> Option<i64> {
    text(raw)?.trim().parse().ok()
}

/// Reads Unix seconds as Unix milliseconds; nothing when they name no sensible time.
pub(crate) fn seconds(raw: Raw<'_>) -> Option<i64> {
    whole(raw).filter(|seconds| (1..=LAST_SECOND).contains(seconds)).map(|seconds| seconds * 1_000)
}

/// Reads a Unix time in milliseconds or seconds, whichever its size says, as Unix milliseconds; nothing when it names
/// no sensible time.
pub(crate) fn moment(raw: Raw<'_>) -> Option<i64> {
    /// As seconds this lies in the year 5138, as milliseconds in 1973.
    const LEAST_MILLISECONDS: i64 = 100_000_000_000;
    let stated = whole(raw)?;
    if stated < LEAST_MILLISECONDS {
        return (stated > 0).then(|| stated * 1_000);
    }
    (stated <= LAST_SECOND * 1_000).then_some(stated)
}

/// Keeps a member as it came, without NUL. What cannot be read safely again is kept as the text it was.
pub(crate) fn keep(raw: &RawValue) -> Value {
    let json = raw.get();
    if depth(json) > DEEPEST_KEPT {
        return Value::String(json.to_owned());
    }
    let Ok(mut value) = serde_json::from_str(json) else { return Value::String(json.to_owned()) };
    if json.contains("\\u0000") {
        drop_nul(&mut value);
    }
    value
}

/// How deep the lists and objects of a JSON text stand in one another.
pub(crate) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn drop_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|character| character != '\0'),
        Value::Array(elements) => elements.iter_mut().for_each(drop_nul),
        Value::Object(members) => {
            let taken = std::mem::take(members);
            members.extend(taken.into_iter().map(|(key, mut member)| {
                drop_nul(&mut member);
                (key.replace('\0', ""), member)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads a SHA-256 in base64 or hex as lower-case hex.
pub(crate) fn sha256(raw: Raw<'_>) -> Option<String> {
    let text = text(raw)?;
    if text.len() == 64
        && let Ok(bytes) = hex::decode(text.as_bytes())
    {
        return Some(hex::encode(bytes));
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).ok()?;
    (bytes.len() == 32).then(|| hex::encode(bytes))
}
