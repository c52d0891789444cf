//! `/api/agents/{agentId}/chat`: a program chats with an agent, in one JSON answer or in lines of JSON as they come.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Doors;
use crate::api::authentication::{self, Caller};
use crate::api::failure::{Failure, FailureDetail, no_such_method};
use crate::api::reading;
use crate::api::talk::{self, Answer, ChatMessage, ChatRole, Framing};
use crate::domain::principals::Permission;
use crate::domain::traces::Trace;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/agents/{agentId}/chat")
            .route(web::post().to(chat))
            .default_service(web::route().to(no_such_method)),
    );
}

/// What a program says.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatRequest {
    /// The messages, oldest first, 1 to 200; the last one is the user's.
    #[schema(value_type = Vec<ChatMessage>, min_items = 1, max_items = 200)]
    messages: Vec<Value>,
    /// Answer in lines of JSON as the answer comes.
    #[serde(default)]
    stream: Option<bool>,
    /// The program's name for the conversation: the same name goes on with it. At most 200 characters.
    #[serde(default)]
    #[schema(format = "plain", max_length = 200, example = "order-1042")]
    session_id: Option<String>,
}

/// An answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChatAnswer {
    /// The answer.
    pub message: AnswerMessage,
    /// Tokens, where the model says how many.
    pub usage: Option<Usage>,
    /// The session's name, given or made: ask with it to go on.
    #[schema(example = "order-1042")]
    pub session_id: String,
    /// The conversation that holds it.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub conversation_id: String,
    /// The model failed, and the message is the agent's fallback.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// What the turn did and cost, where a real model answered and the caller may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// The agent's message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AnswerMessage {
    /// Our id.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub id: String,
    /// `assistant`.
    pub role: ChatRole,
    /// The text.
    #[schema(example = "We open at nine.")]
    pub content: String,
}

/// Tokens of one answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Usage {
    /// Tokens read.
    #[schema(example = 210)]
    pub input_tokens: u64,
    /// Tokens written.
    #[schema(example = 12)]
    pub output_tokens: u64,
}

/// A line of a streamed answer. A blank line says that the answer is still coming.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatLine {
    /// The next piece of the answer.
    Chunk {
        /// The piece.
        delta: String,
    },
    /// The whole answer, and the last line.
    Done(Box<ChatAnswer>),
    /// What went wrong, and the last line.
    Error {
        /// The failure.
        error: FailureDetail,
    },
}

/// Says something to an agent and gives its answer. Any key of the workspace serves, and the agent's own. A repeated
/// `Idempotency-Key` gives the first one's answer, without `usage` and with `Idempotent-Replayed: true`; while that is
/// under way it waits for it.
///
/// # Errors
/// 400 for fields that are not as documented, 401 and 402 before anything is stored or spent, 403 for the key of another agent, 404 for
/// an unknown agent, 409 when nobody will answer, 504 when no answer came in time.
#[utoipa::path(post, path = "/api/agents/{agentId}/chat", tag = "agents", extensions(("x-permission" = json!("chat"))),
    params(("agentId" = String, Path, description = "The agent."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key says it once.")),
    request_body = ChatRequest,
    responses((status = 200, description = "The answer; with `stream`, lines of JSON (`ChatLine`).",
                content((ChatAnswer = "application/json"), (ChatLine = "application/x-ndjson"))),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 402, description = "Nothing was stored or spent: the plan's messages (`MESSAGE_LIMIT_REACHED`) or tokens (`TOKEN_LIMIT_REACHED`) of this month are used up, or the model needs the workspace's own key, and there is none (`PROVIDER_KEY_MISSING`).", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody),
              (status = 409, description = "A person has the conversation, a newer message came, or the key was used for another request.", body = crate::api::failure::FailureBody),
              (status = 504, description = "The agent did not answer in time.", body = crate::api::failure::FailureBody)))]
pub async fn chat(
    request: HttpRequest,
    caller: Caller<authentication::Chat>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let agent_id = reading::id(&request, &path, "agent")?;
    talk::admit(&request, &doors, &caller, &agent_id).await?;
    let asked: ChatRequest = reading::json(&request, &doors, payload).await?;
    let wish = talk::wish(&request, &asked.messages, asked.session_id)?;
    let traced = caller.may(Permission::Read);
    let chat = talk::begin(&request, &doors, caller.workspace_id(), &agent_id, wish).await?;
    if asked.stream.unwrap_or(false) {
        return talk::stream(&request, chat, Lines { traced }).await;
    }
    let answer = talk::answer(&request, chat).await?;
    Ok(talk::ok(answer.repeated).json(ChatAnswer::of(answer, traced)))
}

impl ChatAnswer {
    /// The answer, with what the turn did where the caller may read that.
    fn of(answer: Answer, traced: bool) -> Self {
        Self {
            trace: answer.trace.filter(|_| traced),
            message: AnswerMessage { id: answer.id, role: ChatRole::Assistant, content: answer.text },
            usage: answer.usage.map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens }),
            session_id: answer.session_id,
            conversation_id: answer.conversation_id,
            failed: answer.failed,
        }
    }
}

/// A stream of JSON lines; a blank one says that the answer is still coming.
struct Lines {
    traced: bool,
}

impl Framing for Lines {
    const CONTENT_TYPE: &'static str = "application/x-ndjson; charset=utf-8";
    const HEARTBEAT: &'static str = "\n";

    fn piece(&self, text: &str) -> Vec<u8> {
        line(&ChatLine::Chunk { delta: text.to_owned() })
    }

    fn whole(&self, answer: Answer) -> Vec<u8> {
        line(&ChatLine::Done(Box::new(ChatAnswer::of(answer, self.traced))))
    }

    fn failed(&self, failure: &Failure) -> Vec<u8> {
        line(&ChatLine::Error { error: failure.detail() })
    }
}

fn line(line: &ChatLine) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
