//! Who is at the other end: a person is not a phone number, but a set of identities within one channel account.

use serde::{Deserialize, Serialize};

/// What kind of name an identity is. The pair (kind, value) is unique within one channel account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A phone number: digits with country code, no plus.
    Phone,
    /// A business-scoped user id, opaque, for example `US.13491208655302741918`.
    UserId,
    /// A group of people; the conversation is with the group.
    Group,
    /// A page-scoped or account-scoped id of a social network, opaque.
    ScopedId,
    /// An email address, lower case.
    Email,
    /// A visitor of a web page, issued by us.
    Visitor,
    /// A session named by an API client.
    Session,
}

impl IdentityKind {
    /// The word used on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::UserId => "user_id",
            Self::Group => "group",
            Self::ScopedId => "scoped_id",
            Self::Email => "email",
            Self::Visitor => "visitor",
            Self::Session => "session",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Phone, Self::UserId, Self::Group, Self::ScopedId, Self::Email, Self::Visitor, Self::Session]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// One name by which a channel account knows a person (or a group).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Identity {
    /// What kind of name it is.
    pub kind: IdentityKind,
    /// The name itself, opaque, at most 256 characters.
    pub value: String,
}

impl Identity {
    /// An identity of this kind and value.
    pub fn new(kind: IdentityKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }
}

/// The person (or group) a message comes from or goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Never empty in a parsed event; strongest first (user id before phone; a group alone).
    pub identities: Vec<Identity>,
    /// Display name as the person chose it, trimmed, control characters removed, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Username for display only: it changes freely and is never a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// In a group: who of its members wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participant: Vec<Identity>,
    /// In a group: that member's display name, cleaned as `name` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_name: Option<String>,
}
