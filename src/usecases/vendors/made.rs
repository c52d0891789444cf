//! Secrets that the gateway makes for a channel by itself: once, and kept with the channel's settings, so that what they
//! have signed outlives the master key. It makes no randomness.

use serde_json::{Map, Value};
use switchboard_channels::Kind;

use crate::domain::channels::MADE;

/// The settings of which a channel gets one of its own where nobody enters any.
const OWN: [&str; 1] = ["reply_secret"];

/// What the gateway has made for the channel, by the names of the settings.
#[must_use]
pub fn made(settings: &Value) -> Map<String, Value> {
    settings.get(MADE).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Whether a channel lacks a secret of its own.
#[must_use]
pub fn is_lacking(kind: Kind, settings: &Value) -> bool {
    lacking(kind, settings).next().is_some()
}

/// The settings with this secret wherever one of the channel's own is lacking.
#[must_use]
pub fn furnished(kind: Kind, settings: Value, secret: &str) -> Value {
    let mut members = made(&settings);
    members.extend(lacking(kind, &settings).map(|name| (name.to_owned(), Value::from(secret))));
    kept(settings, members)
}

/// The settings with what was made for them.
#[must_use]
pub fn kept(mut settings: Value, made: Map<String, Value>) -> Value {
    if let (Some(members), false) = (settings.as_object_mut(), made.is_empty()) {
        members.insert(MADE.to_owned(), Value::Object(made));
    }
    settings
}

fn lacking(kind: Kind, settings: &Value) -> impl Iterator<Item = &'static str> {
    let is_taken = move |name: &&str| kind.protocol().settings.contains(name);
    let is_there = move |name: &&str| settings.get(name).is_some() || made(settings).contains_key(*name);
    OWN.into_iter().filter(is_taken).filter(move |name| !is_there(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard_channels::Kind;

    use super::{furnished, is_lacking};
    use crate::usecases::vendors::rotation;

    #[test]
    fn a_secret_is_made_once_and_what_is_entered_counts_more() {
        let entered = json!({ "address": "support@acme.example" });
        assert!(is_lacking(Kind::Email, &entered) && !is_lacking(Kind::Whatsapp, &entered));
        let first = furnished(Kind::Email, entered.clone(), "first");
        assert!(!is_lacking(Kind::Email, &first));
        assert_eq!(furnished(Kind::Email, first.clone(), "second"), first);
        assert_eq!(rotation::in_force(Kind::Email, &first, 0)["reply_secret"], "first");
        assert_eq!(json!(rotation::entered(&first)), entered);
        let own = json!({ "reply_secret": "entered" });
        let changed = rotation::stored(own.clone(), &first, &[]);
        assert_eq!(rotation::in_force(Kind::Email, &changed, 0), own);
        // Without it the first counts again: what it has signed is still under way.
        let back = rotation::stored(entered, &changed, &[]);
        assert_eq!(rotation::in_force(Kind::Email, &back, 0)["reply_secret"], "first");
        assert_eq!(furnished(Kind::Whatsapp, json!({}), "x"), json!({}));
    }
}
