//! A turn with a real model: it asks for tools, gets their results, and asks again, until it has its answer or has spent
//! its budget. What a round asks for is written down before it is done, so that a turn which runs again after a crash
//! goes on from there, and no call is done twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::engines::{Engine, Engines};
use super::turn::{Health, TurnOfAgent, limits, prompt};
use super::{Means, Question, Record};
use crate::domain::actions::Call;
use crate::domain::agents::Agent;
use crate::domain::traces::{self, TracedCall};
use crate::domain::usage::{self, Spent};
use crate::llm::answer::{Answer, Finish, Usage};
use crate::llm::endpoint::{Protocol, Provider};
use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};
use crate::llm::prompt::{Called, Own, Passage, Prompt, Round};
use crate::store::traces::NewTrace;
use crate::telemetry::crash;

/// The same call so often ends the turn.
const MOST_IDENTICAL: usize = 3;
/// How much longer than its time a turn may take before it is broken off.
const GRACE: Duration = Duration::from_secs(1);
/// Largest arguments and results that go back to the model, in bytes of JSON.
const LARGEST_VALUE: usize = 32 * 1024;

/// How far a turn has come.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    rounds: Vec<Round>,
    calls: Vec<TracedCall>,
    input_tokens: u64,
    output_tokens: u64,
    /// The same tokens by model and account, with their cost.
    #[serde(default)]
    spent: Vec<Spent>,
    hands_over: Option<String>,
}

/// A turn under way.
pub(super) struct Rounds<'a> {
    turn: &'a TurnOfAgent,
    agent: &'a Agent,
    engines: &'a Engines,
    /// The first model failed too often lately.
    breaker_open: bool,
    state: State,
    means: Option<Means>,
    model: String,
    /// The model that was asked last runs on the installation's account.
    hosted: bool,
    begun: Instant,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(turn: &'a TurnOfAgent, agent: &'a Agent, engines: &'a Engines, breaker_open: bool) -> Self {
        Self {
            turn,
            agent,
            engines,
            breaker_open,
            state: State::default(),
            means: None,
            model: agent.model.clone(),
            hosted: false,
            begun: Instant::now(),
        }
    }

    /// What was written down of the turn.
    pub(super) fn record(&self) -> Record {
        match (&self.means, self.state.rounds.is_empty()) {
            (None, _) => Record::Nothing,
            (Some(_), true) => Record::Trace,
            (Some(_), false) => Record::Journal,
        }
    }

    /// Why the conversation goes to a person after this turn.
    pub(super) fn hands_over(&mut self) -> Option<String> {
        self.state.hands_over.take()
    }

    /// Runs the turn within its time.
    pub(super) async fn run(
        &mut self,
        mut question: Question,
        passages: Vec<Passage>,
        health: &mut Health,
    ) -> Result<Answer, ModelFailure> {
        self.means = question.means.take();
        let (deltas, cancel) = (question.deltas.clone(), question.cancel.clone());
        let whole = Duration::from_millis(self.agent.settings.turn_timeout_ms);
        let prompt = prompt(self.agent, question, passages, limits(self.agent, whole));
        let end = self.begun + whole;
        // The model keeps its time by itself; this is for tools that do not.
        let outcome = match tokio::time::timeout_at(end + GRACE, self.go(prompt, deltas, &cancel, health, end)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ModelFailure::new(Code::Timeout, "the turn took longer than its budget")),
        };
        let error = outcome.as_ref().err().map(|failure| failure.code.as_str().to_owned());
        self.write(error).await;
        outcome
    }

    async fn go(
        &mut self,
        mut prompt: Prompt,
        deltas: Option<mpsc::UnboundedSender<Arc<str>>>,
        cancel: &CancellationToken,
        health: &mut Health,
        end: Instant,
    ) -> Result<Answer, ModelFailure> {
        let unavailable = |reason: String| ModelFailure::new(Code::Unavailable, reason);
        if let Some(means) = &self.means {
            let offered = means.actions.catalogue(&means.occasion).await;
            prompt.tools = offered.map_err(|error| unavailable(error.to_string()))?;
            self.resume().await?;
        }
        let mut said: Vec<String> = self.state.rounds.iter().map(|round| round.text.clone()).collect();
        loop {
            self.carry_out(cancel).await?;
            prompt.rounds.clone_from(&self.state.rounds);
            let mut begun = !said.iter().any(|text| !text.is_empty());
            let mut pass_on = |text: &str| {
                if let Some(deltas) = &deltas {
                    // What the model said before its tools and what it says after them are paragraphs of one answer.
                    if !std::mem::replace(&mut begun, true) {
                        let _ = deltas.send("\n\n".into());
                    }
                    let _ = deltas.send(text.into());
                }
            };
            let outcome = self.ask(&mut prompt, &mut pass_on, cancel, health, end).await;
            let answer = match outcome {
                // Who has handed over need not say more.
                Err(failure) if failure.code == Code::EmptyAnswer && self.state.hands_over.is_some() => {
                    Answer::of_text(&self.model, String::new())
                }
                outcome => outcome?,
            };
            self.spend(answer.usage.unwrap_or_default());
            if answer.tool_calls.is_empty() {
                return Ok(self.whole(said, answer));
            }
            said.push(answer.text.clone());
            self.judge(&answer)?;
            self.wish(answer);
            self.write(None).await;
            crash::point("agent.wished");
        }
    }

    /// Notes what an answer used.
    fn spend(&mut self, usage: Usage) {
        let Usage { input_tokens, output_tokens } = usage;
        self.state.input_tokens = self.state.input_tokens.saturating_add(input_tokens);
        self.state.output_tokens = self.state.output_tokens.saturating_add(output_tokens);
        let cost = self.turn.options.prices.cost(&self.model, input_tokens, output_tokens);
        let (cost_micros, currency) = cost.unwrap_or_default();
        let spent = Spent {
            model: self.model.clone(),
            hosted: self.hosted,
            input_tokens: count(input_tokens),
            output_tokens: count(output_tokens),
            cost_micros,
            currency: currency.to_owned(),
        };
        usage::spend(&mut self.state.spent, spent);
    }

    /// The answer with what was said on the way to it, and all that it cost.
    fn whole(&self, said: Vec<String>, answer: Answer) -> Answer {
        if answer.finish == Finish::Filtered {
            return answer;
        }
        let texts: Vec<&str> = said.iter().map(String::as_str).chain([answer.text.as_str()]).collect();
        let texts: Vec<&str> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
        let (input_tokens, output_tokens) = (self.state.input_tokens, self.state.output_tokens);
        let usage = (input_tokens + output_tokens > 0).then_some(Usage { input_tokens, output_tokens });
        Answer { text: texts.join("\n\n"), usage, ..answer }
    }

    /// Asks the first model, and where it fails for now before anything was shown, the fallback.
    async fn ask(
        &mut self,
        prompt: &mut Prompt,
        deltas: &mut dyn FnMut(&str),
        cancel: &CancellationToken,
        health: &mut Health,
        end: Instant,
    ) -> Result<Answer, ModelFailure> {
        let left = |share: u32| end.saturating_duration_since(Instant::now()) / share;
        let fallback = self.engines.fallback.as_ref();
        let first = match &self.engines.first {
            Ok(_) if self.breaker_open => Err(ModelFailure::new(
                Code::Unavailable,
                "the model failed too often just now; it is asked again after a pause",
            )),
            Ok(engine) => {
                prompt.limits.whole = left(if fallback.is_some() { 2 } else { 1 });
                let outcome = self.ask_one(engine, prompt, deltas, cancel).await;
                health.note(&outcome);
                outcome
            }
            Err(failure) => Err(failure.clone()),
        };
        let failure = match first {
            Err(failure) if failure.retryable && !failure.delivered_any => failure,
            settled => return settled,
        };
        match fallback {
            Some(Ok(engine)) => {
                tracing::warn!(
                    agent_id = self.agent.id,
                    code = failure.code.as_str(),
                    "the fallback model is asked in place of the first"
                );
                prompt.limits.whole = left(1);
                self.ask_one(engine, prompt, deltas, cancel).await
            }
            Some(Err(_)) | None => Err(failure),
        }
    }

    async fn ask_one(
        &mut self,
        engine: &Engine,
        prompt: &Prompt,
        deltas: &mut dyn FnMut(&str),
        cancel: &CancellationToken,
    ) -> Result<Answer, ModelFailure> {
        self.model.clone_from(&engine.name);
        self.hosted = engine.hosted_for.is_some();
        // A turn that has begun goes to its end.
        if self.state.rounds.is_empty() {
            let judged = self.turn.finder().judge(&self.agent.workspace_id, engine).await;
            judged.map_err(|error| ModelFailure::new(Code::Unavailable, error.to_string()))??;
        }
        engine.model.answer(&engine.client, prompt, deltas, cancel).await
    }

    /// Whether what the model asks for is within the turn's budget.
    fn judge(&self, answer: &Answer) -> Result<(), ModelFailure> {
        let settings = &self.agent.settings;
        if self.means.is_none() {
            return Err(ModelFailure::new(Code::Unreadable, "the model asks for tools that it was not offered"));
        }
        let spent = self.state.input_tokens.saturating_add(self.state.output_tokens);
        let asked = self.state.calls.len().saturating_add(answer.tool_calls.len());
        if self.state.rounds.len() >= settings.max_tool_rounds
            || asked > settings.max_tool_calls
            || spent > settings.max_turn_tokens
        {
            return Err(ModelFailure::new(Code::BudgetSpent, "the turn has spent its budget of tools and tokens"));
        }
        let known = self.state.rounds.iter().flat_map(|round| &round.calls);
        let known = known.map(|call| (call.name.as_str(), call.arguments.to_string()));
        let wanted = answer.tool_calls.iter().map(|call| (call.name.as_str(), plain(&call.arguments).to_string()));
        let mut times: HashMap<(&str, String), usize> = HashMap::new();
        for call in known.chain(wanted) {
            let times = times.entry(call).or_default();
            *times += 1;
            if *times >= MOST_IDENTICAL {
                return Err(ModelFailure::new(Code::ToolLoop, "the model asks for the same thing again and again"));
            }
        }
        Ok(())
    }

    /// Notes what the model wants; nothing of it is done yet.
    fn wish(&mut self, answer: Answer) {
        let calls = answer.tool_calls.into_iter().map(|call| Called {
            id: call.id,
            name: call.name,
            arguments: plain(&call.arguments),
            result: Value::Null,
            failed: false,
        });
        let protocol = self.protocol();
        let own = answer.own.zip(protocol).map(|(value, protocol)| Own { protocol, value });
        self.state.rounds.push(Round { text: answer.text, calls: calls.collect(), own });
    }

    /// What the model that answered last speaks.
    fn protocol(&self) -> Option<Protocol> {
        Provider::of_model(&self.model).map(|(provider, _)| provider.protocol())
    }

    /// Does what the last round asked for and has not been done.
    async fn carry_out(&mut self, cancel: &CancellationToken) -> Result<(), ModelFailure> {
        let Some(means) = self.means.clone() else { return Ok(()) };
        let Some(nth) = self.state.rounds.len().checked_sub(1) else { return Ok(()) };
        let wanted = self.state.rounds.last().map(|round| round.calls.clone()).unwrap_or_default();
        if wanted.iter().all(|call| !call.result.is_null()) {
            return Ok(());
        }
        for (place, wish) in wanted.iter().enumerate().filter(|(_, wish)| wish.result.is_null()) {
            // A newer message or a person who took over cancels what has not been done.
            if cancel.is_cancelled() {
                return Err(ModelFailure::cancelled());
            }
            let index = u32::try_from(self.state.calls.len()).unwrap_or(u32::MAX);
            let call = Call { index, name: wish.name.clone(), arguments: wish.arguments.clone() };
            let begun = Instant::now();
            let outcome = means.actions.invoke(&means.occasion, call).await;
            crash::point("agent.acted");
            let ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
            let (result, error) = match outcome {
                Ok(outcome) => {
                    self.state.hands_over = outcome.hands_over.or(self.state.hands_over.take());
                    (bounded(outcome.value), None)
                }
                Err(error) => (error.told(), Some(error.to_string())),
            };
            self.state.calls.push(TracedCall {
                round: u32::try_from(nth).unwrap_or(u32::MAX),
                tool: wish.name.clone(),
                arguments: traces::shown(&wish.arguments),
                result: traces::shown(&result),
                ms,
                error: error.clone(),
            });
            if let Some(called) = self.state.rounds.last_mut().and_then(|round| round.calls.get_mut(place)) {
                called.failed = error.is_some();
                called.result = if result.is_null() { Value::Bool(true) } else { result };
            }
        }
        self.write(None).await;
        Ok(())
    }

    /// Takes up what an earlier run of the same turn left.
    async fn resume(&mut self) -> Result<(), ModelFailure> {
        let Some(means) = &self.means else { return Ok(()) };
        let (workspace_id, job_id) = (&means.occasion.workspace_id, &means.occasion.cause);
        let journal = self.turn.store.turn_journal(workspace_id, job_id).await;
        let journal = journal.map_err(|error| ModelFailure::new(Code::Unavailable, error.to_string()))?;
        if let Some(state) = journal.and_then(|journal| serde_json::from_str(&journal).ok()) {
            self.state = state;
        }
        Ok(())
    }

    /// Writes down how far the turn has come, or why it ended without an answer. A failure here costs the trace, not
    /// the answer: what is done twice for want of it is done under the same id.
    async fn write(&self, error: Option<String>) {
        let Some(Means { occasion, .. }) = &self.means else { return };
        let state = &self.state;
        let trace = NewTrace {
            job_id: occasion.cause.clone(),
            workspace_id: occasion.workspace_id.clone(),
            conversation_id: occasion.conversation_id.clone().unwrap_or_default(),
            agent_id: self.agent.id.clone(),
            model: self.model.clone(),
            calls: state.calls.clone(),
            journal: (!state.rounds.is_empty()).then(|| serde_json::to_string(state).unwrap_or_default()),
            input_tokens: count(state.input_tokens),
            output_tokens: count(state.output_tokens),
            cost: usage::cost(&state.spent),
            spent: state.spent.clone(),
            duration_ms: i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX),
            error,
        };
        if let Err(error) = self.turn.store.put_trace(&trace).await {
            tracing::warn!(agent_id = self.agent.id, %error, "a turn's trace was not written");
        }
    }
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// Arguments as JSON: an object, or the text that is none.
fn plain(arguments: &Result<Value, String>) -> Value {
    match arguments {
        Ok(arguments) => bounded(arguments.clone()),
        Err(text) => bounded(Value::String(text.clone())),
    }
}

/// A value that is not too large to go back to the model; else a sentence that says so.
fn bounded(value: Value) -> Value {
    if value.to_string().len() <= LARGEST_VALUE {
        return value;
    }
    Value::String(format!("larger than {LARGEST_VALUE} bytes; ask for less"))
}
