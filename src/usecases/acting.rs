//! An agent with a real model acts: what it may do in a turn, what is kept of the turn, and when it must stop because
//! it talks to itself.

use std::sync::Arc;

use super::Switchboard;
use super::actions::Tools;
use super::answering::{is_builtin, silence};
use super::assisting::ASSISTANT;
use super::chatting::Brought;
use crate::actors::agents::{Means, Record};
use crate::actors::errands::{Begun, TurnAnswer};
use crate::domain::actions::{Asker, Occasion};
use crate::domain::agents::Agent;
use crate::domain::changes::NewEvent;
use crate::domain::conversations::Owner;
use crate::domain::events::EventKind;
use crate::domain::jobs::Job;
use crate::domain::principals::{Permission, Permissions};
use crate::net::Client;
use crate::store::StoreError;
use switchboard_channels::Kind;
use switchboard_channels::contract::peer::IdentityKind;

/// How far back answers are counted, in milliseconds.
const CAP_WINDOW: i64 = 10 * 60 * 1_000;

impl Switchboard {
    /// What the agent may do in this turn; nothing for a built-in model, which uses no tools.
    pub(super) async fn means(
        &self,
        job: &Job,
        conversation_id: &str,
        begun: &Begun,
        brought: &Brought,
        client: &Client,
    ) -> Result<Option<Means>, StoreError> {
        let agent = self.directory.agent(&begun.agent_id).await?;
        if agent.is_none_or(|agent| is_builtin(&agent)) {
            return Ok(None);
        }
        let conversation = self.store.conversation(&begun.workspace_id, conversation_id).await?;
        let Some(conversation) = conversation else { return Ok(None) };
        // The operator gave the agent its tools, and it uses them on its own authority; an assistant acts for whoever
        // asks it, and knows no more than reading where that cannot be told any more.
        let for_caller = conversation.identities.iter().any(|identity| {
            let session = identity.value.split_once(':').map(|(_, session)| session);
            identity.kind == IdentityKind::Session && session.is_some_and(|session| session.starts_with(ASSISTANT))
        });
        let own: &[Permission] = match for_caller {
            true => &[Permission::Chat, Permission::Read],
            false => &[Permission::Chat, Permission::Read, Permission::Write],
        };
        Ok(Some(Means {
            occasion: Occasion {
                workspace_id: begun.workspace_id.clone(),
                cause: job.id.clone(),
                asker: if brought.for_team { Asker::Team } else { Asker::Person },
                permissions: brought.permissions.unwrap_or_else(|| Permissions::of(own)),
                agent_id: Some(begun.agent_id.clone()),
                conversation_id: Some(conversation_id.to_owned()),
                contact_id: Some(conversation.state.contact_id),
                channel_kind: Some(conversation.state.kind),
            },
            actions: Arc::new(Tools::new(self.clone(), client.clone())),
        }))
    }

    /// Chooses the ids of a turn's messages and writes them to its trace, before the messages are committed, so that
    /// no message of a real model is without its trace.
    pub(super) async fn linked(
        &self,
        record: Record,
        begun: &Begun,
        answer: TurnAnswer,
    ) -> Result<TurnAnswer, StoreError> {
        if record == Record::Nothing || answer.pieces.is_empty() {
            return Ok(answer);
        }
        let message_ids: Vec<String> = answer.pieces.iter().map(|_| self.store.clock().id()).collect();
        self.store.link_trace(&begun.workspace_id, &answer.job_id, &message_ids).await?;
        Ok(TurnAnswer { message_ids, ..answer })
    }

    /// The end of a turn that must not begin, because the agent has answered too often in a short time: two machines may
    /// be talking to each other. A person looks at it.
    pub(super) async fn pause(
        &self,
        job: &Job,
        conversation_id: &str,
        begun: &Begun,
    ) -> Result<Option<TurnAnswer>, StoreError> {
        let Some(agent) = self.directory.agent(&begun.agent_id).await?.filter(|agent| !is_builtin(agent)) else {
            return Ok(None);
        };
        let most = i64::from(agent.settings.max_answers);
        let account = self.directory.channel(&begun.channel_id).await?;
        // A program that chats over the API is a machine by right; its limits are those of its key.
        if most == 0 || account.is_none_or(|account| account.channel.kind == Kind::Api) {
            return Ok(None);
        }
        let since = self.now().saturating_sub(CAP_WINDOW);
        let answers = self.store.turns_since(&begun.workspace_id, conversation_id, since).await?;
        if answers < most {
            return Ok(None);
        }
        tracing::warn!(conversation_id, answers, "an agent is paused: it answers too often");
        let data = serde_json::json!({
            "agent_id": agent.id, "agent_name": agent.name, "reason": "TOO_MANY_ANSWERS", "answers": answers,
            "window_ms": CAP_WINDOW,
        });
        let event = NewEvent { kind: EventKind::AgentPaused, conversation_id: Some(conversation_id.to_owned()), data };
        let hand_to = Some(Owner::anybody());
        Ok(Some(TurnAnswer { events: vec![event], hand_to, ..silence(job, begun, &agent) }))
    }
}

/// The end of a turn in which the agent gave the conversation to a person, if it did.
pub(super) fn handed_over(answer: TurnAnswer, agent: &Agent, reason: Option<String>) -> TurnAnswer {
    let Some(reason) = reason else { return answer };
    let mut answer = answer;
    answer.events.push(NewEvent {
        kind: EventKind::AgentHandedOver,
        conversation_id: None,
        data: serde_json::json!({ "agent_id": agent.id, "agent_name": agent.name, "reason": reason }),
    });
    answer.hand_to = Some(Owner::anybody());
    answer
}
