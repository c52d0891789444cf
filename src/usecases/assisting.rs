//! The workspace's assistant: the agent that its own people and programs ask, each in conversations of their own.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use switchboard_channels::contract::peer::IdentityKind;

use super::Switchboard;
use crate::domain::agents::Agent;
use crate::store::StoreError;

/// What the name of an assistant's session begins with; then the caller's name.
pub(super) const ASSISTANT: &str = "assistant:";

impl Switchboard {
    /// The agent that assists: the one whose settings say so, else the first by name; for a caller of one agent only,
    /// that one.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn assistant(&self, workspace_id: &str, only: Option<&str>) -> Result<Option<Arc<Agent>>, StoreError> {
        if let Some(only) = only {
            return self.directory.agent(only).await;
        }
        let agents = self.store.agents(workspace_id).await?;
        let chosen = agents.iter().find(|stored| stored.agent.settings.assistant).or(agents.first());
        Ok(chosen.map(|stored| Arc::new(stored.agent.clone())))
    }

    /// The name of a new session of this caller with the assistant: under an idempotency key always the same one, so that
    /// a question that is repeated is the same question.
    #[must_use]
    pub fn new_assistant_session(&self, subject: &str, key: Option<&str>) -> String {
        let name = key.map_or_else(|| self.store.clock().id(), |key| hex::encode(Sha256::digest(key.as_bytes())));
        format!("{ASSISTANT}{subject}:{name}")
    }

    /// The agent and the session of a conversation that this caller has with the assistant; none where it is no such
    /// conversation, or somebody else's.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn assistant_session(
        &self,
        workspace_id: &str,
        subject: &str,
        conversation_id: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let conversation = self.store.conversation(workspace_id, conversation_id).await?;
        let own = format!("{ASSISTANT}{subject}:");
        Ok(conversation.into_iter().flat_map(|conversation| conversation.identities).find_map(|identity| {
            let (agent, session) = identity.value.split_once(':')?;
            let ours = identity.kind == IdentityKind::Session && session.starts_with(&own);
            ours.then(|| (agent.to_owned(), session.to_owned()))
        }))
    }
}
