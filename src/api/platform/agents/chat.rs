//! `/api/agents/{agentId}/chat`: a program chats with an agent, in one JSON answer or in lines of JSON as they come.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::api::Doors;
use crate::api::authentication::{self, Caller};
use crate::api::failure::{Failure, FailureDetail, no_such_method};
use crate::api::reading;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::messages::Message;
use crate::llm::prompt::{Role, Turn};
use crate::usecases::chatting::{Chat, ChatStep, ChatWish, Unchatted};

/// Most messages in a request.
const MOST_MESSAGES: usize = 200;
/// Longest content of a message, in characters.
const LONGEST_CONTENT: usize = 32_000;
/// Longest name of a session, in characters.
const LONGEST_SESSION: usize = 200;
/// A line that is silent for so long gets a blank line, so that nobody between takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

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
    #[schema(max_length = 200, example = "order-1042")]
    session_id: Option<String>,
}

/// A message of the request.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatMessage {
    /// Who said it; `system` adds to the agent's instructions for this answer.
    pub role: ChatRole,
    /// What, at most 32,000 characters.
    #[schema(max_length = 32000, example = "When do you open?")]
    pub content: String,
}

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// The user.
    User,
    /// The agent.
    Assistant,
    /// The program.
    System,
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
    Done(ChatAnswer),
    /// What went wrong, and the last line.
    Error {
        /// The failure.
        error: FailureDetail,
    },
}

/// Says something to an agent and gives its answer. Any key of the workspace serves, and the agent's own.
///
/// # Errors
/// 400 for fields that are not as documented, 401 before anything is spent, 403 for the key of another agent, 404 for
/// an unknown agent, 409 when nobody will answer, 504 when no answer came in time.
#[utoipa::path(post, path = "/api/agents/{agentId}/chat", tag = "agents",
    params(("agentId" = String, Path, description = "The agent.")), request_body = ChatRequest,
    responses((status = 200, description = "The answer; with `stream`, lines of JSON (`ChatLine`).",
                content((ChatAnswer = "application/json"), (ChatLine = "application/x-ndjson"))),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 402, description = "The agent's model needs the workspace's own key, and there is none; nothing was spent.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody),
              (status = 409, description = "A person has the conversation, or a newer message came.", body = crate::api::failure::FailureBody),
              (status = 504, description = "The agent did not answer in time.", body = crate::api::failure::FailureBody)))]
pub async fn chat(
    request: HttpRequest,
    caller: Caller<authentication::Chat>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let agent_id = reading::id(&request, &path, "agent")?;
    let switchboard = &doors.switchboard;
    let known = switchboard.agent_of(caller.workspace_id(), &agent_id).await;
    known.map_err(|unchatted| unanswered(&request, unchatted))?;
    if !caller.may_chat_with(&agent_id) {
        return Err(Failure::new(&request, Code::Forbidden, "this key is for another agent"));
    }
    let asked: ChatRequest = reading::json(&request, &doors, payload).await?;
    let streams = asked.stream.unwrap_or(false);
    let wish = wish(asked).map_err(|problems| Failure::fields(&request, &problems))?;
    let begun = switchboard.chat(caller.workspace_id(), &agent_id, wish).await;
    let mut chat = begun.map_err(|unchatted| unanswered(&request, unchatted))?;
    if streams {
        return stream_answer(request, chat).await;
    }
    loop {
        match chat.next().await {
            ChatStep::Delta(_) => {}
            ChatStep::Done { messages, usage, failed } => {
                return Ok(HttpResponse::Ok().json(answer(&chat, &messages, usage, failed)));
            }
            ChatStep::Silent => return Err(silent(&request)),
            ChatStep::TimedOut => return Err(timed_out(&request)),
        }
    }
}

/// Reads the messages; gives every field that is not as documented.
fn wish(asked: ChatRequest) -> Result<ChatWish, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let count = asked.messages.len();
    if count == 0 || count > MOST_MESSAGES {
        problems.push(FieldProblem::new("messages", format!("1 to {MOST_MESSAGES} messages")));
    }
    let session_id = asked.session_id.filter(|name| !name.is_empty());
    if session_id.as_ref().is_some_and(|name| name.chars().count() > LONGEST_SESSION || name.contains('\0')) {
        problems.push(FieldProblem::new("session_id", format!("at most {LONGEST_SESSION} characters, without NUL")));
    }
    let messages: Vec<(ChatRole, String)> = asked
        .messages
        .iter()
        .take(MOST_MESSAGES)
        .enumerate()
        .filter_map(|(index, message)| read_message(index, message, &mut problems))
        .collect();
    if problems.is_empty() && messages.last().is_some_and(|(role, _)| *role != ChatRole::User) {
        problems
            .push(FieldProblem::new(format!("messages[{}].role", count - 1), "user: the last message is the user's"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (mut earlier, mut instructions) = (Vec::new(), Vec::new());
    for (role, text) in messages {
        match role {
            ChatRole::User => earlier.push(Turn { role: Role::User, text }),
            ChatRole::Assistant => earlier.push(Turn { role: Role::Assistant, text }),
            ChatRole::System => instructions.push(text),
        }
    }
    let text = earlier.pop().map(|turn| turn.text).unwrap_or_default();
    Ok(ChatWish { text, earlier, instructions: instructions.join("\n\n"), session_id, permissions: None })
}

fn read_message(index: usize, message: &Value, problems: &mut Vec<FieldProblem>) -> Option<(ChatRole, String)> {
    let Some(fields) = message.as_object() else {
        problems.push(FieldProblem::new(format!("messages[{index}]"), "an object with role and content"));
        return None;
    };
    let role = fields.get("role").and_then(|role| ChatRole::deserialize(role).ok());
    if role.is_none() {
        problems.push(FieldProblem::new(format!("messages[{index}].role"), "user, assistant or system"));
    }
    let content = fields.get("content").and_then(Value::as_str).filter(|content| {
        !content.trim().is_empty() && !content.contains('\0') && content.chars().count() <= LONGEST_CONTENT
    });
    if content.is_none() {
        let expected = format!("a text of 1 to {LONGEST_CONTENT} characters, without NUL");
        problems.push(FieldProblem::new(format!("messages[{index}].content"), expected));
    }
    Some((role?, content?.to_owned()))
}

fn answer(chat: &Chat, messages: &[Message], usage: Option<(u64, u64)>, failed: bool) -> ChatAnswer {
    let texts: Vec<&str> = messages.iter().map(|message| message.body.as_str()).collect();
    ChatAnswer {
        message: AnswerMessage {
            id: messages.last().map(|message| message.id.clone()).unwrap_or_default(),
            role: ChatRole::Assistant,
            content: texts.join("\n\n"),
        },
        usage: usage.map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens }),
        session_id: chat.session_id.clone(),
        conversation_id: chat.conversation_id.clone(),
        failed,
    }
}

/// Answers in lines. What fails before the first line is still an HTTP failure.
async fn stream_answer(request: HttpRequest, chat: Chat) -> Result<HttpResponse, Failure> {
    let (sender, mut lines) = mpsc::channel(64);
    let asked = request.clone();
    actix_web::rt::spawn(async move {
        let gone = sender.clone();
        // A caller who has gone away ends the watching; the answer itself is committed all the same.
        tokio::select! {
            () = tell(asked, chat, sender) => {}
            () = gone.closed() => {}
        }
    });
    let first = match tokio::time::timeout(HEARTBEAT, lines.recv()).await {
        Ok(Some(Err(failure))) => return Err(failure),
        Ok(line) => line.and_then(Result::ok),
        Err(_) => None,
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-ndjson; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(written(first, lines)))
}

/// Follows a chat to its end.
async fn tell(request: HttpRequest, mut chat: Chat, lines: mpsc::Sender<Result<ChatLine, Failure>>) {
    let mut told = false;
    loop {
        let line = match chat.next().await {
            ChatStep::Delta(delta) => {
                told = true;
                Ok(ChatLine::Chunk { delta: delta.as_ref().to_owned() })
            }
            ChatStep::Done { messages, usage, failed } => {
                let answer = answer(&chat, &messages, usage, failed);
                if !told {
                    let whole = ChatLine::Chunk { delta: answer.message.content.clone() };
                    let _ = lines.send(Ok(whole)).await;
                }
                let _ = lines.send(Ok(ChatLine::Done(answer))).await;
                return;
            }
            ChatStep::Silent => Err(silent(&request)),
            ChatStep::TimedOut => Err(timed_out(&request)),
        };
        let over = line.is_err();
        if lines.send(line).await.is_err() || over {
            return;
        }
    }
}

/// The lines as bytes, with a blank line whenever nothing came for a while.
fn written(
    first: Option<ChatLine>,
    lines: mpsc::Receiver<Result<ChatLine, Failure>>,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold((first, lines), |(first, mut lines)| async move {
        let line = match first {
            Some(line) => Some(line),
            None => match tokio::time::timeout(HEARTBEAT, lines.recv()).await {
                Err(_) => None,
                Ok(Some(Ok(line))) => Some(line),
                Ok(Some(Err(failure))) => Some(ChatLine::Error { error: failure.detail() }),
                Ok(None) => return None,
            },
        };
        let mut bytes = line.and_then(|line| serde_json::to_vec(&line).ok()).unwrap_or_default();
        bytes.push(b'\n');
        Some((Ok(Bytes::from(bytes)), (None, lines)))
    })
}

fn unanswered(request: &HttpRequest, unchatted: Unchatted) -> Failure {
    match unchatted {
        Unchatted::UnknownAgent => Failure::not_found(request, "agent"),
        Unchatted::KeyMissing(reason) => Failure::new(request, Code::ProviderKeyMissing, reason),
        Unchatted::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}

fn silent(request: &HttpRequest) -> Failure {
    let sentence =
        "the agent will not answer: a person has the conversation, or a newer message came; this one is stored";
    Failure::new(request, Code::Conflict, sentence)
}

fn timed_out(request: &HttpRequest) -> Failure {
    Failure::new(request, Code::TurnTimeout, "the agent did not answer in time; the message is stored")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ChatRequest, wish};

    #[test]
    fn every_failing_field_is_named() {
        let cases = [
            (json!({"messages": []}), vec!["messages"]),
            (json!({"messages": ["x"]}), vec!["messages[0]"]),
            (json!({"messages": [{"role": "bot", "content": 5}]}), vec!["messages[0].role", "messages[0].content"]),
            (
                json!({"messages": [{"role": "user", "content": " "}, {"role": "user"}], "session_id": "x".repeat(201)}),
                vec!["session_id", "messages[0].content", "messages[1].content"],
            ),
            (json!({"messages": [{"role": "assistant", "content": "Hi"}]}), vec!["messages[0].role"]),
            (json!({"messages": [{"role": "user", "content": "a".repeat(32_001)}]}), vec!["messages[0].content"]),
        ];
        for (body, expected) in cases {
            let asked: ChatRequest = serde_json::from_value(body.clone()).unwrap();
            let problems = wish(asked).unwrap_err();
            let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, expected, "{body}");
        }
    }

    #[test]
    fn system_messages_instruct_and_the_last_one_asks() {
        let body = json!({"messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "When?"},
        ]});
        let wish = wish(serde_json::from_value(body).unwrap()).unwrap();
        assert_eq!((wish.text.as_str(), wish.instructions.as_str(), wish.earlier.len()), ("When?", "Be brief.", 2));
        assert_eq!(wish.session_id, None);
    }
}
