//! What waits for a person's next word can be taken back until then.

use super::Switchboard;
use super::conversing::Unsaid;
use crate::domain::conversations::Amendment;
use crate::domain::messages::Message;

/// What became of the wish to take a message back.
#[derive(Debug)]
pub enum Withdrawal {
    /// It will not leave; so it stands now.
    Withdrawn(Box<Message>),
    /// It is not held: it has left, is about to, or never waited.
    NotHeld,
    /// There is no such message in this workspace.
    Unknown,
}

impl Switchboard {
    /// Takes a held message of the workspace back.
    ///
    /// # Errors
    /// See [`Unsaid`].
    pub async fn withdraw(&self, workspace_id: &str, message_id: &str) -> Result<Withdrawal, Unsaid> {
        let Some(stored) = self.store.message(workspace_id, message_id).await? else {
            return Ok(Withdrawal::Unknown);
        };
        let back = Amendment::Withdraw(message_id.to_owned());
        let held = stored.message.held && self.conversations.amend(&stored.conversation_id, back).await?;
        if !held {
            return Ok(Withdrawal::NotHeld);
        }
        let now = self.store.message(workspace_id, message_id).await?;
        Ok(now.map_or(Withdrawal::Unknown, |stored| Withdrawal::Withdrawn(Box::new(stored.message))))
    }
}
