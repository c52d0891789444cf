//! A program chats with an agent: one message in, one answer out, over the same turns as every other channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::Digest as _;
use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::Message as Incoming;
use switchboard_channels::contract::peer::{Identity, IdentityKind, Peer};

use super::Switchboard;
use super::answering::is_builtin;
use super::directory::Account;
use crate::actors::ActorError;
use crate::actors::hub::{Sight, TurnEnd, Watching};
use crate::domain::agents::Agent;
use crate::domain::changes::{Idempotency, Refusal};
use crate::domain::messages::{Direction, Message};
use crate::domain::principals::Permissions;
use crate::domain::traces::Trace;
use crate::domain::usage::UsedUp;
use crate::llm::failure::ModelFailureCode;
use crate::llm::prompt::{Role, Turn};
use crate::store::StoreError;

/// Most messages after the user's that are looked at for the answer.
const MOST_ANSWERS: i64 = 50;

/// What a program says to an agent.
#[derive(Debug)]
pub struct ChatWish {
    /// The newest message of the user.
    pub text: String,
    /// Turns before it, brought along by a program that keeps its own history.
    pub earlier: Vec<Turn>,
    /// What the program tells the agent beside its own instructions; may be empty.
    pub instructions: String,
    /// The program's name for the conversation; a new one without it.
    pub session_id: Option<String>,
    /// What the agent may do for whoever asks; none: what it may do by itself.
    pub permissions: Option<Permissions>,
    /// Whoever asks is of the workspace, so that the agent may tell them of everybody.
    pub for_team: bool,
    /// The caller's idempotency key: what is said again under it is said once, and gets the first one's answer.
    pub key: Option<String>,
}

/// What a chat request brings along for its one answer.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Turns before the newest message; they count while the conversation has no history of its own.
    pub earlier: Vec<Turn>,
    /// What the program tells the agent.
    pub instructions: String,
    /// What the agent may do for whoever asks.
    pub permissions: Option<Permissions>,
    /// Whoever asks is of the workspace.
    pub for_team: bool,
}

/// What chat requests brought along for their one answer, by conversation. Clones share them.
pub(crate) type Contexts = Arc<Mutex<HashMap<String, Arc<Brought>>>>;

/// Holds what a request brought along until its chat is over.
struct Context {
    all: Contexts,
    conversation_id: String,
    brought: Arc<Brought>,
}

impl Context {
    fn hold(all: &Contexts, conversation_id: &str, brought: Brought) -> Self {
        let brought = Arc::new(brought);
        let mut held = all.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(conversation_id.to_owned(), Arc::clone(&brought));
        Self { all: Arc::clone(all), conversation_id: conversation_id.to_owned(), brought }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut held = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // A newer request of the conversation may have brought its own.
        if held.get(&self.conversation_id).is_some_and(|held| Arc::ptr_eq(held, &self.brought)) {
            held.remove(&self.conversation_id);
        }
    }
}

/// How far a chat has come.
enum Stage {
    /// This turn will answer.
    Turn(String),
    /// It was said before, and this turn will answer. Pieces that came before this one listened are not known, so
    /// the answer is given whole.
    SameTurn(String),
    /// It was said and answered before.
    Answered(Vec<Message>),
    /// Nobody will answer.
    Silent,
}

/// A chat under way.
pub struct Chat {
    /// The conversation.
    pub conversation_id: String,
    /// The session's name, given or made.
    pub session_id: String,
    /// It was said before under the same key.
    pub repeated: bool,
    watching: Watching,
    stage: Stage,
    workspace_id: String,
    after_seq: i64,
    ends_at: tokio::time::Instant,
    switchboard: Switchboard,
    _context: Option<Context>,
}

/// A step of a chat.
#[derive(Debug)]
pub enum ChatStep {
    /// A piece of the answer.
    Delta(Arc<str>),
    /// The whole answer, committed.
    Done {
        /// Its messages, in order; more than one when a person or another turn spoke too.
        messages: Vec<Message>,
        /// Tokens read and written, where the model says so.
        usage: Option<(u64, u64)>,
        /// The model failed, and the message is the agent's fallback.
        failed: bool,
    },
    /// Nobody will answer: a person owns the conversation, or something newer came.
    Silent,
    /// No answer came in time; the message is stored.
    TimedOut,
}

/// Why a chat could not begin.
#[derive(Debug)]
pub enum Unchatted {
    /// There is no such agent in this workspace.
    UnknownAgent,
    /// The agent's model runs on an account of the workspace, and there is none: a sentence.
    KeyMissing(String),
    /// The workspace has used up what it may use this month.
    UsedUp(UsedUp),
    /// The key was used for something else.
    KeyMismatch,
    /// Not now.
    Unavailable(String),
}

impl From<StoreError> for Unchatted {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ActorError> for Unchatted {
    fn from(error: ActorError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl std::fmt::Debug for Switchboard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Switchboard")
    }
}

impl Switchboard {
    /// An agent of the workspace.
    ///
    /// # Errors
    /// See [`Unchatted`].
    pub async fn agent_of(&self, workspace_id: &str, agent_id: &str) -> Result<Arc<Agent>, Unchatted> {
        let agent = self.directory.agent(agent_id).await?;
        agent.filter(|agent| agent.workspace_id == workspace_id).ok_or(Unchatted::UnknownAgent)
    }

    /// Makes sure, before anything is stored or spent, that there is a key for the agent's model, and that it may be used.
    async fn judge_model(&self, agent: &Agent) -> Result<(), Unchatted> {
        if is_builtin(agent) {
            return Ok(());
        }
        match self.agents.is_ready(&agent.id).await? {
            Err(failure) if failure.code == ModelFailureCode::KeyMissing => Err(Unchatted::KeyMissing(failure.message)),
            Err(failure) if failure.code == ModelFailureCode::TokenLimit => {
                Err(Unchatted::UsedUp(self.tokens_used_up(&agent.workspace_id).await?))
            }
            _ => Ok(()),
        }
    }

    /// Says something to an agent and watches for its answer.
    ///
    /// # Errors
    /// See [`Unchatted`].
    pub async fn chat(&self, workspace_id: &str, agent_id: &str, wish: ChatWish) -> Result<Chat, Unchatted> {
        let agent = self.agent_of(workspace_id, agent_id).await?;
        let wanted = wish.key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            request_hash: fingerprint(agent_id, &wish),
            result_id: String::new(),
        });
        if let Some(wanted) = &wanted
            && let Some(earlier) = self.store.idempotency(workspace_id, &wanted.key).await?
        {
            return self.chat_again(&agent, wanted, &earlier, None).await;
        }
        self.judge_model(&agent).await?;
        let account = self.api_account(&agent).await?;
        let clock = self.store.clock();
        let session_id = wish.session_id.unwrap_or_else(|| clock.id());
        let identity = Identity::new(IdentityKind::Session, format!("{}:{session_id}", agent.id));
        let conversation_id = self.conversation_of(&account, &identity).await?;
        let watching = self.hub.watch(&conversation_id);
        let brings = !wish.earlier.is_empty() || !wish.instructions.is_empty() || wish.permissions.is_some();
        let context = brings.then(|| {
            let (earlier, instructions, permissions) = (wish.earlier, wish.instructions, wish.permissions);
            let brought = Brought { earlier, instructions, permissions, for_team: wish.for_team };
            Context::hold(&self.contexts, &conversation_id, brought)
        });
        let message = Incoming {
            id: clock.id(),
            peer: Peer { identities: vec![identity], ..Peer::default() },
            at: Some(clock.now()),
            content: Content::text(wish.text),
            reply_to: None,
            forwarded: false,
            referral: None,
            opens_window: true,
            wants_answer: true,
            thread: None,
        };
        let provider_id = message.id.clone();
        let brought = self.bring(&account, conversation_id, message, wanted.clone()).await;
        let (conversation_id, turn) = match (brought, &wanted) {
            (Err(ActorError::Refused(Refusal::Repeated(earlier))), Some(wanted)) => {
                return self.chat_again(&agent, wanted, &earlier, context).await;
            }
            (Err(error), _) => return Err(self.unbrought(error)),
            (Ok(brought), _) => brought,
        };
        let stored = self.store.message_by_provider(&account.channel.id, &provider_id).await?;
        Ok(Chat {
            repeated: false,
            watching,
            stage: turn.map_or(Stage::Silent, Stage::Turn),
            workspace_id: workspace_id.to_owned(),
            after_seq: stored.map(|stored| stored.message.seq).unwrap_or_default(),
            ends_at: tokio::time::Instant::now() + self.options.answer_timeout,
            switchboard: self.clone(),
            conversation_id,
            session_id,
            _context: context,
        })
    }

    /// Why what was said is not in its conversation.
    fn unbrought(&self, error: ActorError) -> Unchatted {
        match error {
            ActorError::Refused(Refusal::UsedUp(limit)) => Unchatted::UsedUp(self.messages_used_up(limit)),
            error => error.into(),
        }
    }

    /// Finds what was said before under this key: its answer, or the turn that will answer.
    async fn chat_again(
        &self,
        agent: &Agent,
        wanted: &Idempotency,
        earlier: &Idempotency,
        context: Option<Context>,
    ) -> Result<Chat, Unchatted> {
        if wanted.request_hash != earlier.request_hash {
            return Err(Unchatted::KeyMismatch);
        }
        let workspace_id = &agent.workspace_id;
        let said = self.store.message(workspace_id, &earlier.result_id).await?.ok_or(Unchatted::KeyMismatch)?;
        let (conversation_id, after_seq) = (said.conversation_id, said.message.seq);
        // It is watched before it is read, so nothing falls in between.
        let watching = self.hub.watch(&conversation_id);
        let conversation = self.store.conversation(workspace_id, &conversation_id).await?;
        let conversation = conversation.ok_or(Unchatted::KeyMismatch)?;
        let answers = self.answers(workspace_id, &conversation_id, after_seq).await?;
        let stage = match conversation.state.turn_job {
            _ if !answers.is_empty() => Stage::Answered(answers),
            Some(turn) if conversation.state.answered_seq < after_seq => Stage::SameTurn(turn),
            _ => Stage::Silent,
        };
        let prefix = format!("{}:", agent.id);
        let session = conversation.identities.iter().find_map(|identity| identity.value.strip_prefix(&prefix));
        Ok(Chat {
            repeated: true,
            session_id: session.unwrap_or_default().to_owned(),
            watching,
            stage,
            workspace_id: workspace_id.clone(),
            after_seq,
            ends_at: tokio::time::Instant::now() + self.options.answer_timeout,
            switchboard: self.clone(),
            conversation_id,
            _context: context,
        })
    }

    /// The conversation of a session, chosen now if there is none yet, so that it can be watched before the first
    /// message.
    async fn conversation_of(&self, account: &Account, session: &Identity) -> Result<String, StoreError> {
        let (channel_id, clock) = (&account.channel.id, self.store.clock());
        let conversation_id = match self.routes.get(channel_id, session, clock.now()) {
            Some(known) => known,
            None => {
                let found = self.store.find_conversation(channel_id, std::slice::from_ref(session)).await?;
                found.unwrap_or_else(|| clock.id())
            }
        };
        self.routes.put(channel_id, session, &conversation_id, clock.now());
        Ok(conversation_id)
    }

    /// What was said to a message of the user before they spoke again.
    async fn answers(&self, workspace_id: &str, conversation_id: &str, seq: i64) -> Result<Vec<Message>, StoreError> {
        let later = self.store.messages(workspace_id, conversation_id, Some(seq), MOST_ANSWERS).await?;
        Ok(later.into_iter().take_while(|message| message.direction == Direction::Outbound).collect())
    }

    /// The workspace's API channel, under this agent.
    async fn api_account(&self, agent: &Agent) -> Result<Account, Unchatted> {
        let channels = self.store.channels(&agent.workspace_id).await?;
        let channel = channels.into_iter().find(|channel| channel.kind == Kind::Api);
        let mut channel = match channel {
            Some(channel) => channel,
            None => self.make_api_channel(&agent.workspace_id).await?,
        };
        channel.agent_id = Some(agent.id.clone());
        Ok(self.directory.account(channel).await?)
    }

    async fn make_api_channel(&self, workspace_id: &str) -> Result<crate::domain::channels::Channel, Unchatted> {
        let channel = crate::domain::channels::Channel {
            id: self.store.clock().id(),
            workspace_id: workspace_id.to_owned(),
            kind: Kind::Api,
            name: "api".to_owned(),
            agent_id: None,
            account: None,
            business: None,
            state: crate::domain::channels::ChannelState::Active,
            state_reason: None,
            origin: crate::domain::channels::Origin::Operator,
            settings: serde_json::json!({}),
        };
        match self.store.put_channel(&channel).await {
            Ok(()) => Ok(channel),
            // Somebody else made it meanwhile.
            Err(error) => {
                let channels = self.store.channels(workspace_id).await?;
                let made = channels.into_iter().find(|channel| channel.kind == Kind::Api);
                made.ok_or_else(|| Unchatted::Unavailable(error.to_string()))
            }
        }
    }
}

impl Chat {
    /// The next step. After anything but a piece of the answer the chat is over.
    pub async fn next(&mut self) -> ChatStep {
        let (turn, whole) = match std::mem::replace(&mut self.stage, Stage::Silent) {
            Stage::Silent => return ChatStep::Silent,
            Stage::Answered(messages) => return ChatStep::Done { messages, usage: None, failed: false },
            Stage::Turn(turn) => (turn, false),
            Stage::SameTurn(turn) => (turn, true),
        };
        loop {
            let sight = match tokio::time::timeout_at(self.ends_at, self.watching.recv()).await {
                Err(_) | Ok(None) => return ChatStep::TimedOut,
                Ok(Some(sight)) => sight,
            };
            match sight {
                Sight::Delta { turn: theirs, text } if !whole && *theirs == *turn => {
                    self.stage = Stage::Turn(turn);
                    return ChatStep::Delta(text);
                }
                Sight::TurnEnded { turn: theirs, end, usage } if *theirs == *turn => return self.end(end, usage).await,
                _ => {}
            }
        }
    }

    /// What the turn that said these messages did and cost; none where a built-in model answered.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn trace(&self, messages: &[Message]) -> Result<Option<Trace>, StoreError> {
        let Some(last) = messages.last() else { return Ok(None) };
        self.switchboard.store.trace_of_message(&self.workspace_id, &self.conversation_id, &last.id).await
    }

    async fn end(&self, end: TurnEnd, usage: Option<(u64, u64)>) -> ChatStep {
        if end == TurnEnd::Cancelled {
            return ChatStep::Silent;
        }
        let found = self.switchboard.answers(&self.workspace_id, &self.conversation_id, self.after_seq).await;
        let messages = found.unwrap_or_default();
        if messages.is_empty() {
            return ChatStep::Silent;
        }
        ChatStep::Done { messages, usage, failed: end == TurnEnd::Failed }
    }
}

/// SHA-256 of what was asked, lower-case hex.
fn fingerprint(agent_id: &str, wish: &ChatWish) -> String {
    let earlier: Vec<_> = wish.earlier.iter().map(|turn| (turn.role == Role::User, &turn.text)).collect();
    let asked = serde_json::json!([agent_id, wish.session_id, wish.text, earlier, wish.instructions]).to_string();
    hex::encode(sha2::Sha256::digest(asked.as_bytes()))
}
