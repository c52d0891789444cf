//! Memories by their meaning, where a model of embeddings is configured: each is embedded by a durable job, and a search
//! looks for those near its question. Without an answer in time a search finds by words alone.

use std::time::Duration;

use super::Switchboard;
use crate::domain::jobs::{Job, Verdict, backoff_ms};
use crate::domain::memories::Recalled;
use crate::net::Client;
use crate::store::StoreError;
use crate::store::embeddings::Space;
use crate::telemetry::{chance, crash};

/// How long the embedding of a memory may take, and that of a question, for which somebody waits.
const OF_A_MEMORY: Duration = Duration::from_secs(30);
const OF_A_QUESTION: Duration = Duration::from_secs(3);
/// Most memories that a search finds by their meaning, and how near they must be: what is merely written in the same
/// language is often nearer than nothing.
const MOST_NEAR: usize = 20;
const LEAST_NEAR: f32 = 0.3;

impl Switchboard {
    /// Runs the job that embeds a memory. A second run finds nothing left to do.
    pub async fn embed(&self, job: &Job, memory_id: &str, client: &Client) -> Verdict {
        let Some(embedder) = &self.options.embedder else { return Verdict::Drop };
        let again =
            |reason: String| Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason };
        let text = match self.store.text_to_embed(&job.workspace_id, memory_id, embedder.model()).await {
            Ok(Some(text)) => text,
            Ok(None) => return Verdict::Drop,
            Err(error) => return again(error.to_string()),
        };
        let vector = match embedder.embed(client, &text, OF_A_MEMORY).await {
            Ok(vector) => vector,
            Err(failure) => return again(failure.to_string()),
        };
        crash::point("embedding.embedded");
        let place = (memory_id, text.as_str());
        let put = self.store.put_embedding(&job.workspace_id, place, embedder.model(), &vector).await;
        crash::point("embedding.put");
        put.map_or_else(|error| again(error.to_string()), |()| Verdict::Drop)
    }

    /// Has every memory embedded that the configured model has not embedded: those from before it was configured.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn embed_what_is_left(&self) -> Result<(), StoreError> {
        let Some(embedder) = &self.options.embedder else { return Ok(()) };
        for workspace in self.store.workspaces().await? {
            while self.store.embed_what_is_left(&workspace.id, embedder.model()).await? > 0 {}
        }
        Ok(())
    }

    /// The memories that mean what a question asks, the nearest first; none where no model is configured or answers.
    pub(super) async fn by_meaning(
        &self,
        workspace_id: &str,
        question: &str,
        contact_id: Option<&str>,
        client: &Client,
    ) -> Result<Vec<Recalled>, StoreError> {
        let Some(embedder) = &self.options.embedder else { return Ok(Vec::new()) };
        let vector = match embedder.embed(client, question, OF_A_QUESTION).await {
            Ok(vector) => vector,
            Err(failure) => {
                tracing::warn!(
                    code = failure.code.as_str(),
                    "a search finds by words alone: its question has no vector"
                );
                return Ok(Vec::new());
            }
        };
        let space = Space { workspace_id, model: embedder.model(), contact_id };
        let mut found = Vec::new();
        for (id, near) in self.store.nearest_memories(space, &vector, (LEAST_NEAR, MOST_NEAR)).await? {
            let memory = self.store.memory(workspace_id, &id).await?;
            found.extend(memory.map(|memory| Recalled::of_memory(memory, f64::from(near))));
        }
        Ok(found)
    }
}
