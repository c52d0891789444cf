//! Agents as actors: behaviour, knowledge and limits of one agent; bounded concurrency and queue, a time and token
//! budget a turn, and a circuit breaker on its provider.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Arbiter, ArbiterHandle, AsyncContext, Context, Handler, Message};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::ActorError;
use crate::domain::agents::Agent;
use crate::llm::Model;
use crate::llm::answer::Answer;
use crate::llm::failure::{ModelFailure, ModelFailureCode};
use crate::llm::openai::Endpoint;
use crate::llm::prompt::{Limits, Passage, Prompt, Role, Turn};
use crate::net::Client;
use crate::store::Store;
use crate::store::agents::StoredAgent;
use crate::telemetry::crash;

/// How stale an agent's settings may be.
const FRESH_FOR: Duration = Duration::from_secs(3);

/// A question for an agent.
#[derive(Debug)]
pub struct Question {
    /// The conversation so far, oldest first; the last turn of the customer is the question.
    pub turns: Vec<Turn>,
    /// The contact's display name.
    pub customer: Option<String>,
    /// Where pieces of the answer go while it is being written.
    pub deltas: Option<mpsc::UnboundedSender<Arc<str>>>,
    /// Fires when nobody wants the answer any more.
    pub cancel: CancellationToken,
}

/// What came of a question.
#[derive(Debug)]
pub struct Reaction {
    /// The agent as it was when it answered.
    pub agent: Arc<Agent>,
    /// The answer, or why there is none.
    pub outcome: Result<Answer, ModelFailure>,
}

struct Ask {
    question: Question,
    reply: oneshot::Sender<Result<Reaction, ActorError>>,
}

impl Message for Ask {
    type Result = ();
}

struct Finished {
    failed_provider: Option<bool>,
}

impl Message for Finished {
    type Result = ();
}

/// All agents of this process, on one arbiter. Clones share them.
#[derive(Clone)]
pub struct Agents {
    arbiter: ArbiterHandle,
    post: mpsc::UnboundedSender<(String, Ask)>,
}

impl Agents {
    /// Starts the agents' arbiter (or shares a given one). Models on the operator's addresses are reached by `client`.
    #[must_use]
    pub fn start(store: &Store, client: &Client, shared: Option<&ArbiterHandle>) -> Self {
        let arbiter = shared.cloned().unwrap_or_else(|| Arbiter::new().handle());
        let (post, mut letters) = mpsc::unbounded_channel::<(String, Ask)>();
        let (store, client) = (store.clone(), client.clone());
        arbiter.spawn(async move {
            let mut living: HashMap<String, Addr<AgentActor>> = HashMap::new();
            while let Some((id, ask)) = letters.recv().await {
                let alive = living.get(&id).filter(|address| address.connected()).cloned();
                let address = alive.unwrap_or_else(|| {
                    let address = AgentActor::new(id.clone(), store.clone(), client.clone()).start();
                    living.insert(id, address.clone());
                    address
                });
                address.do_send(ask);
            }
        });
        Self { arbiter, post }
    }

    /// The arbiter that agents live on.
    #[must_use]
    pub const fn arbiter(&self) -> &ArbiterHandle {
        &self.arbiter
    }

    /// Asks an agent. Waits for its turn, and answers or says why not.
    ///
    /// # Errors
    /// `Busy`: too many wait already. `Died`: ask again. `Unknown`: there is no such agent.
    pub async fn ask(&self, agent_id: &str, question: Question) -> Result<Reaction, ActorError> {
        let (reply, answer) = oneshot::channel();
        self.post.send((agent_id.to_owned(), Ask { question, reply })).map_err(|_| ActorError::Died)?;
        answer.await.unwrap_or(Err(ActorError::Died))
    }
}

/// What an agent knows of itself.
struct Profile {
    agent: Arc<Agent>,
    model: Result<Model, String>,
    read_at: Instant,
}

struct AgentActor {
    id: String,
    store: Store,
    client: Client,
    profile: Rc<RefCell<Option<Rc<Profile>>>>,
    running: usize,
    concurrency: usize,
    waiting: VecDeque<Ask>,
    queue: usize,
    failures: u32,
    open_until: Option<Instant>,
}

impl Actor for AgentActor {
    type Context = Context<Self>;
}

impl AgentActor {
    fn new(id: String, store: Store, client: Client) -> Self {
        let defaults = crate::domain::agents::AgentSettings::default();
        Self {
            id,
            store,
            client,
            profile: Rc::default(),
            running: 0,
            concurrency: defaults.concurrency,
            waiting: VecDeque::new(),
            queue: defaults.queue,
            failures: 0,
            open_until: None,
        }
    }

    fn begin(&mut self, ask: Ask, context: &mut Context<Self>) {
        self.running += 1;
        let open = self.open_until.is_some_and(|until| Instant::now() < until);
        let turn = TurnOfAgent {
            id: self.id.clone(),
            store: self.store.clone(),
            client: self.client.clone(),
            profile: Rc::clone(&self.profile),
        };
        let done = Done { address: context.address(), failed_provider: None };
        // On a task of its own: a turn that panics takes neither the agent nor the other turns with it.
        actix::spawn(async move {
            let mut done = done;
            let Ask { question, reply } = ask;
            let reaction = turn.take(question, open).await;
            done.failed_provider = judge(&reaction);
            let _ = reply.send(reaction);
        });
    }

    fn adopt_settings(&mut self) {
        let profile = self.profile.borrow().clone();
        if let Some(profile) = profile {
            self.concurrency = profile.agent.settings.concurrency.max(1);
            self.queue = profile.agent.settings.queue;
        }
    }
}

/// Whether a turn says something about the provider: `Some(true)` it failed, `Some(false)` it worked.
fn judge(reaction: &Result<Reaction, ActorError>) -> Option<bool> {
    match &reaction.as_ref().ok()?.outcome {
        Ok(_) => Some(false),
        Err(failure) if failure.code == ModelFailureCode::Cancelled => None,
        Err(_) => Some(true),
    }
}

/// Tells the agent that a turn is over, however it ended.
struct Done {
    address: Addr<AgentActor>,
    failed_provider: Option<bool>,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.address.do_send(Finished { failed_provider: self.failed_provider });
    }
}

impl Handler<Ask> for AgentActor {
    type Result = ();

    fn handle(&mut self, ask: Ask, context: &mut Self::Context) {
        if self.running < self.concurrency {
            self.begin(ask, context);
        } else if self.waiting.len() < self.queue {
            self.waiting.push_back(ask);
        } else {
            let _ = ask.reply.send(Err(ActorError::Busy));
        }
    }
}

impl Handler<Finished> for AgentActor {
    type Result = ();

    fn handle(&mut self, finished: Finished, context: &mut Self::Context) {
        self.running = self.running.saturating_sub(1);
        self.adopt_settings();
        match finished.failed_provider {
            Some(false) => {
                self.failures = 0;
                self.open_until = None;
            }
            Some(true) => {
                self.failures += 1;
                let settings = self.profile.borrow().as_ref().map(|profile| profile.agent.settings.clone());
                if let Some(settings) = settings.filter(|settings| self.failures >= settings.breaker_failures)
                    && self.open_until.is_none_or(|until| Instant::now() >= until)
                {
                    tracing::warn!(
                        agent_id = self.id,
                        failures = self.failures,
                        "the agent's model keeps failing; the breaker opens"
                    );
                    self.open_until = Some(Instant::now() + Duration::from_millis(settings.breaker_pause_ms));
                }
            }
            None => {}
        }
        while self.running < self.concurrency {
            let Some(ask) = self.waiting.pop_front() else { break };
            if ask.question.cancel.is_cancelled() || ask.reply.is_closed() {
                continue;
            }
            self.begin(ask, context);
        }
    }
}

/// One turn's share of the agent.
struct TurnOfAgent {
    id: String,
    store: Store,
    client: Client,
    profile: Rc<RefCell<Option<Rc<Profile>>>>,
}

impl TurnOfAgent {
    async fn take(&self, question: Question, breaker_open: bool) -> Result<Reaction, ActorError> {
        crash::point("agent.turn");
        let profile = self.profile().await?;
        let agent = Arc::clone(&profile.agent);
        let outcome = match &profile.model {
            Err(reason) => Err(ModelFailure::new(ModelFailureCode::RefusedRequest, reason.clone())),
            Ok(_) if breaker_open => Err(ModelFailure::new(
                ModelFailureCode::Unavailable,
                "the model failed too often just now; it is asked again after a pause",
            )),
            Ok(model) => self.answer(&agent, model, question).await,
        };
        if let Err(failure) = &outcome
            && failure.code != ModelFailureCode::Cancelled
        {
            metrics::counter!("switchboard_model_failures_total", "code" => failure.code.as_str()).increment(1);
            tracing::warn!(
                agent_id = self.id,
                code = failure.code.as_str(),
                reason = failure.message,
                "a model failed"
            );
        }
        Ok(Reaction { agent, outcome })
    }

    async fn answer(&self, agent: &Agent, model: &Model, question: Question) -> Result<Answer, ModelFailure> {
        let settings = &agent.settings;
        let asked = question.turns.iter().rev().find(|turn| turn.role == Role::User).map(|turn| turn.text.clone());
        let passages = match (model, asked) {
            (Model::Echo, _) | (_, None) => Vec::new(),
            (_, Some(asked)) => self.passages(agent, &asked).await?,
        };
        let prompt = Prompt {
            system: agent.instructions.clone(),
            customer: question.customer,
            turns: question.turns,
            passages,
            limits: Limits {
                max_input_tokens: Some(settings.max_context_tokens),
                max_output_tokens: Some(settings.max_output_tokens),
                whole: Duration::from_millis(settings.turn_timeout_ms),
                ..Limits::default()
            },
        };
        let mut pass_on = |text: &str| {
            if let Some(deltas) = &question.deltas {
                let _ = deltas.send(text.into());
            }
        };
        let work = model.answer(&self.client, &prompt, &mut pass_on, &question.cancel);
        match tokio::time::timeout(Duration::from_millis(settings.turn_timeout_ms), work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ModelFailure::new(ModelFailureCode::Timeout, "the turn took longer than its budget")),
        }
    }

    async fn passages(&self, agent: &Agent, asked: &str) -> Result<Vec<Passage>, ModelFailure> {
        let limit = i64::try_from(agent.settings.passages).unwrap_or(4);
        let found = self
            .store
            .search_passages(&agent.workspace_id, &agent.id, asked, limit)
            .await
            .map_err(|error| ModelFailure::new(ModelFailureCode::Unavailable, error.to_string()))?;
        Ok(found
            .into_iter()
            .map(|passage| Passage {
                title: passage.title,
                text: passage.text,
                source: passage.source,
                score: passage.score,
            })
            .collect())
    }

    async fn profile(&self) -> Result<Rc<Profile>, ActorError> {
        let known = self.profile.borrow().clone();
        if let Some(profile) = known.filter(|profile| profile.read_at.elapsed() < FRESH_FOR) {
            return Ok(profile);
        }
        let stored = self.store.agent_by_id(&self.id).await?.ok_or(ActorError::Unknown)?;
        let profile =
            Rc::new(Profile { model: model_of(&stored), agent: Arc::new(stored.agent), read_at: Instant::now() });
        *self.profile.borrow_mut() = Some(Rc::clone(&profile));
        Ok(profile)
    }
}

fn model_of(stored: &StoredAgent) -> Result<Model, String> {
    let settings = &stored.agent.settings;
    let endpoint = settings
        .base_url
        .as_ref()
        .map(|base_url| Endpoint { api_key: stored.api_key.clone(), ..Endpoint::new(base_url.clone()) });
    let mut model = Model::parse(&stored.agent.model, endpoint.as_ref()).map_err(|error| error.to_string())?;
    if let Model::Knowledge(options) = &mut model {
        options.unknown_text.clone_from(&settings.unknown_message);
        options.greeting_text.clone_from(&settings.greeting_message);
    }
    Ok(model)
}
