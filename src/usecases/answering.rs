//! The agent answers: one turn of one conversation, from what is unanswered to a committed reply.

use std::sync::Arc;

use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::outbound::Sign;
use tokio::sync::mpsc;

use super::acting::handed_over;
use super::chatting::Brought;
use super::directory::Account;
use super::recalling::with_recollection;
use super::{Switchboard, vendors};
use crate::actors::ActorError;
use crate::actors::agents::{Question, Reaction, Record};
use crate::actors::errands::{Begun, TurnAnswer};
use crate::actors::hub::{Sight, TurnEnd};
use crate::domain::agents::Agent;
use crate::domain::changes::NewEvent;
use crate::domain::events::EventKind;
use crate::domain::jobs::{Job, Verdict};
use crate::domain::messages::{Author, AuthorKind, Direction};
use crate::llm::answer::Finish;
use crate::llm::failure::ModelFailureCode;
use crate::llm::prompt::{Role, Turn};
use crate::net::Client;
use crate::telemetry::crash;

/// Longest text of one turn's question that is given to a model, in characters.
const LONGEST_QUESTION: usize = 32_000;

/// Why a turn ends in the fallback message.
pub(super) struct Trouble {
    pub(super) code: String,
    pub(super) message: String,
}

impl Switchboard {
    /// Runs the turn of an answer job.
    pub async fn answer(&self, job: &Job, conversation_id: &str, client: &Client) -> Verdict {
        match self.turn(job, conversation_id, client).await {
            Ok(verdict) => verdict,
            Err(ActorError::Unknown) => Verdict::Drop,
            Err(error) => Verdict::Retry {
                after_ms: crate::domain::jobs::backoff_ms(job.attempts, crate::telemetry::chance::below(1_000)),
                reason: error.to_string(),
            },
        }
    }

    async fn turn(&self, job: &Job, conversation_id: &str, client: &Client) -> Result<Verdict, ActorError> {
        let Some(begun) = self.conversations.start_turn(conversation_id, &job.id).await? else {
            self.show_overtaken(job, conversation_id);
            return Ok(Verdict::Drop);
        };
        crash::point("answering.begun");
        let agent = self.directory.agent(&begun.agent_id).await?;
        let quiet = match agent.filter(|agent| !agent.is_active) {
            Some(resting) => Some(silence(job, &begun, &resting)),
            None => match self.pause(job, conversation_id, &begun).await? {
                None => self.beyond_the_month(job, &begun).await?,
                paused => paused,
            },
        };
        if let Some(quiet) = quiet {
            self.finish(job, conversation_id, quiet).await?;
            return Ok(Verdict::Done);
        }
        let reaction = self.ask_agent(job, conversation_id, &begun, client).await;
        let mut record = Record::Nothing;
        let answer = match reaction {
            Ok(Some(reaction)) => {
                record = reaction.record;
                let answer = self.compose(job, &begun, reaction).await?;
                self.linked(record, &begun, answer).await?
            }
            Ok(None) => return Ok(Verdict::Drop),
            Err(ActorError::Busy) => {
                let agent = self.directory.agent(&begun.agent_id).await?.ok_or(ActorError::Unknown)?;
                let trouble =
                    Trouble { code: "AGENT_BUSY".to_owned(), message: "too many turns wait for this agent".to_owned() };
                let account = self.directory.channel(&begun.channel_id).await?;
                fallback(job, &begun, &agent, &trouble, window_rule(account.as_deref()))
            }
            Err(error) => return Err(error),
        };
        crash::point("answering.answered");
        self.finish(job, conversation_id, answer).await?;
        crash::point("answering.finished");
        if record == Record::Journal {
            self.store.close_journal(&begun.workspace_id, &job.id).await?;
        }
        Ok(Verdict::Done)
    }

    async fn finish(&self, job: &Job, conversation_id: &str, answer: TurnAnswer) -> Result<(), ActorError> {
        if !self.conversations.finish_turn(conversation_id, answer).await? {
            self.show_overtaken(job, conversation_id);
        }
        Ok(())
    }

    /// Another node may have taken something newer; whoever waits here for this turn hears of it now.
    fn show_overtaken(&self, job: &Job, conversation_id: &str) {
        if self.hub.is_watched(conversation_id) {
            let turn = job.id.as_str().into();
            self.hub.show(conversation_id, &Sight::TurnEnded { turn, end: TurnEnd::Cancelled, usage: None });
        }
    }

    /// Asks the agent; `None` when the turn was cancelled meanwhile.
    async fn ask_agent(
        &self,
        job: &Job,
        conversation_id: &str,
        begun: &Begun,
        client: &Client,
    ) -> Result<Option<Reaction>, ActorError> {
        let brought = self.brought(conversation_id);
        let recalled = self.recall(conversation_id, begun).await?;
        let means = self.means(job, conversation_id, begun, &brought, client).await?;
        let question = Question {
            means,
            turns: self.turns(conversation_id, begun, brought.earlier.clone()).await?,
            instructions: with_recollection(brought.instructions.clone(), &recalled.elsewhere),
            customer: recalled.name,
            deltas: self.pass_on_deltas(conversation_id, &job.id),
            cancel: begun.cancel.clone(),
        };
        let asking = self.agents.ask(&begun.agent_id, question);
        tokio::pin!(asking);
        let slow = tokio::time::sleep(self.options.slow_turn);
        tokio::pin!(slow);
        let mut signed = false;
        loop {
            tokio::select! {
                biased;
                reaction = &mut asking => {
                    let reaction = reaction?;
                    let cancelled = matches!(&reaction.outcome, Err(failure) if failure.code == ModelFailureCode::Cancelled);
                    return Ok((!cancelled && !begun.cancel.is_cancelled()).then_some(reaction));
                }
                () = begun.cancel.cancelled() => return Ok(None),
                () = &mut slow, if !signed => {
                    signed = true;
                    self.show_typing(conversation_id, begun, client).await;
                }
            }
        }
    }

    /// What a chat request brought along for this answer.
    fn brought(&self, conversation_id: &str) -> Arc<Brought> {
        let contexts = self.contexts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        contexts.get(conversation_id).cloned().unwrap_or_default()
    }

    /// What the model gets: the unanswered texts as one turn, after the history where a model can use it.
    async fn turns(&self, conversation_id: &str, begun: &Begun, earlier: Vec<Turn>) -> Result<Vec<Turn>, ActorError> {
        let builtin = self.directory.agent(&begun.agent_id).await?.is_some_and(|agent| is_builtin(&agent));
        if let (true, Some(texts)) = (builtin, &begun.unanswered) {
            return Ok(vec![user(texts.join("\n"))]);
        }
        let mut turns = Vec::new();
        let messages =
            self.store.messages(&begun.workspace_id, conversation_id, None, self.options.history.max(1)).await?;
        let mut open = Vec::new();
        for message in messages.iter().filter(|message| message.seq <= begun.upto_seq && message.deleted_at.is_none()) {
            match message.direction {
                Direction::Inbound if message.seq > begun.answered_seq => open.push(message.body.clone()),
                Direction::Inbound => turns.push(user(message.body.clone())),
                Direction::Outbound => {
                    turns.push(Turn { role: Role::Assistant, text: message.body.clone() });
                }
            }
        }
        if turns.is_empty() {
            turns = earlier;
        }
        if let Some(texts) = &begun.unanswered {
            open.clone_from(texts);
        }
        turns.push(user(open.join("\n")));
        Ok(turns)
    }

    /// Passes pieces of the answer on to whoever watches.
    fn pass_on_deltas(&self, conversation_id: &str, job_id: &str) -> Option<mpsc::UnboundedSender<Arc<str>>> {
        if !self.hub.is_watched(conversation_id) {
            return None;
        }
        let (sender, mut pieces) = mpsc::unbounded_channel::<Arc<str>>();
        let (hub, id, turn) = (self.hub.clone(), conversation_id.to_owned(), Arc::<str>::from(job_id));
        actix::spawn(async move {
            while let Some(text) = pieces.recv().await {
                hub.show(&id, &Sight::Delta { turn: Arc::clone(&turn), text });
            }
        });
        Some(sender)
    }

    /// Shows that somebody is typing. A failure here never blocks the answer.
    async fn show_typing(&self, conversation_id: &str, begun: &Begun, client: &Client) {
        let Ok(Some(account)) = self.directory.channel(&begun.channel_id).await else { return };
        let Ok(vendor) = &account.vendor else { return };
        if account.channel.kind.is_ours() {
            return;
        }
        let Ok(messages) = self.store.messages(&begun.workspace_id, conversation_id, None, 10).await else { return };
        let newest = messages.iter().rev().find(|message| message.direction == Direction::Inbound);
        let Some(provider_id) = newest.and_then(|message| message.provider_id.as_deref()) else { return };
        let Ok(Some(conversation)) = self.store.conversation(&begun.workspace_id, conversation_id).await else {
            return;
        };
        if let Ok(request) = vendor.sign(Sign::Typing, &conversation.identities, Some(provider_id))
            && let Err(error) = account.way_out(client).send(&request, None).await
        {
            tracing::debug!(conversation_id, %error, "the typing sign was not taken");
        }
    }

    async fn compose(&self, job: &Job, begun: &Begun, reaction: Reaction) -> Result<TurnAnswer, ActorError> {
        let Reaction { agent, outcome, hands_over, record: _ } = reaction;
        let account = self.directory.channel(&begun.channel_id).await?;
        let rule = window_rule(account.as_deref());
        let trouble = match outcome {
            Ok(answer) if answer.finish == Finish::Filtered => {
                Trouble { code: "MODEL_FILTERED".to_owned(), message: "the model's answer was withheld".to_owned() }
            }
            Ok(answer) if answer.text.trim().is_empty() && hands_over.is_none() => {
                Trouble { code: "MODEL_EMPTY_ANSWER".to_owned(), message: "the model said nothing".to_owned() }
            }
            Ok(answer) => {
                let capabilities = account.as_ref().and_then(|account| account.capabilities());
                let pieces = match capabilities {
                    _ if answer.text.trim().is_empty() => Vec::new(),
                    Some(capabilities) => vendors::split(&answer.text, &capabilities),
                    None => vec![Content::text(answer.text).into()],
                };
                let said = TurnAnswer {
                    pieces,
                    rule,
                    usage: answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens)),
                    ..silence(job, begun, &agent)
                };
                return Ok(handed_over(said, &agent, hands_over));
            }
            Err(failure) => Trouble { code: failure.code.as_str().to_owned(), message: failure.message },
        };
        Ok(handed_over(fallback(job, begun, &agent, &trouble, rule), &agent, hands_over))
    }
}

/// Whether the agent's model is one of ours, which needs nothing but the question.
pub(super) fn is_builtin(agent: &Agent) -> bool {
    agent.model.starts_with("builtin/")
}

pub(super) fn window_rule(account: Option<&Account>) -> WindowRule {
    account.map_or(WindowRule::None, Account::window_rule)
}

/// The end of a turn in which nothing is said.
pub(super) fn silence(job: &Job, begun: &Begun, agent: &Agent) -> TurnAnswer {
    TurnAnswer {
        job_id: job.id.clone(),
        upto_seq: begun.upto_seq,
        author: author(agent),
        pieces: Vec::new(),
        events: Vec::new(),
        rule: WindowRule::None,
        failed: false,
        usage: None,
        message_ids: Vec::new(),
        hand_to: None,
    }
}

/// The end of a turn that found no answer: the agent's fallback, and an event that says why.
pub(super) fn fallback(job: &Job, begun: &Begun, agent: &Agent, trouble: &Trouble, rule: WindowRule) -> TurnAnswer {
    let text = agent.settings.fallback_message.trim();
    TurnAnswer {
        pieces: if text.is_empty() { Vec::new() } else { vec![Content::text(text).into()] },
        events: vec![NewEvent {
            kind: EventKind::AgentFailed,
            conversation_id: None,
            data: serde_json::json!({
                "agent_id": agent.id, "agent_name": agent.name, "code": trouble.code, "message": trouble.message,
            }),
        }],
        rule,
        failed: true,
        ..silence(job, begun, agent)
    }
}

fn author(agent: &Agent) -> Author {
    Author { kind: AuthorKind::Agent, id: Some(agent.id.clone()), name: Some(agent.name.clone()) }
}

fn user(text: String) -> Turn {
    let text =
        if text.chars().count() > LONGEST_QUESTION { text.chars().take(LONGEST_QUESTION).collect() } else { text };
    Turn { role: Role::User, text }
}
