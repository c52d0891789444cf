//! Contacts: one person behind many identities.

use serde::Serialize;
use switchboard_channels::contract::peer::Identity;

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

/// The identity that routing prefers: a stable id before a phone number.
#[must_use]
pub fn strongest(identities: &[Identity]) -> Option<&Identity> {
    use switchboard_channels::contract::peer::IdentityKind as Kind;
    identities.iter().min_by_key(|identity| match identity.kind {
        Kind::Group => 0,
        Kind::UserId | Kind::ScopedId | Kind::Visitor | Kind::Session => 1,
        Kind::Email => 2,
        Kind::Phone => 3,
    })
}
