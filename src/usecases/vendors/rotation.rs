//! Settings over time: changed member by member, and secrets that give way to new ones without a delivery being lost.
//! Which settings those are, their channel says. It reads no clock.

use serde_json::{Map, Value};
use switchboard_channels::Kind;
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::vendor::Rotating;

use super::made;
use crate::domain::channels::{MADE, RETIRING, Retiring};

type Members = Map<String, Value>;

/// The replaced secrets that are still accepted.
#[must_use]
pub fn retiring(settings: &Value, now: i64) -> Vec<Retiring> {
    let listed =
        settings.get(RETIRING).cloned().and_then(|listed| serde_json::from_value::<Vec<Retiring>>(listed).ok());
    listed.unwrap_or_default().into_iter().filter(|old| old.until > now).collect()
}

/// The settings as somebody entered them.
#[must_use]
pub fn entered(settings: &Value) -> Members {
    let mut members = settings.as_object().cloned().unwrap_or_default();
    members.remove(RETIRING);
    members.remove(MADE);
    members
}

/// The settings by which a channel works at this time: as entered, beside the new secrets those that they replaced, and
/// what the gateway has made.
#[must_use]
pub fn in_force(kind: Kind, settings: &Value, now: i64) -> Value {
    let mut members = entered(settings);
    for old in retiring(settings, now) {
        let Some(rotating) = rotating(kind, &old.setting) else { continue };
        let mut accepted = taken(&mut members, kind, rotating.accepted_in);
        let secret = Value::from(old.secret.reveal());
        if !accepted.contains(&secret) {
            accepted.push(secret);
        }
        members.insert(rotating.accepted_in.to_owned(), Value::Array(accepted));
    }
    for (name, secret) in made::made(settings) {
        members.entry(name).or_insert(secret);
    }
    Value::Object(members)
}

/// Settings changed member by member: what is null goes, what is not named stays.
#[must_use]
pub fn merged(kind: Kind, settings: &Value, changes: &Members) -> Members {
    let mut members = entered(settings);
    for (name, value) in changes {
        // The other spelling of the same setting would contradict it.
        if let Some(Rotating { setting, spelling: Some(spelling), .. }) = rotating(kind, name) {
            members.remove(*setting);
            members.remove(*spelling);
        }
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    members
}

/// The secrets that are on their way out once `new` has replaced its settings: those that already were, and what is
/// replaced now, accepted until `until`.
#[must_use]
pub fn retired(kind: Kind, settings: &Value, new: &Members, until: i64, now: i64) -> Vec<Retiring> {
    let mut retired = retiring(settings, now);
    let mut members = entered(settings);
    for (name, value) in new {
        let Some(rotating) = rotating(kind, name) else { continue };
        let fresh = as_list(value.clone());
        let replaced = taken(&mut members, kind, rotating.setting).into_iter().filter(|old| !fresh.contains(old));
        for secret in replaced.filter_map(|old| old.as_str().map(Secret::new)) {
            let known = |old: &Retiring| old.setting == rotating.setting && old.secret == secret;
            match retired.iter_mut().find(|old| known(old)) {
                Some(old) => old.until = old.until.max(until),
                None => retired.push(Retiring { setting: rotating.setting.to_owned(), secret, until }),
            }
        }
        retired.retain(|old| old.setting != rotating.setting || !fresh.contains(&Value::from(old.secret.reveal())));
    }
    retired.retain(|old| old.until > now);
    retired
}

/// Settings in the shape that is stored, with what was made for those before them.
#[must_use]
pub fn stored(settings: Value, before: &Value, retiring: &[Retiring]) -> Value {
    let mut settings = made::kept(settings, made::made(before));
    if let (Some(members), false) = (settings.as_object_mut(), retiring.is_empty()) {
        members.insert(RETIRING.to_owned(), serde_json::to_value(retiring).unwrap_or_default());
    }
    settings
}

/// How the setting of this name (in either spelling) rotates, if it does.
fn rotating(kind: Kind, name: &str) -> Option<&'static Rotating> {
    kind.protocol().rotating.iter().find(|one| one.setting == name || one.spelling == Some(name))
}

/// The secrets of a setting, taken out under both of its spellings.
fn taken(members: &mut Members, kind: Kind, setting: &str) -> Vec<Value> {
    let spelling = rotating(kind, setting).and_then(|one| one.spelling);
    let names = [Some(setting), spelling].into_iter().flatten();
    names.filter_map(|name| members.remove(name)).flat_map(as_list).collect()
}

fn as_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        value => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use switchboard_channels::Kind;

    use super::{in_force, merged, retired, retiring, stored};

    /// Rotates at the time 0 and gives what is stored.
    fn rotated(kind: Kind, settings: &Value, new: &Value, until: i64) -> Value {
        let new = new.as_object().expect("an object");
        stored(Value::Object(merged(kind, settings, new)), settings, &retired(kind, settings, new, until, 0))
    }

    #[test]
    fn what_may_rotate_is_a_setting_of_its_channel() {
        for kind in Kind::ALL {
            let protocol = kind.protocol();
            for one in protocol.rotating {
                for name in [Some(one.setting), one.spelling, Some(one.accepted_in)].into_iter().flatten() {
                    assert!(protocol.settings.contains(&name), "{kind:?} {name}");
                }
                let alone = json!({ one.accepted_in: ["a", "b"] });
                assert!((protocol.read)(alone).is_ok(), "{kind:?}: {} is no list", one.accepted_in);
            }
        }
    }

    #[test]
    fn a_replaced_secret_is_accepted_until_its_time() {
        let cases = [
            (
                Kind::Whatsapp,
                json!({"app_secret": "old"}),
                json!({"app_secret": "new"}),
                json!({"app_secrets": ["new", "old"]}),
            ),
            (
                Kind::Whatsapp,
                json!({"app_secrets": ["a", "b"]}),
                json!({"app_secret": "b"}),
                json!({"app_secrets": ["b", "a"]}),
            ),
            (
                Kind::Whatsapp,
                json!({"app_secret": "same"}),
                json!({"app_secrets": ["same"]}),
                json!({"app_secrets": ["same"]}),
            ),
            (
                Kind::Whatsapp,
                json!({"verify_token": "old"}),
                json!({"verify_token": "new"}),
                json!({"verify_token": "new"}),
            ),
            (
                Kind::Twilio,
                json!({"auth_token": "old", "auth_tokens": "other"}),
                json!({"auth_token": "new"}),
                json!({"auth_token": "new", "auth_tokens": ["other", "old"]}),
            ),
            (
                Kind::Twilio,
                json!({"shared_key": "old"}),
                json!({"shared_key": "new"}),
                json!({"shared_keys": ["new", "old"]}),
            ),
        ];
        for (kind, settings, new, expected) in cases {
            let after = rotated(kind, &settings, &new, 10);
            assert_eq!(in_force(kind, &after, 9), expected, "{settings} {new}");
            assert_eq!(in_force(kind, &after, 10), json!(merged(kind, &settings, new.as_object().expect("an object"))));
        }
    }

    #[test]
    fn rotating_again_keeps_what_is_on_its_way_out() {
        let first = rotated(Kind::Whatsapp, &json!({"app_secret": "a"}), &json!({"app_secret": "b"}), 10);
        let second = rotated(Kind::Whatsapp, &first, &json!({"app_secret": "c"}), 20);
        assert_eq!(in_force(Kind::Whatsapp, &second, 5), json!({"app_secrets": ["c", "a", "b"]}));
        assert_eq!(in_force(Kind::Whatsapp, &second, 15), json!({"app_secrets": ["c", "b"]}));
        // Back to the first: it is in force again, and not on its way out.
        let back = rotated(Kind::Whatsapp, &second, &json!({"app_secret": "a"}), 30);
        let left: Vec<String> = retiring(&back, 5).iter().map(|old| old.secret.reveal().to_owned()).collect();
        assert_eq!(left, ["b", "c"]);
        assert_eq!(
            rotated(Kind::Whatsapp, &json!({"app_secret": "a"}), &json!({"app_secret": "b"}), 0),
            json!({"app_secret": "b"})
        );
    }

    #[test]
    fn members_merge_and_the_other_spelling_gives_way() {
        let changes = json!({"app_secret": "new", "waba_id": null, "base_url": "http://x"});
        let settings = json!({"app_secrets": ["old"], "waba_id": "1", "phone_number_id": "2"});
        let after = merged(Kind::Whatsapp, &settings, changes.as_object().expect("an object"));
        assert_eq!(json!(after), json!({"app_secret": "new", "base_url": "http://x", "phone_number_id": "2"}));
    }
}
