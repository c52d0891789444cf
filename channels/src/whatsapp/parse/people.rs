//! Who stands behind the ids of a value: phone numbers, user ids, groups and the names people chose. It keys nobody
//! by a name.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::meta::display::clean;
use crate::meta::{self, Raw, identity};
use crate::whatsapp::wire;

/// Longest name that is taken over, in characters.
const LONGEST_NAME: usize = 256;

/// Somebody the value introduces.
#[derive(Debug, Default)]
struct Person {
    user: Option<String>,
    phone: Option<String>,
    name: Option<String>,
    username: Option<String>,
}

/// Everybody the value introduces, found by any of their keys.
pub(super) struct People {
    people: Vec<Person>,
    by_key: HashMap<String, usize>,
}

impl People {
    pub(super) fn new(contacts: Vec<&RawValue>) -> Self {
        let mut people = Vec::with_capacity(contacts.len());
        let mut by_key = HashMap::with_capacity(contacts.len());
        for raw in contacts {
            let Some(contact) = meta::object::<wire::Contact<'_>>(Some(raw)) else { continue };
            let profile: wire::Profile<'_> = meta::object(contact.profile).unwrap_or_default();
            let person = Person {
                user: user_id(contact.user_id),
                phone: phone_number(contact.wa_id),
                name: meta::text(profile.name).and_then(|name| clean(&name, LONGEST_NAME)),
                username: meta::text(profile.username)
                    .and_then(|name| clean(name.trim().trim_start_matches('@'), LONGEST_NAME)),
            };
            for key in [&person.user, &person.phone].into_iter().flatten() {
                by_key.entry(key.clone()).or_insert(people.len());
            }
            people.push(person);
        }
        Self { people, by_key }
    }

    fn find(&self, user: Option<&str>, phone: Option<&str>) -> Option<&Person> {
        let index = [user, phone].into_iter().flatten().find_map(|key| self.by_key.get(key));
        match index {
            Some(index) => self.people.get(*index),
            // Some message kinds name nobody; when the value introduces one person only, it is from them.
            None if user.is_none() && phone.is_none() && self.people.len() == 1 => self.people.first(),
            None => None,
        }
    }

    /// The peer behind these ids; nothing when there is no key at all.
    pub(super) fn peer(&self, user: Option<String>, phone: Option<String>, group: Raw<'_>) -> Option<Peer> {
        let person = self.find(user.as_deref(), phone.as_deref());
        let user = user.or_else(|| person.and_then(|person| person.user.clone()));
        let phone = phone.or_else(|| person.and_then(|person| person.phone.clone()));
        let keys = identities(user, phone);
        if let Some(group) = identity(group) {
            // The conversation is with the group, whose name is not the writer's.
            let identities = vec![Identity::new(IdentityKind::Group, group)];
            let participant_name = person.and_then(|person| person.name.clone());
            return Some(Peer { identities, participant: keys, participant_name, ..Peer::default() });
        }
        (!keys.is_empty()).then(|| Peer {
            identities: keys,
            name: person.and_then(|person| person.name.clone()),
            username: person.and_then(|person| person.username.clone()),
            ..Peer::default()
        })
    }
}

/// Identities, strongest first.
pub(super) fn identities(user: Option<String>, phone: Option<String>) -> Vec<Identity> {
    let user = user.map(|user| Identity::new(IdentityKind::UserId, user));
    let phone = phone.map(|phone| Identity::new(IdentityKind::Phone, phone));
    user.into_iter().chain(phone).collect()
}

/// A phone number as digits with country code; nothing when it is something else.
pub(super) fn phone(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    ((4..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.to_owned())
}

/// Reads a phone number.
pub(super) fn phone_number(raw: Raw<'_>) -> Option<String> {
    phone(&meta::text(raw)?)
}

/// Reads a business-scoped user id.
pub(super) fn user_id(raw: Raw<'_>) -> Option<String> {
    let sound = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    identity(raw).filter(|id| sound(id))
}
