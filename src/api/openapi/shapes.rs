//! The shapes of texts in the document: a handler's field names its shape as its `format`, and the document spells it out
//! as the pattern that the gateway goes by, so that a client knows beforehand what is refused.

use serde_json::{Map, Value, json};

/// A shape: its name, and its pattern in the dialect that all readers of JSON Schema share. `␣` stands for the control characters, because a text that must not hold them says so again and again.
const SHAPES: &[(&str, &str)] = &[
    ("plain", r"^[^\x00]*$"),
    ("label", r"^\s*([^\s␣]([^␣]*[^\s␣])?)?\s*$"),
    ("line", r"^\s*[^\s␣]([^␣]*[^\s␣])?\s*$"),
    ("flat", r"^[^␣]*[^\s␣][^␣]*$"),
    ("name", r"^[^\s␣]([^␣]*[^\s␣])?$"),
    ("text", r"^\s*[^\s␣]([^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s␣])?\s*$"),
    ("filled", r"^[^\x00]*[^\s\x00][^\x00]*$"),
    ("model", r"^[^\x00]*[^\s\x00][^\x00]*$"),
    ("token", r"^[!-~]+$"),
    ("digits", r"^\s*[0-9]{6}\s*$"),
    ("email", r#"^\s*[^\s␣<>,;"@]+@[^\s␣<>,;"@.]+(\.[^\s␣<>,;"@.]+)+\s*$"#),
    ("email or nothing", r#"^\s*([^\s␣<>,;"@]+@[^\s␣<>,;"@.]+(\.[^\s␣<>,;"@.]+)+)?\s*$"#),
    (
        "email or phone",
        r#"^\s*([^\s␣<>,;"@]+@[^\s␣<>,;"@.]+(\.[^\s␣<>,;"@.]+)+|[ .()-]*\+[ .()-]*[1-9]([ .()-]*[0-9]){6,14}[ .()-]*)\s*$"#,
    ),
    ("phone", r"^\s*[ .()-]*\+[ .()-]*[1-9]([ .()-]*[0-9]){6,14}[ .()-]*\s*$"),
    ("phone or nothing", r"^\s*([ .()-]*\+[ .()-]*[1-9]([ .()-]*[0-9]){6,14}[ .()-]*)?\s*$"),
    ("dialled", r"^\s*(([^0-9␣]*[0-9]){5,15}[^0-9␣]*)?\s*$"),
    ("url", r"^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$"),
    ("calendar", r"^\s*([Hh][Tt][Tt][Pp][Ss]?|[Ww][Ee][Bb][Cc][Aa][Ll])://[!-~]+\s*$"),
    (
        "secret",
        "^whsec_(([A-Za-z0-9+/]{4}){8,20}([A-Za-z0-9+/][AQgw](==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?)?\
         |([A-Za-z0-9+/]{4}){21}([A-Za-z0-9+/][AQgw](==)?)?)$",
    ),
];

/// The control characters, inside of brackets.
const CONTROL: &str = r"\x00-\x1f\x7f-\x9f";

/// Spells out every shape of the document.
pub(super) fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => {
            spell(members);
            members.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

fn spell(schema: &mut Map<String, Value>) {
    let Some(name) = schema.get("format").and_then(Value::as_str) else { return };
    let Some((_, pattern)) = SHAPES.iter().find(|(known, _)| *known == name) else { return };
    schema.remove("format");
    schema.insert("pattern".to_owned(), json!(pattern.replace('␣', CONTROL)));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::settle;
    use crate::domain::webhooks::key_of;
    use crate::domain::{contacts, fields, users};

    fn judge(shape: &str) -> jsonschema::Validator {
        let mut schema = json!({ "properties": { "it": { "type": ["string", "null"], "format": shape } } });
        settle(&mut schema);
        jsonschema::validator_for(&schema["properties"]["it"]).unwrap()
    }

    #[test]
    fn a_pattern_says_what_the_rule_says() {
        type Rule = fn(&str) -> bool;
        let rules: [(&str, Rule); 10] = [
            ("line", |text| fields::line(text, 200).is_some()),
            ("label", |text| !text.trim().contains(char::is_control)),
            ("name", users::is_name),
            ("text", |text| fields::text(text, 200).is_some()),
            ("filled", |text| !text.trim().is_empty() && !text.contains('\0')),
            ("email", |text| contacts::email(text).is_some()),
            ("email or nothing", |text| text.trim().is_empty() || contacts::email(text).is_some()),
            ("phone", |text| contacts::phone(text).is_some()),
            ("email or phone", |text| contacts::email(text).is_some() || contacts::phone(text).is_some()),
            ("secret", |text| key_of(text).is_some()),
        ];
        let texts = [
            "",
            " ",
            "a",
            " a ",
            "a b",
            "a\nb",
            "\n",
            "a\u{0}",
            "a\u{7f}",
            "a\u{85}b",
            "é \u{1f600}",
            "jane@example.com",
            " Jane@Example.com ",
            "jane@example",
            "jane@.com",
            "jane@example.com.",
            "j@ne@example.com",
            "j;ne@example.com",
            "+14155551234",
            " +49 (151) 123-45.678 ",
            "(+49) 151 12345",
            "14155551234",
            "+0123456789",
            "+123456",
            "+1234567890123456",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAQ==",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAR==",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAQI",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ];
        for (shape, rule) in rules {
            let judge = judge(shape);
            for text in texts {
                assert_eq!(judge.is_valid(&json!(text)), rule(text), "{shape}: {text:?}");
            }
        }
    }

    #[test]
    fn other_formats_stay() {
        let mut schema = json!({ "type": "string", "format": "date", "example": "line" });
        settle(&mut schema);
        assert_eq!((&schema["format"], schema.get("pattern")), (&json!("date"), None::<&Value>));
    }
}
