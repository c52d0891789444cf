//! Memories and knowledge by their meaning, where a model of embeddings is configured: their texts are embedded by durable
//! jobs, and a search for memories looks for those near its question.

use std::time::Duration;

use super::Switchboard;
use crate::actors::agents::{LEAST_NEAR, MOST_NEAR};
use crate::domain::jobs::{Embeddable, Job, Verdict, backoff_ms};
use crate::domain::memories::Recalled;
use crate::llm::embeddings::MOST_TEXTS;
use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};
use crate::store::StoreError;
use crate::store::embeddings::Space;
use crate::telemetry::{chance, crash};

/// How long the embedding of some texts may take.
const OF_TEXTS: Duration = Duration::from_secs(30);
/// When texts are tried again for which the month has no tokens left, in milliseconds: another plan may have come.
const ANOTHER_PLAN_MS: u64 = 60 * 60 * 1_000;

impl Switchboard {
    /// Whether new texts are to be embedded.
    pub(super) fn embeds(&self) -> bool {
        self.agents.meaning().model().is_some()
    }

    /// Runs the job that embeds a memory or a document. Run again, it goes on with what is not embedded yet.
    pub async fn embed(&self, job: &Job, of: Embeddable, id: &str) -> Verdict {
        loop {
            match self.embed_some(&job.workspace_id, of, id).await {
                Ok(true) => {}
                Ok(false) => return Verdict::Drop,
                Err(failure) if failure.code == Code::TokenLimit => {
                    return Verdict::Wait { after_ms: ANOTHER_PLAN_MS, reason: failure.message };
                }
                // Another model, or another plan, is there only after a start, which looks for what is left.
                Err(failure) if failure.code == Code::KeyMissing => return Verdict::Drop,
                Err(failure) => {
                    let after_ms = backoff_ms(job.attempts, chance::below(1_000));
                    return Verdict::Retry { after_ms, reason: failure.to_string() };
                }
            }
        }
    }

    /// Embeds as many texts as may be asked about at once. Gives whether there were any.
    async fn embed_some(&self, workspace_id: &str, of: Embeddable, id: &str) -> Result<bool, ModelFailure> {
        let unavailable = |error: StoreError| ModelFailure::new(Code::Unavailable, error.to_string());
        let meaning = self.agents.meaning();
        let Some(model) = meaning.model() else { return Ok(false) };
        let most = i64::try_from(MOST_TEXTS).unwrap_or(1);
        let left = self.store.texts_to_embed(workspace_id, (of, id), model, most).await.map_err(unavailable)?;
        if left.is_empty() {
            return Ok(false);
        }
        let texts: Vec<&str> = left.iter().map(|one| one.text.as_str()).collect();
        let (vectors, spent) = meaning.embed(workspace_id, &texts, OF_TEXTS).await?;
        crash::point("embedding.embedded");
        let embedded: Vec<_> = left.into_iter().zip(vectors).collect();
        let put = self.store.put_embeddings(workspace_id, of, &embedded, &spent).await.map_err(unavailable)?;
        crash::point("embedding.put");
        if put == 0 {
            return Err(ModelFailure::new(Code::Unavailable, "the texts have changed meanwhile"));
        }
        Ok(true)
    }

    /// Has every memory and every document embedded that the configured model has not embedded: those from before it was
    /// configured.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn embed_what_is_left(&self) -> Result<(), StoreError> {
        let meaning = self.agents.meaning();
        let Some(model) = meaning.model() else { return Ok(()) };
        for workspace in self.store.workspaces().await? {
            while self.store.embed_what_is_left(&workspace.id, model).await? > 0 {}
        }
        Ok(())
    }

    /// The memories that mean what a question asks, the nearest first; none where no model is configured or answers.
    pub(super) async fn by_meaning(
        &self,
        workspace_id: &str,
        question: &str,
        contact_id: Option<&str>,
    ) -> Result<Vec<Recalled>, StoreError> {
        let meaning = self.agents.meaning();
        let Some((model, vectors)) = meaning.of_questions(workspace_id, "", &[question]).await else {
            return Ok(Vec::new());
        };
        let (space, mut found) = (Space { workspace_id, model, contact_id }, Vec::new());
        for vector in vectors {
            for (id, near) in self.store.nearest_memories(space, &vector, (LEAST_NEAR, MOST_NEAR)).await? {
                let memory = self.store.memory(workspace_id, &id).await?;
                found.extend(memory.map(|memory| Recalled::of_memory(memory, f64::from(near))));
            }
        }
        Ok(found)
    }
}
