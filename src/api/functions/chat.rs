//! `/functions/v1/allxone-agent-chat`: a program chats with an agent and reads the answer as server-sent events. The
//! vendor's word in the address is part of the address; nothing else here knows it.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Doors;
use crate::api::authentication::{self, Caller};
use crate::api::failure::{Failure, FailureDetail, no_such_method};
use crate::api::reading;
use crate::api::talk::{self, Answer, ChatMessage, Framing};

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/functions/v1/allxone-agent-chat")
            .route(web::post().to(chat))
            .default_service(web::route().to(no_such_method)),
    );
}

/// What a program says.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct FunctionsChatRequest {
    /// The agent.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: String,
    /// The program's name for the conversation: the same name goes on with it. At most 200 characters.
    #[serde(default)]
    #[schema(format = "plain", max_length = 200, example = "unique-session-id")]
    session_id: Option<String>,
    /// The messages, oldest first, 1 to 200; the last one is the user's.
    #[schema(value_type = Vec<ChatMessage>, min_items = 1, max_items = 200)]
    messages: Vec<Value>,
    /// Whether a widget asks; the answer is the same.
    #[serde(default)]
    #[expect(dead_code, reason = "it is part of the documented body and checked to be a flag")]
    is_widget: bool,
}

/// The data of a server-sent event. A comment line says that the answer is still coming.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ChatEvent {
    /// The next piece of the answer.
    Chunk {
        /// The piece.
        #[schema(example = "Hello! ")]
        chunk: String,
    },
    /// The whole answer, and the last event.
    Done {
        /// `true`.
        #[schema(example = true)]
        done: bool,
        /// The whole answer.
        #[schema(example = "Hello! How can I help you?")]
        full_response: String,
    },
    /// What went wrong, and the last event.
    Failed {
        /// The failure.
        error: FailureDetail,
        /// `true`.
        #[schema(example = true)]
        done: bool,
    },
}

/// Says something to an agent and streams its answer as server-sent events. Any key of the workspace serves, and the
/// agent's own. A repeated `Idempotency-Key` gives the first one's answer, with `Idempotent-Replayed: true`; while that
/// is under way it waits for it.
///
/// # Errors
/// 400 for fields that are not as documented, 401 and 402 before anything is stored or spent, 403 for the key of another agent, 404 for
/// an unknown agent, 409 when nobody will answer, 504 when no answer came in time. What fails after the first event is
/// an event.
#[utoipa::path(post, path = "/functions/v1/allxone-agent-chat", tag = "agents", extensions(("x-permission" = json!("chat"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key says it once.")),
    request_body = FunctionsChatRequest,
    responses((status = 200, description = "`data: ` and a `ChatEvent`, event by event.",
                content((ChatEvent = "text/event-stream"))),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 402, description = "Nothing was stored or spent: the plan's messages (`MESSAGE_LIMIT_REACHED`) or tokens (`TOKEN_LIMIT_REACHED`) of this month are used up, or the model needs the workspace's own key, and there is none (`PROVIDER_KEY_MISSING`).", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The agent is not active, a person has the conversation, a newer message came, or the key was used for another request.", body = crate::api::failure::FailureBody),
              (status = 504, description = "The agent did not answer in time.", body = crate::api::failure::FailureBody)))]
pub async fn chat(
    request: HttpRequest,
    caller: Caller<authentication::Chat>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: FunctionsChatRequest = reading::json(&request, &doors, payload).await?;
    let agent_id = reading::id(&request, &asked.agent_id, "agent")?;
    talk::admit(&request, &doors, &caller, &agent_id).await?;
    let wish = talk::wish(&request, &asked.messages, asked.session_id)?;
    let chat = talk::begin(&request, &doors, caller.workspace_id(), &agent_id, wish).await?;
    talk::stream(&request, chat, Events).await
}

/// A stream of server-sent events; a comment says that the answer is still coming.
struct Events;

impl Framing for Events {
    const CONTENT_TYPE: &'static str = "text/event-stream; charset=utf-8";
    const HEARTBEAT: &'static str = ": the answer is still coming\n\n";

    fn piece(&self, text: &str) -> Vec<u8> {
        event(&json!(ChatEvent::Chunk { chunk: text.to_owned() }))
    }

    fn whole(&self, answer: Answer) -> Vec<u8> {
        event(&json!(ChatEvent::Done { done: true, full_response: answer.text }))
    }

    fn failed(&self, failure: &Failure) -> Vec<u8> {
        event(&json!(ChatEvent::Failed { error: failure.detail(), done: true }))
    }
}

/// JSON has no line breaks, so an event is one line.
fn event(data: &Value) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Events, Framing as _};
    use crate::api::talk::Answer;

    fn data(event: Vec<u8>) -> Value {
        let event = String::from_utf8(event).unwrap();
        let line = event.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n")).unwrap();
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_is_said() {
        let said = "Hello!\r\n\ndata: {\"done\":true}";
        assert_eq!(data(Events.piece(said)), json!({"chunk": said}));
        let answer = Answer {
            id: String::new(),
            text: said.to_owned(),
            usage: None,
            session_id: String::new(),
            conversation_id: String::new(),
            failed: false,
            repeated: false,
            trace: None,
        };
        assert_eq!(data(Events.whole(answer)), json!({"done": true, "full_response": said}));
    }
}
