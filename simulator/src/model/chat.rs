//! `POST /v1/chat/completions` and `GET /v1/models`: checks the request, picks the reply, answers whole or streamed.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::ModelSettings;
use super::speech::{self, Asked, Instead, Speech};
use super::stream::{self, Piece};
use crate::clock::real_ms;
use crate::faults::Facts;
use crate::server::around;
use crate::world::World;

/// Registers the addresses.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/v1/chat/completions", web::post().to(complete))
        .route("/v1/models", web::get().to(models))
        .route("/v1/models/{model}", web::get().to(model));
}

/// What is to be answered.
#[derive(Debug)]
pub struct Reply {
    pub id: String,
    pub model: String,
    pub created: i64,
    pub pieces: Vec<Piece>,
    pub finish_reason: String,
    pub prompt_tokens: usize,
    pub completion_tokens: usize,
    pub cut_after: Option<usize>,
}

impl Reply {
    pub fn usage(&self) -> Value {
        json!({"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}})
    }
}

pub fn error(status: StatusCode, message: &str, kind: &str, code: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": {"message": message, "type": kind, "param": null, "code": code}}))
}

pub fn keyed(settings: &ModelSettings, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    settings.api_key.as_deref().is_none_or(|key| {
        header("Authorization").and_then(|value| value.strip_prefix("Bearer ")) == Some(key)
            || header("api-key") == Some(key)
    })
}

pub fn refused() -> HttpResponse {
    error(StatusCode::UNAUTHORIZED, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
}

async fn models(world: Data<World>, request: HttpRequest) -> HttpResponse {
    let settings = world.model.settings();
    if !keyed(&settings, &request) {
        return refused();
    }
    let data: Vec<Value> = settings.models.iter().map(|id| described(id)).collect();
    HttpResponse::Ok().json(json!({"object": "list", "data": data}))
}

fn described(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 1_784_196_000, "owned_by": "simulator"})
}

async fn model(world: Data<World>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let settings = world.model.settings();
    if !keyed(&settings, &request) {
        return refused();
    }
    if settings.models.contains(&id) {
        return HttpResponse::Ok().json(described(&id));
    }
    let message = format!("The model `{id}` does not exist or you do not have access to it.");
    error(StatusCode::NOT_FOUND, &message, "invalid_request_error", "model_not_found")
}

async fn complete(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let facts = Facts { vendor: "model", kind: "model", path: request.path(), body: &body };
    around(&world, facts, async |_| {
        let settings = world.model.settings();
        if !keyed(&settings, &request) {
            return refused();
        }
        answer(&world, &settings, &body).await
    })
    .await
}

async fn answer(world: &World, settings: &ModelSettings, body: &[u8]) -> HttpResponse {
    let bad = |message: &str| error(StatusCode::BAD_REQUEST, message, "invalid_request_error", "invalid_value");
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return bad("We could not parse the JSON body of your request.");
    };
    let Some(model) = request.get("model").and_then(Value::as_str) else {
        return bad("you must provide a model parameter");
    };
    let Some(messages) = request.get("messages").and_then(Value::as_array).filter(|all| !all.is_empty()) else {
        return bad("'messages' is a required property and must not be empty");
    };
    if let Some(call) = unanswered_call(messages) {
        return bad(&format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {call}"
        ));
    }
    let streaming = request.get("stream").and_then(Value::as_bool) == Some(true);
    let has_tools = request.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    let asked = asked(messages, has_tools);
    let speech = match speech::choose(world, settings, body, &request, asked).await {
        Ok(speech) => speech,
        Err(Instead::Status(status, script)) => return speech::by_status(status, &script, usual(status)),
        Err(Instead::Raw(raw)) => {
            let kind = if streaming { "text/event-stream; charset=utf-8" } else { "application/json" };
            return HttpResponse::Ok().content_type(kind).body(raw);
        }
    };
    let reply = reply(world, speech, model);
    if streaming {
        let usage = request.pointer("/stream_options/include_usage").and_then(Value::as_bool) == Some(true);
        return stream::respond(&reply, usage);
    }
    stream::whole(&reply)
}

/// The first tool call without its tool message.
fn unanswered_call(messages: &[Value]) -> Option<String> {
    for (index, message) in messages.iter().enumerate() {
        for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
            let answered = messages
                .iter()
                .skip(index + 1)
                .take_while(|next| next.get("role").and_then(Value::as_str) == Some("tool"))
                .any(|next| next.get("tool_call_id").and_then(Value::as_str) == Some(id));
            if !answered {
                return Some(id.to_owned());
            }
        }
    }
    None
}

/// The vendor's own words for a status.
fn usual(status: u16) -> Value {
    if status == 429 {
        return json!({"error": {"message": "Rate limit reached for test-model", "type": "requests", "param": null,
            "code": "rate_limit_exceeded"}});
    }
    json!({"error": {"message": "The server had an error while processing your request.", "type": "server_error",
        "param": null, "code": null}})
}

/// The text of a message whose content is a text or a list of parts.
fn words(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}

fn reply(world: &World, speech: Speech, model: &str) -> Reply {
    let mut pieces: Vec<Piece> = speech.texts.iter().map(|(text, pause)| Piece::text(text, *pause)).collect();
    for (index, (id, call)) in speech.calls.iter().enumerate() {
        pieces.extend(stream::tool_call(index, id, call, speech.pace));
    }
    let usual = if speech.calls.is_empty() { "stop" } else { "tool_calls" };
    Reply {
        id: format!("chatcmpl-{:016x}", world.ids.number()),
        model: model.to_owned(),
        created: real_ms() / 1_000,
        completion_tokens: pieces.len().max(1),
        pieces,
        finish_reason: speech.finish.unwrap_or_else(|| usual.to_owned()),
        prompt_tokens: speech.prompt_tokens,
        cut_after: speech.cut_after,
    }
}

fn asked(messages: &[Value], has_tools: bool) -> Asked {
    let role = |message: &&Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    let said = messages.iter().rev().find(|message| role(message, "user")).map(words);
    Asked {
        said: said.unwrap_or_default(),
        tool_result: messages.last().filter(|message| role(message, "tool")).map(words),
        has_tools,
        prompt_tokens: messages.iter().map(|message| words(message).len() / 4 + 4).sum(),
    }
}
