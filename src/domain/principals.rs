//! Who is calling: every credential becomes one of these.

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read and write everything of the workspace.
    Workspace,
    /// Chat with one agent only.
    Agent,
}

/// The caller of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The caller's workspace.
    pub workspace_id: String,
    /// Id of the key that was presented.
    pub key_id: String,
    /// The key's name, for display.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The one agent of a [`Scope::Agent`] key.
    pub agent_id: Option<String>,
}

impl Principal {
    /// May use the workspace's own endpoints.
    #[must_use]
    pub const fn is_workspace(&self) -> bool {
        matches!(self.scope, Scope::Workspace)
    }

    /// May chat with this agent.
    #[must_use]
    pub fn may_chat_with(&self, agent_id: &str) -> bool {
        match self.scope {
            Scope::Workspace => true,
            Scope::Agent => self.agent_id.as_deref() == Some(agent_id),
        }
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
