//! `POST /v1/chat/completions` and `GET /v1/models`: checks the request, picks the reply, answers whole or streamed.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::stream::{self, Piece};
use super::{Chunk, ModelSettings, Script};
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

fn error(status: StatusCode, message: &str, kind: &str, code: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": {"message": message, "type": kind, "param": null, "code": code}}))
}

fn keyed(settings: &ModelSettings, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    settings.api_key.as_deref().is_none_or(|key| {
        header("Authorization").and_then(|value| value.strip_prefix("Bearer ")) == Some(key)
            || header("api-key") == Some(key)
    })
}

fn refused() -> HttpResponse {
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
    world.model.note(&request, settings.count_only);
    let script = world.model.next_script(&String::from_utf8_lossy(body)).unwrap_or_default();
    let wait = script.delay_ms.unwrap_or(settings.delay_ms);
    if wait > 0 {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    if let Some(status) = script.status {
        return scripted_status(status, &script);
    }
    let streaming = request.get("stream").and_then(Value::as_bool) == Some(true);
    if let Some(raw) = script.raw {
        let kind = if streaming { "text/event-stream; charset=utf-8" } else { "application/json" };
        return HttpResponse::Ok().content_type(kind).body(raw);
    }
    let has_tools = request.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    let reply = reply(world, settings, &script, model, messages, has_tools);
    if streaming {
        let usage = request.pointer("/stream_options/include_usage").and_then(Value::as_bool) == Some(true);
        return stream::respond(reply, usage);
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

fn scripted_status(status: u16, script: &Script) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    if let Some(seconds) = script.retry_after {
        answer.insert_header(("Retry-After", seconds.to_string()));
    }
    match &script.body {
        Some(Value::String(page)) => answer.content_type("text/html").body(page.clone()),
        Some(document) => answer.json(document),
        None if status == StatusCode::TOO_MANY_REQUESTS => answer.json(json!({"error": {
            "message": "Rate limit reached for test-model", "type": "requests", "param": null,
            "code": "rate_limit_exceeded"}})),
        None => answer.json(json!({"error": {"message": "The server had an error while processing your request.",
            "type": "server_error", "param": null, "code": null}})),
    }
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

fn reply(
    world: &World,
    settings: &ModelSettings,
    script: &Script,
    model: &str,
    messages: &[Value],
    has_tools: bool,
) -> Reply {
    let pace = script.chunk_delay_ms.unwrap_or(settings.chunk_delay_ms);
    let scripted = script.text.is_some() || !script.chunks.is_empty() || !script.tool_calls.is_empty();
    let mut pieces: Vec<Piece> = script
        .chunks
        .iter()
        .map(|chunk| match chunk {
            Chunk::Text(text) => Piece::text(text, pace),
            Chunk::Paused { text, delay_ms } => Piece::text(text, *delay_ms),
        })
        .collect();
    let text = match &script.text {
        Some(text) => text.clone(),
        None if scripted => String::new(),
        None => settings.default_reply.clone().unwrap_or_else(|| echo(messages)),
    };
    pieces.extend(stream::by_words(&text, settings.words_per_chunk.max(1)).map(|piece| Piece::text(piece, pace)));
    // A model calls only tools it was offered, whatever the script wishes.
    let calls = if has_tools { script.tool_calls.as_slice() } else { &[] };
    for (index, call) in calls.iter().enumerate() {
        let id = call.id.clone().unwrap_or_else(|| format!("call_{:016x}", world.ids.number()));
        pieces.extend(stream::tool_call(index, &id, call, pace));
    }
    let usual = if calls.is_empty() { "stop" } else { "tool_calls" };
    let prompt: usize = messages.iter().map(|message| words(message).len() / 4 + 4).sum();
    Reply {
        id: format!("chatcmpl-{:016x}", world.ids.number()),
        model: model.to_owned(),
        created: real_ms() / 1_000,
        completion_tokens: pieces.len().max(1),
        pieces,
        finish_reason: script.finish_reason.clone().unwrap_or_else(|| usual.to_owned()),
        prompt_tokens: prompt,
        cut_after: script.cut_after_chunks,
    }
}

/// The reply without a script: what the customer said last, or what the tool answered.
fn echo(messages: &[Value]) -> String {
    let role = |message: &&Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    if let Some(result) = messages.last().filter(|message| role(message, "tool")) {
        return format!("The tool answered: {}", words(result));
    }
    let said = messages.iter().rev().find(|message| role(message, "user")).map(words).unwrap_or_default();
    if said.trim().is_empty() { "I am here. What can I do for you?".to_owned() } else { format!("You said: {said}") }
}
