//! Members: who belongs to a workspace, and what their role lets them do.

use serde::{Deserialize, Serialize};

use super::principals::{Permission, Permissions};

/// What a member is in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything; a workspace always has one.
    Owner,
    /// Sets the workspace up.
    Admin,
    /// A person who talks with customers.
    Agent,
    /// Looks on.
    Viewer,
}

impl Role {
    /// All of them, the greatest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Agent, Self::Viewer];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it may do.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        use Permission::{Chat, Manage, Own, Read, Write};
        Permissions::of(match self {
            Self::Owner => &[Chat, Read, Write, Manage, Own],
            Self::Admin => &[Chat, Read, Write, Manage],
            Self::Agent => &[Chat, Read, Write],
            Self::Viewer => &[Read],
        })
    }
}

/// A workspace that a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The workspace.
    pub workspace_id: String,
    /// Its name.
    pub workspace: String,
    /// Its plan.
    pub plan: String,
    /// What the user is there.
    pub role: Role,
}

/// A member as the workspace sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// UUID of the user.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000010")]
    pub id: String,
    /// Display name.
    #[schema(example = "Jane Doe")]
    pub name: String,
    /// Email address.
    #[schema(example = "jane@example.com")]
    pub email: Option<String>,
    /// Phone number in E.164.
    #[schema(example = "+14155551234")]
    pub phone: Option<String>,
    /// What they are.
    pub role: Role,
    /// Since when they belong to it, Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
}

/// Somebody who was asked to join a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invitation {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000011")]
    pub id: String,
    /// The workspace.
    #[serde(skip)]
    pub workspace_id: String,
    /// Who is asked.
    #[schema(example = "jane@example.com")]
    pub email: String,
    /// What they would be.
    pub role: Role,
    /// Who asks, for display.
    #[schema(example = "Kim Owner")]
    pub invited_by: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
    /// Until when it can be accepted, Unix milliseconds.
    #[schema(example = 1_767_830_400_000_i64)]
    pub expires_at: i64,
    /// When it was accepted, Unix milliseconds; null: it was not.
    pub accepted_at: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn each_role_may_do_all_that_the_next_one_may() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0].permissions().has_all(pair[1].permissions()), "{pair:?}");
            assert!(!pair[1].permissions().has_all(pair[0].permissions()), "{pair:?}");
        }
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.as_str()), Some(role));
        }
        assert_eq!(Role::from_word("root"), None);
    }
}
