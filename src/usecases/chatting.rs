//! A program chats with an agent: one message in, one answer out, over the same turns as every other channel.

use std::sync::{Arc, PoisonError};

use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::Message as Incoming;
use switchboard_channels::contract::peer::{Identity, IdentityKind, Peer};

use super::Switchboard;
use super::answering::is_builtin;
use super::directory::Account;
use super::visiting::Unvisited;
use crate::actors::hub::{Sight, TurnEnd, Watching};
use crate::domain::agents::Agent;
use crate::domain::messages::{Direction, Message};
use crate::domain::principals::Permissions;
use crate::domain::traces::Trace;
use crate::llm::failure::ModelFailureCode;
use crate::llm::prompt::Turn;
use crate::store::StoreError;

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
}

/// What a chat request brings along for its one answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brought {
    /// Turns before the newest message; they count while the conversation has no history of its own.
    pub earlier: Vec<Turn>,
    /// What the program tells the agent.
    pub instructions: String,
    /// What the agent may do for whoever asks.
    pub permissions: Option<Permissions>,
}

/// A chat under way.
#[derive(Debug)]
pub struct Chat {
    /// The conversation.
    pub conversation_id: String,
    /// The session's name, given or made.
    pub session_id: String,
    watching: Watching,
    turn: Option<String>,
    workspace_id: String,
    after_seq: i64,
    ends_at: tokio::time::Instant,
    switchboard: Switchboard,
    answers: Vec<Message>,
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
    /// Not now.
    Unavailable(String),
}

impl From<StoreError> for Unchatted {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Unvisited> for Unchatted {
    fn from(unvisited: Unvisited) -> Self {
        match unvisited {
            Unvisited::UnknownChannel => Self::UnknownAgent,
            Unvisited::Unavailable(reason) => Self::Unavailable(reason),
        }
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

    /// Says something to an agent and watches for its answer.
    ///
    /// # Errors
    /// See [`Unchatted`].
    pub async fn chat(&self, workspace_id: &str, agent_id: &str, wish: ChatWish) -> Result<Chat, Unchatted> {
        let agent = self.agent_of(workspace_id, agent_id).await?;
        if !is_builtin(&agent)
            && let Ok(Err(failure)) = self.agents.is_ready(agent_id).await
            && failure.code == ModelFailureCode::KeyMissing
        {
            return Err(Unchatted::KeyMissing(failure.message));
        }
        let account = self.api_account(&agent).await?;
        let clock = self.store.clock();
        let session_id = wish.session_id.unwrap_or_else(|| clock.id());
        let identity = Identity::new(IdentityKind::Session, format!("{}:{session_id}", agent.id));
        let conversation_id = match self.routes.get(&account.channel.id, &identity, clock.now()) {
            Some(known) => known,
            None => {
                let found = self.store.find_conversation(&account.channel.id, std::slice::from_ref(&identity)).await?;
                found.unwrap_or_else(|| clock.id())
            }
        };
        self.routes.put(&account.channel.id, &identity, &conversation_id, clock.now());
        let watching = self.hub.watch(&conversation_id);
        if !wish.earlier.is_empty() || !wish.instructions.is_empty() || wish.permissions.is_some() {
            let (earlier, instructions, permissions) = (wish.earlier, wish.instructions, wish.permissions);
            let brought = Brought { earlier, instructions, permissions };
            self.contexts.lock().unwrap_or_else(PoisonError::into_inner).insert(conversation_id.clone(), brought);
        }
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
        let (conversation_id, turn) = self.bring(&account, conversation_id, message).await?;
        let stored = self.store.message_by_provider(&account.channel.id, &provider_id).await?;
        Ok(Chat {
            watching,
            turn,
            workspace_id: workspace_id.to_owned(),
            after_seq: stored.map(|stored| stored.message.seq).unwrap_or_default(),
            ends_at: tokio::time::Instant::now() + self.options.answer_timeout,
            switchboard: self.clone(),
            answers: Vec::new(),
            conversation_id,
            session_id,
        })
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
        Ok(self.directory.account(channel))
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
        if self.turn.is_none() {
            return ChatStep::Silent;
        }
        loop {
            let sight = match tokio::time::timeout_at(self.ends_at, self.watching.recv()).await {
                Err(_) | Ok(None) => return ChatStep::TimedOut,
                Ok(Some(sight)) => sight,
            };
            let ours = |turn: &Arc<str>| self.turn.as_deref() == Some(turn);
            match sight {
                Sight::Delta { turn, text } if ours(&turn) => return ChatStep::Delta(text),
                Sight::TurnEnded { turn, end, usage } if ours(&turn) => return self.end(end, usage).await,
                _ => {}
            }
        }
    }

    /// What the turn did and cost; none where a built-in model answered.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn trace(&self) -> Result<Option<Trace>, StoreError> {
        let Some(turn) = &self.turn else { return Ok(None) };
        self.switchboard.store.trace_of_turn(&self.workspace_id, turn).await
    }

    async fn end(&mut self, end: TurnEnd, usage: Option<(u64, u64)>) -> ChatStep {
        if end == TurnEnd::Cancelled {
            return ChatStep::Silent;
        }
        let messages = self
            .switchboard
            .store
            .messages(&self.workspace_id, &self.conversation_id, Some(self.after_seq), 50)
            .await
            .unwrap_or_default();
        self.answers = messages.into_iter().filter(|message| message.direction == Direction::Outbound).collect();
        if self.answers.is_empty() {
            return ChatStep::Silent;
        }
        ChatStep::Done { messages: std::mem::take(&mut self.answers), usage, failed: end == TurnEnd::Failed }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.switchboard.contexts.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.conversation_id);
    }
}
