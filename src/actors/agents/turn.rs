//! One turn of an agent: looks up what it knows, asks its model, and where that fails for now its fallback model.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::engines::{Engine, Engines, Finder, Options};
use super::meaning::Meaning;
use super::rounds::Rounds;
use super::{Question, Reaction, Record};
use crate::actors::ActorError;
use crate::domain::agents::Agent;
use crate::llm::Model;
use crate::llm::answer::Answer;
use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};
use crate::llm::knowledge;
use crate::llm::prompt::{Limits, Passage, Prompt, Role};
use crate::net::Client;
use crate::store::Store;
use crate::store::documents::FoundPassage;
use crate::telemetry::crash;

/// How stale an agent's settings may be.
const FRESH_FOR: Duration = Duration::from_secs(3);

/// Most questions of one burst that are looked up each by itself; a longer message is one.
const MOST_QUESTIONS: usize = 6;

/// What an agent knows of itself.
pub(super) struct Profile {
    pub(super) agent: Arc<Agent>,
    engines: Engines,
    read_at: Instant,
}

/// One turn's share of the agent.
pub(super) struct TurnOfAgent {
    pub(super) id: String,
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) options: Arc<Options>,
    pub(super) profile: Rc<RefCell<Option<Rc<Profile>>>>,
}

/// How the first model did: nothing is said of it where it was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Health {
    pub(super) failed: Option<bool>,
}

impl Health {
    /// Takes in what came of asking the first model.
    pub(super) fn note(&mut self, outcome: &Result<Answer, ModelFailure>) {
        self.failed = match outcome {
            Ok(_) => Some(false),
            // It was not asked, or not to its end.
            Err(failure) if matches!(failure.code, Code::Cancelled | Code::TokenLimit) => self.failed,
            Err(_) => Some(true),
        };
    }
}

impl TurnOfAgent {
    pub(super) async fn take(
        &self,
        question: Question,
        breaker_open: bool,
        health: &mut Health,
    ) -> Result<Reaction, ActorError> {
        crash::point("agent.turn");
        let profile = self.profile().await?;
        let agent = Arc::clone(&profile.agent);
        let mut hands_over = None;
        let mut record = Record::Nothing;
        let outcome = match &profile.engines.first {
            Ok(Engine { model: model @ (Model::Echo | Model::Knowledge(_)), client, .. }) => {
                let outcome = self.answer_alone(&agent, model, client, question).await;
                health.note(&outcome);
                outcome
            }
            _ => {
                let passages = self.passages_for(&agent, &question).await;
                let mut rounds = Rounds::new(self, &agent, &profile.engines, breaker_open);
                let outcome = match passages {
                    Ok(passages) => rounds.run(question, passages, health).await,
                    Err(failure) => Err(failure),
                };
                record = rounds.record();
                hands_over = rounds.hands_over();
                outcome
            }
        };
        if let Err(failure) = &outcome
            && failure.code != Code::Cancelled
        {
            metrics::counter!("switchboard_model_failures_total", "code" => failure.code.as_str()).increment(1);
            tracing::warn!(
                agent_id = self.id,
                code = failure.code.as_str(),
                reason = failure.message,
                "a model failed"
            );
        }
        Ok(Reaction { agent, outcome, hands_over, record })
    }

    /// A built-in model answers by itself: it uses no tools, costs nothing and leaves no trace.
    async fn answer_alone(
        &self,
        agent: &Agent,
        model: &Model,
        client: &Client,
        question: Question,
    ) -> Result<Answer, ModelFailure> {
        let passages = if *model == Model::Echo { Vec::new() } else { self.passages_for(agent, &question).await? };
        let (deltas, cancel) = (question.deltas.clone(), question.cancel.clone());
        let limits = limits(agent, Duration::from_millis(agent.settings.turn_timeout_ms));
        let prompt = prompt(agent, question, passages, limits);
        let mut pass_on = |text: &str| {
            if let Some(deltas) = &deltas {
                let _ = deltas.send(text.into());
            }
        };
        model.answer(client, &prompt, &mut pass_on, &cancel).await
    }

    async fn passages_for(&self, agent: &Agent, question: &Question) -> Result<Vec<Passage>, ModelFailure> {
        let asked = question.turns.iter().rev().find(|turn| turn.role == Role::User);
        let Some(asked) = asked else { return Ok(Vec::new()) };
        // The questions of a burst are looked up each by itself, so that the passages of one do not crowd out another's.
        let parts = knowledge::questions(&asked.text);
        let parts = if (2..=MOST_QUESTIONS).contains(&parts.len()) { parts } else { vec![asked.text.clone()] };
        let limit = i64::try_from(agent.settings.passages).unwrap_or(4);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let meaning = Meaning { store: &self.store, client: &self.client, options: &self.options };
        let searched = meaning.passages(&agent.workspace_id, &agent.id, &parts, limit).await;
        let (searched, _) = searched.map_err(|error| ModelFailure::new(Code::Unavailable, error.to_string()))?;
        let mut found: Vec<(usize, Passage)> = Vec::new();
        for ranked in searched {
            for (rank, FoundPassage { title, text, source, score }) in ranked.into_iter().enumerate() {
                if !found.iter().any(|(_, known)| known.text == text && known.source == source) {
                    found.push((rank, Passage { title, text, source, score }));
                }
            }
        }
        // The best of each before the second of any.
        found.sort_by_key(|(rank, _)| *rank);
        Ok(found.into_iter().map(|(_, passage)| passage).collect())
    }

    pub(super) fn finder(&self) -> Finder<'_> {
        Finder { store: &self.store, client: &self.client, options: &self.options }
    }

    async fn profile(&self) -> Result<Rc<Profile>, ActorError> {
        let known = self.profile.borrow().clone();
        if let Some(profile) = known.filter(|profile| profile.read_at.elapsed() < FRESH_FOR) {
            return Ok(profile);
        }
        let stored = self.store.agent_by_id(&self.id).await?.ok_or(ActorError::Unknown)?;
        let engines = self.finder().engines(&stored).await?;
        let profile = Rc::new(Profile { agent: Arc::new(stored.agent), engines, read_at: Instant::now() });
        *self.profile.borrow_mut() = Some(Rc::clone(&profile));
        Ok(profile)
    }
}

/// The limits of one question within a turn.
pub(super) fn limits(agent: &Agent, whole: Duration) -> Limits {
    Limits {
        max_input_tokens: Some(agent.settings.max_context_tokens),
        max_output_tokens: Some(agent.settings.max_output_tokens),
        whole,
        ..Limits::default()
    }
}

pub(super) fn prompt(agent: &Agent, question: Question, passages: Vec<Passage>, limits: Limits) -> Prompt {
    Prompt {
        system: instructed(&agent.instructions, &question.instructions),
        customer: question.customer,
        turns: question.turns,
        passages,
        limits,
        ..Prompt::default()
    }
}

/// The agent's instructions, and below them those of the program that asks.
fn instructed(own: &str, added: &str) -> String {
    match (own.trim().is_empty(), added.trim().is_empty()) {
        (_, true) => own.to_owned(),
        (true, false) => added.to_owned(),
        (false, false) => format!("{own}\n\n{added}"),
    }
}
