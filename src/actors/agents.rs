//! Agents as actors: behaviour, knowledge and limits of one agent; bounded concurrency and queue, a time and token
//! budget a turn, and a circuit breaker on its provider.

mod engines;
mod meaning;
mod rounds;
mod turn;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Arbiter, ArbiterHandle, AsyncContext, Context, Handler, Message};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::ActorError;
use crate::domain::actions::{Actions, Occasion};
use crate::domain::agents::Agent;
use crate::llm::answer::Answer;
use crate::llm::failure::ModelFailure;
use crate::llm::prompt::Turn;
use crate::net::Client;
use crate::store::Store;

use turn::{Health, Profile, TurnOfAgent};

pub use engines::Options;
pub use meaning::{LEAST_NEAR, MOST_NEAR, Meaning};

/// A question for an agent.
#[derive(Debug)]
pub struct Question {
    /// The conversation so far, oldest first; the last turn of the customer is the question.
    pub turns: Vec<Turn>,
    /// What the asking program adds to the agent's own instructions; may be empty.
    pub instructions: String,
    /// The contact's display name.
    pub customer: Option<String>,
    /// Where pieces of the answer go while it is being written.
    pub deltas: Option<mpsc::UnboundedSender<Arc<str>>>,
    /// What the agent can do in this turn; none: nothing, and its turn leaves no trace.
    pub means: Option<Means>,
    /// Fires when nobody wants the answer any more.
    pub cancel: CancellationToken,
}

/// What an agent can do, and in which place.
#[derive(Clone)]
pub struct Means {
    /// The turn.
    pub occasion: Occasion,
    /// What can be done.
    pub actions: Arc<dyn Actions>,
}

impl std::fmt::Debug for Means {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Means").field("occasion", &self.occasion).finish_non_exhaustive()
    }
}

/// What came of a question.
#[derive(Debug)]
pub struct Reaction {
    /// The agent as it was when it answered.
    pub agent: Arc<Agent>,
    /// The answer, or why there is none.
    pub outcome: Result<Answer, ModelFailure>,
    /// The conversation goes to a person after the answer: why.
    pub hands_over: Option<String>,
    /// What was written down of the turn.
    pub record: Record,
}

/// What was written down of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Nothing: a built-in model answered.
    Nothing,
    /// What it cost.
    Trace,
    /// Also what it needs to go on after a crash, until it is over.
    Journal,
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
    store: Store,
    client: Client,
    options: Arc<Options>,
}

impl Agents {
    /// Starts the agents' arbiter (or shares a given one). Models on the operator's addresses are reached by `client`.
    #[must_use]
    pub fn start(store: &Store, client: &Client, options: Options, shared: Option<&ArbiterHandle>) -> Self {
        let arbiter = shared.cloned().unwrap_or_else(|| Arbiter::new().handle());
        let (post, mut letters) = mpsc::unbounded_channel::<(String, Ask)>();
        let (finding, options) = ((store.clone(), client.clone()), Arc::new(options));
        let (store, client, shared) = (store.clone(), client.clone(), Arc::clone(&options));
        arbiter.spawn(async move {
            let mut living: HashMap<String, Addr<AgentActor>> = HashMap::new();
            while let Some((id, ask)) = letters.recv().await {
                let alive = living.get(&id).filter(|address| address.connected()).cloned();
                let address = alive.unwrap_or_else(|| {
                    let address = AgentActor::new(id.clone(), &store, &client, &shared).start();
                    living.insert(id, address.clone());
                    address
                });
                address.do_send(ask);
            }
        });
        let (store, client) = finding;
        Self { arbiter, post, store, client, options }
    }

    /// Whether an agent's model can be asked at all now: nobody is asked, and nothing is spent.
    ///
    /// # Errors
    /// `Unknown`: there is no such agent. Others: the store could not be read.
    pub async fn is_ready(&self, agent_id: &str) -> Result<Result<(), ModelFailure>, ActorError> {
        let stored = self.store.agent_by_id(agent_id).await?.ok_or(ActorError::Unknown)?;
        let finder = engines::Finder { store: &self.store, client: &self.client, options: &self.options };
        match finder.engines(&stored).await?.first {
            Ok(engine) => Ok(finder.judge(&stored.agent.workspace_id, &engine).await?),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// The way to the model of embeddings.
    #[must_use]
    pub fn meaning(&self) -> Meaning<'_> {
        Meaning { store: &self.store, client: &self.client, options: &self.options }
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

struct AgentActor {
    id: String,
    store: Store,
    client: Client,
    options: Arc<Options>,
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
    fn new(id: String, store: &Store, client: &Client, options: &Arc<Options>) -> Self {
        let defaults = crate::domain::agents::AgentSettings::default();
        Self {
            id,
            store: store.clone(),
            client: client.clone(),
            options: Arc::clone(options),
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
            options: Arc::clone(&self.options),
            profile: Rc::clone(&self.profile),
        };
        let done = Done { address: context.address(), health: Health::default() };
        // On a task of its own: a turn that panics takes neither the agent nor the other turns with it.
        actix::spawn(async move {
            let mut done = done;
            let Ask { question, reply } = ask;
            let reaction = turn.take(question, open, &mut done.health).await;
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

/// Tells the agent that a turn is over, however it ended.
struct Done {
    address: Addr<AgentActor>,
    health: Health,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.address.do_send(Finished { failed_provider: self.health.failed });
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
                let open = self.open_until.is_some_and(|until| Instant::now() < until);
                if let Some(settings) = settings.filter(|settings| self.failures >= settings.breaker_failures)
                    && !open
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
