//! Memories: learned, corrected, and found again, together with what was said.

use super::Switchboard;
use super::once::{self, Refused};
use crate::domain::errors::FieldProblem;
use crate::domain::memories::{Memory, MemoryFields, Recalled};
use crate::domain::nearness::fused;
use crate::domain::tasks::Source;
use crate::store::StoreError;
use crate::store::remembered::{MOST_FOUND, Taken};

/// Steps that a search takes itself when the job that follows the messages is behind.
const STEPS_OF_A_SEARCH: usize = 5;

impl Switchboard {
    /// Writes down what was learned, once for each key; `agent_id`: the agent that learned it. Gives it, and whether the
    /// key had made it before.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add_memory(
        &self,
        workspace_id: &str,
        said: &MemoryFields,
        agent_id: Option<String>,
        key: Option<String>,
    ) -> Result<(Memory, bool), Refused> {
        let id = self.store.clock().id();
        let wanted = once::under(key, "memory", said, &id);
        let earlier = match self.made_under(workspace_id, wanted.as_ref()).await? {
            Some(earlier) => earlier,
            None => {
                let (now, source) = (self.now(), if agent_id.is_some() { Source::Agent } else { Source::Api });
                let made = Memory { agent_id, ..Memory::blank(id, source, now) };
                let made = made.changed(said, now).map_err(Refused::Fields)?;
                self.judge_origin(workspace_id, &made).await?;
                let embeds = self.embeds();
                match self.store.add_memory(workspace_id, &made, wanted.as_ref(), embeds).await {
                    Ok(()) => return Ok((made, false)),
                    Err(refusal) => once::repeated(wanted.as_ref(), refusal)?,
                }
            }
        };
        self.store.memory(workspace_id, &earlier).await?.map(|memory| (memory, true)).ok_or(Refused::Gone)
    }

    /// Corrects a memory; what is left out stays.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn correct_memory(&self, workspace_id: &str, id: &str, said: &MemoryFields) -> Result<Memory, Refused> {
        let now = self.now();
        let before = self.store.memory(workspace_id, id).await?.ok_or(Refused::Unknown)?;
        let after = before.changed(said, now).map_err(Refused::Fields)?;
        self.judge_origin(workspace_id, &after).await?;
        let embeds = self.embeds();
        Ok(self.store.change_memory(workspace_id, id, |memory| memory.changed(said, now), embeds).await?)
    }

    /// Finds what was learned and said, the best first: by its words, and what was learned by its meaning, too, where a
    /// model of embeddings is configured; of one person only, if given.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn search_memory(
        &self,
        workspace_id: &str,
        question: &str,
        contact_id: Option<&str>,
    ) -> Result<Vec<Recalled>, StoreError> {
        for _ in 0..STEPS_OF_A_SEARCH {
            if self.store.remember_messages(workspace_id).await? == Taken::All {
                break;
            }
        }
        let (by_words, by_meaning) = tokio::join!(
            self.store.recall(workspace_id, question, contact_id),
            self.by_meaning(workspace_id, question, contact_id),
        );
        let (by_words, by_meaning) = (by_words?, by_meaning?);
        if by_meaning.is_empty() {
            return Ok(by_words);
        }
        Ok(fused(by_words, by_meaning, usize::try_from(MOST_FOUND).unwrap_or(usize::MAX)))
    }

    /// Refuses a person, a conversation or a message that is not of the workspace.
    async fn judge_origin(&self, workspace_id: &str, memory: &Memory) -> Result<(), Refused> {
        self.judge_subjects(workspace_id, memory.contact_id.as_deref(), memory.conversation_id.as_deref()).await?;
        match &memory.message_id {
            Some(id) if self.store.message(workspace_id, id).await?.is_none() => {
                Err(Refused::Fields(vec![FieldProblem::absent("message_id", "a message of this workspace")]))
            }
            _ => Ok(()),
        }
    }
}
