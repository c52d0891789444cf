//! Who stands behind an address: phone numbers, user ids, short codes and names. It keys nobody by a display name.

use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::twilio::wire::Fields;
use crate::twilio::{Carrier, phone};

/// Longest name that is taken over, in characters.
const LONGEST_NAME: usize = 256;
/// Longest identity, in characters.
const LONGEST_IDENTITY: usize = 256;

/// The person who wrote; nothing when there is no key at all.
pub(super) fn sender(fields: &Fields) -> Option<Peer> {
    let mut identities: Vec<Identity> =
        ["From", "ExternalUserId"].into_iter().filter_map(|name| fields.get(name)).filter_map(of_address).collect();
    let phoneless = !identities.iter().any(|identity| identity.kind == IdentityKind::Phone);
    if let Some(number) = fields.get("WaId").filter(|_| phoneless).and_then(|digits| of_digits(digits.trim())) {
        identities.push(number);
    }
    // Strongest first: a user id stays when a number changes.
    identities.sort_by_key(|identity| identity.kind != IdentityKind::UserId);
    identities.dedup();
    let name = fields.get("ProfileName").and_then(|name| clean(name, LONGEST_NAME));
    (!identities.is_empty()).then_some(Peer { identities, name, username: None, ..Peer::default() })
}

/// The identity behind one of the vendor's addresses.
pub(in crate::twilio) fn of_address(address: &str) -> Option<Identity> {
    let (carrier, name) = Carrier::of(address);
    if let Some(digits) = phone(name) {
        return Some(Identity::new(IdentityKind::Phone, digits));
    }
    let sound = |character: char| !character.is_control() && !is_direction(character);
    if name.is_empty() || name.chars().count() > LONGEST_IDENTITY || !name.chars().all(sound) {
        return None;
    }
    // Short codes and names are no numbers of anybody.
    let kind = if carrier == Carrier::Whatsapp { IdentityKind::UserId } else { IdentityKind::ScopedId };
    Some(Identity::new(kind, name))
}

fn of_digits(digits: &str) -> Option<Identity> {
    phone(&format!("+{digits}")).map(|digits| Identity::new(IdentityKind::Phone, digits))
}

/// Characters that show nothing but reorder or hide what stands around them.
const fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line for display: no control or direction characters, trimmed, cut; nothing when nothing is left.
pub(super) fn clean(text: &str, longest: usize) -> Option<String> {
    let shown = text.trim().chars().filter(|character| !character.is_control() && !is_direction(*character));
    let line: String = shown.take(longest).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
