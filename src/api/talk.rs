//! Talking with an agent over HTTP, whatever the surface: one reader of what a program says, one follower of the turn
//! that answers, and a trait for the framings in which a stream is written. It knows no address and no envelope.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Doors;
use super::authentication::{Caller, Chat as MayChat};
use super::failure::Failure;
use super::{limiting, reading};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::traces::Trace;
use crate::llm::prompt::{Role, Turn};
use crate::usecases::chatting::{Chat, ChatStep, ChatWish, Unchatted};

/// Most messages in a request.
const MOST_MESSAGES: usize = 200;
/// Longest content of a message, in characters.
const LONGEST_CONTENT: usize = 32_000;
/// Longest name of a session, in characters.
const LONGEST_SESSION: usize = 200;
/// A stream that is silent for so long gets a heartbeat, so that nobody between takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Pieces that may wait for a slow reader.
const BACKLOG: usize = 64;

/// A message of the request.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatMessage {
    /// Who said it; `system` adds to the agent's instructions for this answer.
    pub role: ChatRole,
    /// What, at most 32,000 characters.
    #[schema(format = "filled", max_length = 32000, example = "When do you open?")]
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

/// An agent's whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Our id of its last message.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Tokens read and written, where the model says how many.
    pub usage: Option<(u64, u64)>,
    /// The session's name, given or made.
    pub session_id: String,
    /// The conversation that holds it.
    pub conversation_id: String,
    /// The model failed, and this is the agent's fallback.
    pub failed: bool,
    /// What the turn did and cost, where a real model answered.
    pub trace: Option<Trace>,
    /// It was asked before under the same key, and this is the first one's answer.
    pub repeated: bool,
}

/// How a stream is written: each of these is one piece of the body.
pub trait Framing: 'static {
    /// The stream's type.
    const CONTENT_TYPE: &'static str;
    /// What says that the answer is still coming.
    const HEARTBEAT: &'static str;
    /// The next piece of the answer.
    fn piece(&self, text: &str) -> Vec<u8>;
    /// The whole answer, which ends the stream.
    fn whole(&self, answer: Answer) -> Vec<u8>;
    /// What went wrong, which ends the stream.
    fn failed(&self, failure: &Failure) -> Vec<u8>;
}

/// What is heard of a turn. After anything but a piece it is over.
enum Heard {
    Piece(Arc<str>),
    Whole(Answer),
    Failed(Failure),
}

/// Makes sure that a caller may chat with an agent of their workspace.
///
/// # Errors
/// 403 for the key of another agent, 404 for an unknown agent, 409 for one that is not active.
pub async fn admit(
    request: &HttpRequest,
    doors: &Doors,
    caller: &Caller<MayChat>,
    agent_id: &str,
) -> Result<(), Failure> {
    let known = doors.switchboard.agent_of(caller.workspace_id(), agent_id).await;
    let agent = known.map_err(|unchatted| unanswered(request, unchatted))?;
    if !caller.may_chat_with(agent_id) {
        return Err(Failure::new(request, Code::Forbidden, "this key is for another agent"));
    }
    if !agent.is_active {
        return Err(Failure::new(request, Code::Conflict, "the agent is not active"));
    }
    Ok(())
}

/// Reads the messages, the session's name and the caller's idempotency key.
///
/// # Errors
/// 400 with every field that is not as documented.
pub fn wish(request: &HttpRequest, messages: &[Value], session_id: Option<String>) -> Result<ChatWish, Failure> {
    let key = reading::idempotency_key(request)?;
    let wish = read(messages, session_id).map_err(|problems| Failure::fields(request, &problems))?;
    Ok(ChatWish { key, ..wish })
}

fn read(messages: &[Value], session_id: Option<String>) -> Result<ChatWish, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let count = messages.len();
    if count == 0 || count > MOST_MESSAGES {
        problems.push(FieldProblem::new("messages", format!("1 to {MOST_MESSAGES} messages")));
    }
    let session_id = session_id.filter(|name| !name.is_empty());
    if session_id.as_ref().is_some_and(|name| name.chars().count() > LONGEST_SESSION || name.contains('\0')) {
        problems.push(FieldProblem::new("session_id", format!("at most {LONGEST_SESSION} characters, without NUL")));
    }
    let messages: Vec<(ChatRole, String)> = messages
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
    let instructions = instructions.join("\n\n");
    Ok(ChatWish { text, earlier, instructions, session_id, permissions: None, for_team: false, key: None })
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

/// Says something to an agent. Nothing was stored when it fails.
///
/// # Errors
/// 404 for an unknown agent, 409 for a key that was used for something else, 503 when the store is away.
pub async fn begin(
    request: &HttpRequest,
    doors: &Doors,
    workspace_id: &str,
    agent_id: &str,
    wish: ChatWish,
) -> Result<Chat, Failure> {
    let begun = doors.switchboard.chat(workspace_id, agent_id, wish).await;
    begun.map_err(|unchatted| unanswered(request, unchatted))
}

/// Waits for the whole answer.
///
/// # Errors
/// 409 when nobody will answer, 504 when no answer came in time.
pub async fn answer(request: &HttpRequest, mut chat: Chat) -> Result<Answer, Failure> {
    loop {
        match hear(request, &mut chat).await {
            Heard::Piece(_) => {}
            Heard::Whole(answer) => return Ok(answer),
            Heard::Failed(failure) => return Err(failure),
        }
    }
}

/// A 200 that says whether it is a repetition.
#[must_use]
pub fn ok(repeated: bool) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response
}

/// Answers piece by piece.
///
/// # Errors
/// What fails before the first piece: 409 when nobody will answer, 504 when no answer came in time.
pub async fn stream<F: Framing>(request: &HttpRequest, chat: Chat, framing: F) -> Result<HttpResponse, Failure> {
    let repeated = chat.repeated;
    let (sender, mut heard) = mpsc::channel(BACKLOG);
    let asked = request.clone();
    actix_web::rt::spawn(async move {
        let gone = sender.clone();
        // A caller who has gone away ends the watching; the answer itself is committed all the same.
        tokio::select! {
            () = follow(asked, chat, sender) => {}
            () = gone.closed() => {}
        }
    });
    let first = match tokio::time::timeout(HEARTBEAT, heard.recv()).await {
        Ok(Some(Heard::Failed(failure))) => return Err(failure),
        Ok(first) => first,
        Err(_) => None,
    };
    Ok(ok(repeated)
        .insert_header((CONTENT_TYPE, F::CONTENT_TYPE))
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(written(first, heard, framing)))
}

async fn hear(request: &HttpRequest, chat: &mut Chat) -> Heard {
    match chat.next().await {
        ChatStep::Delta(text) => Heard::Piece(text),
        ChatStep::Done { messages, usage, failed } => {
            // Only a real model tells its tokens, and only its turns have a trace. Without it the answer is no less.
            let trace = match usage {
                Some(_) => chat.trace(&messages).await.ok().flatten(),
                None => None,
            };
            let texts: Vec<&str> = messages.iter().map(|message| message.body.as_str()).collect();
            Heard::Whole(Answer {
                text: texts.join("\n\n"),
                id: messages.last().map(|message| message.id.clone()).unwrap_or_default(),
                usage,
                session_id: chat.session_id.clone(),
                conversation_id: chat.conversation_id.clone(),
                failed,
                trace,
                repeated: chat.repeated,
            })
        }
        ChatStep::Silent => {
            let sentence = "the agent will not answer: a person has the conversation, or a newer message came; this one \
                            is stored";
            Heard::Failed(Failure::new(request, Code::Conflict, sentence))
        }
        ChatStep::TimedOut => {
            let sentence = "the agent did not answer in time; the message is stored";
            Heard::Failed(Failure::new(request, Code::TurnTimeout, sentence))
        }
    }
}

/// Follows a chat to its end. An answer of which no piece was heard is one piece.
async fn follow(request: HttpRequest, mut chat: Chat, listener: mpsc::Sender<Heard>) {
    let mut told = false;
    loop {
        let heard = hear(&request, &mut chat).await;
        if let Heard::Whole(answer) = &heard
            && !told
        {
            let _ = listener.send(Heard::Piece(answer.text.as_str().into())).await;
        }
        told = true;
        let over = !matches!(heard, Heard::Piece(_));
        if listener.send(heard).await.is_err() || over {
            return;
        }
    }
}

/// What was heard as bytes, with a heartbeat whenever nothing came for a while.
fn written<F: Framing>(
    first: Option<Heard>,
    heard: mpsc::Receiver<Heard>,
    framing: F,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let begun = first.is_some();
    stream::unfold((first, heard, framing, begun), |(first, mut heard, framing, begun)| async move {
        let next = match first {
            Some(first) => Some(first),
            None if !begun => None,
            None => match tokio::time::timeout(HEARTBEAT, heard.recv()).await {
                Ok(None) => return None,
                Ok(next) => next,
                Err(_) => None,
            },
        };
        let bytes = match next {
            None => Bytes::from_static(F::HEARTBEAT.as_bytes()),
            Some(Heard::Piece(text)) => framing.piece(&text).into(),
            Some(Heard::Whole(answer)) => framing.whole(answer).into(),
            Some(Heard::Failed(failure)) => framing.failed(&failure).into(),
        };
        Some((Ok(bytes), (None, heard, framing, true)))
    })
}

fn unanswered(request: &HttpRequest, unchatted: Unchatted) -> Failure {
    match unchatted {
        Unchatted::UnknownAgent => Failure::not_found(request, "agent"),
        Unchatted::KeyMissing(reason) => Failure::new(request, Code::ProviderKeyMissing, reason),
        Unchatted::UsedUp(used_up) => limiting::used_up(request, &used_up),
        Unchatted::KeyMismatch => {
            let sentence = "this Idempotency-Key was used before with a different request";
            Failure::new(request, Code::IdempotencyMismatch, sentence)
        }
        Unchatted::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;

    #[test]
    fn every_failing_field_is_named() {
        let cases = [
            (json!([]), None, vec!["messages"]),
            (json!(["x"]), None, vec!["messages[0]"]),
            (json!([{"role": "bot", "content": 5}]), None, vec!["messages[0].role", "messages[0].content"]),
            (
                json!([{"role": "user", "content": " "}, {"role": "user"}]),
                Some("x".repeat(201)),
                vec!["session_id", "messages[0].content", "messages[1].content"],
            ),
            (json!([{"role": "assistant", "content": "Hi"}]), None, vec!["messages[0].role"]),
            (json!([{"role": "user", "content": "a".repeat(32_001)}]), None, vec!["messages[0].content"]),
        ];
        for (messages, session, expected) in cases {
            let problems = read(messages.as_array().unwrap(), session).unwrap_err();
            let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, expected, "{messages}");
        }
    }

    #[test]
    fn system_messages_instruct_and_the_last_one_asks() {
        let messages: Vec<Value> = vec![
            json!({"role": "system", "content": "Be brief."}),
            json!({"role": "user", "content": "Hi"}),
            json!({"role": "assistant", "content": "Hello"}),
            json!({"role": "user", "content": "When?"}),
        ];
        let wish = read(&messages, Some(String::new())).unwrap();
        assert_eq!((wish.text.as_str(), wish.instructions.as_str(), wish.earlier.len()), ("When?", "Be brief.", 2));
        assert_eq!(wish.session_id, None);
    }
}
