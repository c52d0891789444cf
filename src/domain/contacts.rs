//! Contacts: one person behind many identities.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard_channels::Kind;
use switchboard_channels::contract::peer::{Identity, IdentityKind};

/// Fewest and most digits of a phone number after its plus (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Longest email address, in characters (RFC 5321).
const LONGEST_EMAIL: usize = 254;

/// A person as the API shows them inside a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Contact {
    /// UUID.
    pub id: String,
    /// Display name.
    pub name: Option<String>,
    /// How the conversation's channel account knows them.
    pub identities: Vec<Identity>,
}

/// A person: a contact together with those that were merged into it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// UUID of the contact that stands for the person.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub id: String,
    /// The name that the workspace gave; else what a channel says.
    #[schema(example = "Jane Doe")]
    pub name: Option<String>,
    /// Phone number in E.164.
    #[schema(example = "+14155551234")]
    pub phone: Option<String>,
    /// Email address, lower case.
    #[schema(example = "jane@example.com")]
    pub email: Option<String>,
    /// The person's id in the workspace's own system.
    #[schema(example = "customer-42")]
    pub external_id: Option<String>,
    /// What else the workspace knows, by name.
    #[schema(value_type = Object, example = json!({"plan": "gold"}))]
    pub attributes: Map<String, Value>,
    /// Words to find them by.
    #[schema(example = json!(["newsletter"]))]
    pub tags: Vec<String>,
    /// How the channel accounts know them.
    pub identities: Vec<PersonIdentity>,
    /// The contacts that were merged into this one, the oldest first.
    #[schema(example = json!(["0198c1d2-7e00-7000-8000-00000000000c"]))]
    pub merged_ids: Vec<String>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_000_000_i64)]
    pub created_at: i64,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub updated_at: i64,
}

impl Person {
    /// Whether this text occurs in their name, email address, phone number or a name that a channel has for them,
    /// whatever its case.
    #[must_use]
    pub fn goes_by(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let own = [&self.name, &self.email, &self.phone].into_iter().flatten();
        own.chain(self.identities.iter().map(|identity| &identity.value))
            .any(|name| name.to_lowercase().contains(&text))
    }
}

/// How one channel account knows a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PersonIdentity {
    /// The contact that has it: the person's own id or one of `merged_ids`.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub contact_id: String,
    /// The channel.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub channel_id: String,
    /// The channel's kind.
    pub channel_kind: Kind,
    /// What kind of name it is.
    pub kind: IdentityKind,
    /// The name itself. A phone number has no plus here.
    #[schema(example = "14155551234")]
    pub value: String,
}

/// Two contacts that became one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Merge {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000d")]
    pub id: String,
    /// The contact that stands for both.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub kept_id: String,
    /// The contact that was merged into it.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000c")]
    pub merged_id: String,
    /// What proves that they are one, or who said so.
    #[schema(example = "the same phone number, verified by two channels")]
    pub evidence: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
    /// Unix milliseconds; none: it stands.
    pub undone_at: Option<i64>,
}

/// What the workspace says about a contact; `None` leaves a field as it is, `Some(None)` empties it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Particulars {
    /// The name that the workspace gives.
    pub name: Option<Option<String>>,
    /// E.164; see [`phone`].
    pub phone: Option<Option<String>>,
    /// Lower case; see [`email`].
    pub email: Option<Option<String>>,
    /// The person's id in the workspace's own system.
    pub external_id: Option<Option<String>>,
    /// Attributes to set; a null takes one away.
    pub attributes: Map<String, Value>,
    /// All tags.
    pub tags: Option<Vec<String>>,
}

/// By which evidence contacts are merged without anybody's hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MergeRules {
    /// The same phone number, where each side was verified: by a vendor who delivers to it, by the workspace, or by a
    /// site for its signed-in user.
    pub verified_phone: bool,
    /// The same email address, where a site verified it for its signed-in user and the workspace entered it.
    pub verified_email: bool,
}

impl Default for MergeRules {
    fn default() -> Self {
        // A number reaches one phone at a time, and its vendor has just proved whose; an address may be a family's.
        Self { verified_phone: true, verified_email: false }
    }
}

/// The identity that routing prefers: a stable id before a phone number.
#[must_use]
pub fn strongest(identities: &[Identity]) -> Option<&Identity> {
    use IdentityKind as Kind;
    identities.iter().min_by_key(|identity| match identity.kind {
        Kind::Group => 0,
        Kind::UserId | Kind::ScopedId | Kind::Visitor | Kind::Session => 1,
        Kind::Email => 2,
        Kind::Phone => 3,
    })
}

/// A phone number in E.164: a plus, then 7 to 15 digits of which the first is not 0. Spaces, dots, hyphens and
/// parentheses are left out; `None`: it is none.
#[must_use]
pub fn phone(text: &str) -> Option<String> {
    let plain: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')')).collect();
    let digits = plain.strip_prefix('+')?;
    let good = digits.bytes().all(|byte| byte.is_ascii_digit())
        && PHONE_DIGITS.contains(&digits.len())
        && !digits.starts_with('0');
    good.then_some(plain)
}

/// An email address in lower case; `None`: it is none. It judges the form alone.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let plain = text.trim().to_lowercase();
    let (local, host) = plain.rsplit_once('@')?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
    let good = !local.is_empty()
        && !local.contains('@')
        && host.contains('.')
        && host.split('.').all(|label| !label.is_empty())
        && text.chars().count() <= LONGEST_EMAIL
        && !plain.contains(odd);
    good.then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::{email, phone};

    #[test]
    fn phone_numbers_are_e164() {
        let cases = [
            ("+14155551234", Some("+14155551234")),
            (" +49 (151) 123-45.678 ", Some("+4915112345678")),
            ("14155551234", None),
            ("+0123456789", None),
            ("+123456", None),
            ("+1234567890123456", None),
            ("+1415555abcd", None),
            ("+1+4155551234", None),
            ("+١٢٣٤٥٦٧٨", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(phone(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_lower_case_and_whole() {
        let long = format!("{}@example.com", "a".repeat(250));
        let cases = [
            (" Jane@Example.COM ", Some("jane@example.com")),
            ("jane+shop@mail.example.com", Some("jane+shop@mail.example.com")),
            ("jane@localhost", None),
            ("@example.com", None),
            ("jane@", None),
            ("jane@.com", None),
            ("a@b@example.com", None),
            ("Jane <jane@example.com>", None),
            (long.as_str(), None),
        ];
        for (text, expected) in cases {
            assert_eq!(email(text).as_deref(), expected, "{text}");
        }
    }
}
