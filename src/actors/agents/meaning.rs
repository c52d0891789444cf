//! Texts by their meaning, where a model of embeddings is configured: whether it may be asked, what that spends, and what
//! agents know that is near to a question. Without an answer in time a search finds by words alone.

use std::time::Duration;

use super::engines::{Options, tokens_left};
use crate::domain::nearness::{FoundBy, fused};
use crate::domain::usage::Spent;
use crate::llm::embeddings::{Embedded, Embedder};
use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};
use crate::net::Client;
use crate::store::documents::FoundPassage;
use crate::store::{Store, StoreError};

/// How long the embedding of questions may take: somebody waits for it.
const OF_QUESTIONS: Duration = Duration::from_secs(3);
/// How near what is found must be: what is merely written in the same language is often nearer than nothing.
pub const LEAST_NEAR: f32 = 0.3;
/// Most things that a search finds by their meaning.
pub const MOST_NEAR: usize = 20;

/// The way to the model of embeddings.
#[derive(Clone, Copy)]
pub struct Meaning<'a> {
    pub(super) store: &'a Store,
    pub(super) client: &'a Client,
    pub(super) options: &'a Options,
}

impl std::fmt::Debug for Meaning<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Meaning").field("model", &self.model()).finish_non_exhaustive()
    }
}

impl<'a> Meaning<'a> {
    /// The model's name, where one is configured.
    #[must_use]
    pub fn model(&self) -> Option<&'a str> {
        self.options.embedder.as_ref().map(Embedder::model)
    }

    /// Embeds texts for a workspace: their vectors, and what that spent.
    ///
    /// # Errors
    /// `KeyMissing`: there is no model, or its plan lets the workspace use its own keys only. `TokenLimit`: the month's
    /// tokens are used up. Others: see [`Code`].
    pub async fn embed(
        &self,
        workspace_id: &str,
        texts: &[&str],
        within: Duration,
    ) -> Result<(Vec<Vec<f32>>, Spent), ModelFailure> {
        let Some(embedder) = &self.options.embedder else {
            return Err(ModelFailure::new(Code::KeyMissing, "there is no model of embeddings"));
        };
        if embedder.is_paid() {
            self.judge(workspace_id)
                .await
                .map_err(|error| ModelFailure::new(Code::Unavailable, error.to_string()))??;
        }
        let Embedded { vectors, tokens } = embedder.embed(self.client, texts, within).await?;
        let (cost_micros, currency) = self.options.prices.cost(embedder.model(), tokens, 0).unwrap_or_default();
        let spent = Spent {
            model: embedder.model().to_owned(),
            hosted: embedder.is_paid(),
            input_tokens: i64::try_from(tokens).unwrap_or(i64::MAX),
            output_tokens: 0,
            cost_micros,
            currency: currency.to_owned(),
        };
        Ok((vectors, spent))
    }

    /// Whether a workspace may use the installation's account now.
    async fn judge(&self, workspace_id: &str) -> Result<Result<(), ModelFailure>, StoreError> {
        let workspace = self.store.workspace_by_id(workspace_id).await?;
        let plan = workspace.and_then(|workspace| self.options.plans.get(&workspace.plan));
        if plan.is_some_and(|plan| plan.own_key_only) {
            let reason = "the plan allows no model on the installation's account";
            return Ok(Err(ModelFailure::new(Code::KeyMissing, reason)));
        }
        tokens_left(self.store, workspace_id, plan).await
    }

    /// Where questions lie, and counts what that spent; none where no model is configured or answers.
    pub async fn of_questions(
        &self,
        workspace_id: &str,
        agent_id: &str,
        questions: &[&str],
    ) -> Option<(&'a str, Vec<Vec<f32>>)> {
        let model = self.model()?;
        let (vectors, spent) = match self.embed(workspace_id, questions, OF_QUESTIONS).await {
            Ok(embedded) => embedded,
            Err(failure) => {
                let (code, reason) = (failure.code.as_str(), failure.message);
                tracing::warn!(workspace_id, code, reason, "a search finds by words alone: its question has no vector");
                return None;
            }
        };
        if let Err(error) = self.store.count_question(workspace_id, agent_id, &spent).await {
            tracing::warn!(workspace_id, %error, "what the embedding of a question spent could not be counted");
        }
        Some((model, vectors))
    }

    /// What an agent knows of each of some questions, the best first, at most `limit` passages each; and how it was found.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn passages(
        &self,
        workspace_id: &str,
        agent_id: &str,
        questions: &[&str],
        limit: i64,
    ) -> Result<(Vec<Vec<FoundPassage>>, FoundBy), StoreError> {
        let mut found = Vec::with_capacity(questions.len());
        for question in questions {
            found.push(self.store.search_passages(workspace_id, agent_id, question, limit).await?);
        }
        let knows = match self.model() {
            Some(model) => self.store.knows_by_meaning(workspace_id, agent_id, model).await?,
            None => false,
        };
        let asked = if knows { self.of_questions(workspace_id, agent_id, questions).await } else { None };
        let Some((model, vectors)) = asked else { return Ok((found, FoundBy::Words)) };
        let most = usize::try_from(limit).unwrap_or(MOST_NEAR);
        let bounds = (LEAST_NEAR, most.min(MOST_NEAR));
        let near = self.store.nearest_passages((workspace_id, agent_id), model, &vectors, bounds).await?;
        for (by_words, near) in found.iter_mut().zip(near) {
            if !near.is_empty() {
                *by_words = fused(std::mem::take(by_words), near, most);
            }
        }
        Ok((found, FoundBy::WordsAndMeaning))
    }
}
