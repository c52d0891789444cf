//! Who is calling: every credential becomes one principal, and each endpoint says which permission it needs.

use serde::{Deserialize, Serialize};

use super::members::Role;

/// What an endpoint needs of its caller. A key's scopes and a member's role are sets of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Talk with agents.
    Chat,
    /// Read what the workspace has: conversations, contacts, tasks, events.
    Read,
    /// Say and change what the daily work needs.
    Write,
    /// Set up the workspace: channels, agents, keys, webhooks, members.
    Manage,
    /// What only its owner decides: the plan, the owners, the audit log, erasure.
    Own,
}

impl Permission {
    /// All of them, the smallest first.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Read, Self::Write, Self::Manage, Self::Own];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
            Self::Own => "own",
        }
    }

    /// The permission of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == word)
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// These permissions.
    #[must_use]
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, permission| bits | bit(*permission)))
    }

    /// Whether this permission is among them.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Whether all of these are among them.
    #[must_use]
    pub const fn has_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The words, separated by commas, as they are stored.
    #[must_use]
    pub fn to_words(self) -> String {
        self.iter().map(Permission::as_str).collect::<Vec<_>>().join(",")
    }

    /// The permissions of stored words; unknown ones give nothing.
    #[must_use]
    pub fn of_words(words: &str) -> Self {
        Self::of(&words.split(',').filter_map(Permission::parse).collect::<Vec<_>>())
    }

    /// The permissions in it, the smallest first.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.has(*permission))
    }
}

const fn bit(permission: Permission) -> u8 {
    1 << permission as u8
}

/// What presented the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An API key.
    Key {
        /// Its id.
        id: String,
        /// The one agent it is for.
        agent_id: Option<String>,
        /// Requests that it may make in a minute; none: as many as its plan allows.
        requests_per_minute: Option<u32>,
    },
    /// A person, by a session or an access token.
    Member {
        /// The user's id.
        user_id: String,
        /// What they are in the workspace.
        role: Role,
    },
}

impl Actor {
    /// How it is written down: `user:<id>` or `key:<id>`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Key { id, .. } => format!("key:{id}"),
            Self::Member { user_id, .. } => format!("user:{user_id}"),
        }
    }
}

/// The caller of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The caller's workspace.
    pub workspace_id: String,
    /// Name of the workspace's plan.
    pub plan: String,
    /// What presented the credential.
    pub actor: Actor,
    /// The key's or the person's name, for display.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
}

impl Principal {
    /// The caller's workspace.
    #[must_use]
    pub fn workspace_id(&self) -> &str {
        &self.workspace_id
    }

    /// May do this in its workspace.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// The one agent that it is for.
    #[must_use]
    pub fn only_agent(&self) -> Option<&str> {
        match &self.actor {
            Actor::Key { agent_id, .. } => agent_id.as_deref(),
            Actor::Member { .. } => None,
        }
    }

    /// May chat with this agent.
    #[must_use]
    pub fn may_chat_with(&self, agent_id: &str) -> bool {
        self.may(Permission::Chat) && self.only_agent().is_none_or(|only| only == agent_id)
    }
}

/// A visitor of a widget, proved by a signed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The visitor's id.
    pub visitor_id: String,
    /// The widget channel.
    pub channel_id: String,
}

#[cfg(test)]
mod tests {
    use super::{Permission, Permissions};

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
            let one = Permissions::of(&[permission]);
            assert_eq!(one.iter().collect::<Vec<_>>(), [permission]);
            assert!(Permissions::of(&Permission::ALL).has_all(one));
        }
        assert!(!Permissions::of(&[Permission::Read]).has_all(Permissions::of(&[Permission::Read, Permission::Own])));
        assert_eq!(Permission::parse("all"), None);
        let some = Permissions::of(&[Permission::Write, Permission::Chat]);
        assert_eq!(some.to_words(), "chat,write");
        assert_eq!(Permissions::of_words("chat,write,all,"), some);
        assert_eq!(Permissions::of_words(""), Permissions::default());
    }
}
