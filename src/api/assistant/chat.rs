//! `/api/v1/chat`: the workspace's people and programs ask its assistant, in one answer or in events as they come.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Meta, asking, served};
use crate::api::Doors;
use crate::api::authentication::{self, Caller};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading;
use crate::api::talk::{self, Answer, Framing};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::principals::Permission;
use crate::domain::traces::Trace;
use crate::usecases::chatting::ChatWish;

/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 32_000;

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/v1/chat").route(web::post().to(chat)).default_service(web::route().to(no_such_method)),
    );
}

/// A question for the assistant.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct AssistantChatRequest {
    /// What is asked, at most 32,000 characters.
    #[schema(format = "filled", max_length = 32000, example = "What do we have to do today?")]
    message: String,
    /// The conversation to go on with; without it a new one begins.
    #[serde(default)]
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000004")]
    conversation_id: Option<String>,
    /// Answer in server-sent events as the answer comes.
    #[serde(default)]
    stream: Option<bool>,
}

/// The assistant's answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AssistantReply {
    /// The answer.
    #[schema(example = "Two tasks are due today.")]
    pub response: String,
    /// The same, for clients that look for it under this name.
    #[schema(example = "Two tasks are due today.")]
    pub message: String,
    /// Our id of the answer's last message.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub message_id: String,
    /// The conversation: ask with it to go on.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub conversation_id: String,
    /// The model failed, and this is the agent's fallback.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// What the turn did and cost, where a real model answered and the caller may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// The answer in the envelope of this surface.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AssistantReplied {
    /// `true`.
    #[schema(example = true)]
    pub success: bool,
    /// The answer.
    pub data: AssistantReply,
    /// Nothing.
    pub error: Option<serde_json::Value>,
    /// What stands beside it.
    pub meta: Meta,
}

/// One event of a streamed answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum AssistantChatEvent {
    /// A piece of the answer as it comes.
    Chunk {
        /// The piece.
        #[schema(example = "Two tasks ")]
        chunk: String,
    },
    /// The last event: the envelope of the whole answer, or of what went wrong.
    Done {
        /// `true`.
        #[schema(example = true)]
        done: bool,
        /// Whether there is an answer.
        #[schema(example = true)]
        success: bool,
        /// The answer.
        data: Option<Box<AssistantReply>>,
        /// What went wrong.
        error: Option<AssistantChatError>,
        /// What stands beside it.
        meta: Meta,
    },
}

/// What went wrong after the stream began.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AssistantChatError {
    /// The failure's code.
    code: Code,
    /// What happened, in words.
    #[schema(example = "the agent did not answer in time")]
    message: String,
}

/// Asks the workspace's assistant. It uses its tools with the permissions of the caller, over all that the workspace has;
/// for the key of one agent over what is of this conversation's contact alone. With `stream`, every event's
/// data is `{"chunk"}`, and the last one's is this answer's envelope with `"done": true`. A repeated `Idempotency-Key` gives
/// the first one's answer, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 402 where the workspace's own key is missing or the month is used up, 404 for a conversation that
/// is not the caller's, 409 when nobody will answer, 504 when no answer came in time.
#[utoipa::path(post, path = "/api/v1/chat", tag = "assistant", extensions(("x-permission" = json!("chat"))), request_body = AssistantChatRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key asks once.")),
    responses((status = 200, description = "The answer; with `stream`, server-sent events: `data: ` and an `AssistantChatEvent`.",
                content((AssistantReplied = "application/json"), (AssistantChatEvent = "text/event-stream"))),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 402, description = "Nothing was stored or spent: the plan's messages (`MESSAGE_LIMIT_REACHED`) or tokens (`TOKEN_LIMIT_REACHED`) of this month are used up, or the model needs the workspace's own key, and there is none (`PROVIDER_KEY_MISSING`).", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such conversation of the caller.", body = crate::api::failure::FailureBody),
              (status = 409, description = "There is no assistant, a person has the conversation, a newer message came, or the key was used for another request.", body = crate::api::failure::FailureBody),
              (status = 504, description = "The assistant did not answer in time.", body = crate::api::failure::FailureBody)))]
pub async fn chat(
    request: HttpRequest,
    caller: Caller<authentication::Chat>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: AssistantChatRequest = reading::json(&request, &doors, payload).await?;
    let key = reading::idempotency_key(&request)?;
    judge(&request, &asked.message)?;
    let conversation_id = asked.conversation_id.as_deref();
    let (agent_id, session) = place(&request, &doors, &caller, conversation_id, key.as_deref()).await?;
    let wish = ChatWish {
        text: asked.message,
        earlier: Vec::new(),
        instructions: String::new(),
        session_id: Some(session),
        permissions: Some(caller.permissions),
        // The key of one agent is in the hands of those that the agent talks with.
        for_team: caller.only_agent().is_none(),
        key,
    };
    let chat = talk::begin(&request, &doors, caller.workspace_id(), &agent_id, wish).await?;
    let traced = caller.may(Permission::Read);
    if asked.stream.unwrap_or(false) {
        return talk::stream(&request, chat, Events { traced, request: request.clone() }).await;
    }
    let answer = talk::answer(&request, chat).await?;
    let repeated = answer.repeated;
    Ok(asking::repeatable(served(StatusCode::OK, AssistantReply::of(answer, traced), Meta::of(&request)), repeated))
}

fn judge(request: &HttpRequest, message: &str) -> Result<(), Failure> {
    if message.trim().is_empty() || message.contains('\0') || message.chars().count() > LONGEST_MESSAGE {
        let expected = format!("a text of 1 to {LONGEST_MESSAGE} characters, without NUL");
        return Err(Failure::fields(request, &[FieldProblem::new("message", expected)]));
    }
    Ok(())
}

/// The agent and the session that the question goes to.
async fn place(
    request: &HttpRequest,
    doors: &Doors,
    caller: &Caller<authentication::Chat>,
    conversation_id: Option<&str>,
    key: Option<&str>,
) -> Result<(String, String), Failure> {
    let (switchboard, subject) = (&doors.switchboard, caller.actor.label());
    let Some(conversation_id) = conversation_id else {
        let agent = switchboard.assistant(caller.workspace_id(), caller.only_agent()).await;
        let agent = agent.map_err(|error| Failure::store(request, &error))?;
        let agent = agent.ok_or_else(|| Failure::new(request, Code::Conflict, "the workspace has no agent yet"))?;
        return Ok((agent.id.clone(), switchboard.new_assistant_session(&subject, key)));
    };
    let id = reading::id(request, conversation_id, "conversation")?;
    let known = switchboard.assistant_session(caller.workspace_id(), &subject, &id).await;
    let known = known.map_err(|error| Failure::store(request, &error))?;
    let known = known.filter(|(agent_id, _)| caller.may_chat_with(agent_id));
    known.ok_or_else(|| Failure::not_found(request, "conversation"))
}

impl AssistantReply {
    /// The answer, with what the turn did where the caller may read that.
    fn of(answer: Answer, traced: bool) -> Self {
        Self {
            message: answer.text.clone(),
            response: answer.text,
            message_id: answer.id,
            conversation_id: answer.conversation_id,
            failed: answer.failed,
            trace: answer.trace.filter(|_| traced),
        }
    }
}

/// A stream of server-sent events; a comment says that the answer is still coming.
struct Events {
    traced: bool,
    request: HttpRequest,
}

impl Framing for Events {
    const CONTENT_TYPE: &'static str = "text/event-stream; charset=utf-8";
    const HEARTBEAT: &'static str = ": ping\n\n";

    fn piece(&self, text: &str) -> Vec<u8> {
        event(&AssistantChatEvent::Chunk { chunk: text.to_owned() })
    }

    fn whole(&self, answer: Answer) -> Vec<u8> {
        self.last(Some(AssistantReply::of(answer, self.traced)), None)
    }

    fn failed(&self, failure: &Failure) -> Vec<u8> {
        let detail = failure.detail();
        self.last(None, Some(AssistantChatError { code: detail.code, message: detail.message }))
    }
}

impl Events {
    fn last(&self, data: Option<AssistantReply>, error: Option<AssistantChatError>) -> Vec<u8> {
        let (success, data) = (data.is_some(), data.map(Box::new));
        event(&AssistantChatEvent::Done { done: true, success, data, error, meta: Meta::of(&self.request) })
    }
}

/// JSON has no line breaks, so an event is one line.
fn event(data: &AssistantChatEvent) -> Vec<u8> {
    format!("data: {}\n\n", json!(data)).into_bytes()
}
