//! `POST /v1/messages`: the same model behind the Messages protocol.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::speech::{self, Asked, Instead, Speech};
use super::{ModelSettings, ToolCall};
use crate::faults::Facts;
use crate::server::around;
use crate::world::World;

/// Versions of the protocol that are spoken.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// Registers the address.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/v1/messages", web::post().to(complete));
}

fn error(status: StatusCode, kind: &str, message: &str) -> HttpResponse {
    HttpResponse::build(status)
        .json(json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}))
}

async fn complete(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let facts = Facts { vendor: "model", kind: "model", path: request.path(), body: &body };
    around(&world, facts, async |_| {
        let settings = world.model.settings();
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if settings.api_key.as_deref().is_some_and(|key| header("x-api-key") != Some(key)) {
            return error(StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key");
        }
        if !header("anthropic-version").is_some_and(|version| VERSIONS.contains(&version)) {
            let message = "anthropic-version: header is required";
            return error(StatusCode::BAD_REQUEST, "invalid_request_error", message);
        }
        answer(&world, &settings, &body).await
    })
    .await
}

async fn answer(world: &World, settings: &ModelSettings, body: &[u8]) -> HttpResponse {
    let request = match serde_json::from_slice::<Value>(body) {
        Ok(request) => request,
        Err(_) => return error(StatusCode::BAD_REQUEST, "invalid_request_error", "the body is no JSON"),
    };
    if let Err(message) = judge(&request) {
        return error(StatusCode::BAD_REQUEST, "invalid_request_error", &message);
    }
    let streaming = request.get("stream").and_then(Value::as_bool) == Some(true);
    let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
    match speech::choose(world, settings, body, &request, asked(&request)).await {
        Err(Instead::Status(status, script)) => {
            let kind = match status {
                429 => "rate_limit_error",
                529 => "overloaded_error",
                _ => "api_error",
            };
            let usual = json!({"type": "error", "error": {"type": kind, "message": "simulated"}});
            speech::by_status(status, &script, usual)
        }
        Err(Instead::Raw(raw)) => HttpResponse::Ok().content_type("text/event-stream").body(raw),
        Ok(speech) if streaming => {
            let (frames, cut) = frames(&speech, model);
            speech::respond(frames, cut)
        }
        Ok(speech) => HttpResponse::Ok().json(whole(&speech, model)),
    }
}

/// What the vendor refuses.
fn judge(request: &Value) -> Result<(), String> {
    for key in ["model", "max_tokens", "messages"] {
        if request.get(key).is_none_or(Value::is_null) {
            return Err(format!("{key}: Field required"));
        }
    }
    let messages = request.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
    if messages.first().and_then(|message| message.get("role")).and_then(Value::as_str) != Some("user") {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    for (index, message) in messages.iter().enumerate() {
        let empty = match message.get("content") {
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Array(blocks)) => blocks.is_empty(),
            _ => true,
        };
        if empty {
            return Err(format!("messages.{index}: content must be non-empty"));
        }
        for block in blocks(message, "tool_use") {
            let id = block.get("id").and_then(Value::as_str).unwrap_or_default();
            let next = messages.get(index + 1);
            let results: Vec<Value> = next.map(|next| blocks(next, "tool_result")).unwrap_or_default();
            if !results.iter().any(|result| result.get("tool_use_id").and_then(Value::as_str) == Some(id)) {
                return Err(format!("messages.{index}: `tool_use` ids were found without `tool_result` blocks: {id}"));
            }
        }
    }
    Ok(())
}

fn blocks(message: &Value, kind: &str) -> Vec<Value> {
    let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    blocks.filter(|block| block.get("type").and_then(Value::as_str) == Some(kind)).cloned().collect()
}

fn asked(request: &Value) -> Asked {
    let messages = request.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |message: &Value| match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        _ => {
            blocks(message, "text").iter().filter_map(|block| block.get("text")?.as_str().map(str::to_owned)).collect()
        }
    };
    let of_user = |message: &&Value| message.get("role").and_then(Value::as_str) == Some("user");
    let results = messages.last().map(|last| blocks(last, "tool_result")).unwrap_or_default();
    let said = messages.iter().rev().filter(of_user).map(text).find(|text| !text.is_empty());
    Asked {
        said: said.unwrap_or_default(),
        tool_result: results.last().and_then(|result| result.get("content")?.as_str().map(str::to_owned)),
        has_tools: request.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty()),
        prompt_tokens: messages.iter().map(|message| message.to_string().len() / 4 + 4).sum(),
    }
}

fn stop_reason(speech: &Speech) -> String {
    let usual = if speech.calls.is_empty() { "end_turn" } else { "tool_use" };
    match speech.finish.as_deref() {
        Some("length") => "max_tokens".to_owned(),
        Some("content_filter") => "refusal".to_owned(),
        other => other.unwrap_or(usual).to_owned(),
    }
}

fn input(call: &ToolCall) -> String {
    match &call.arguments {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The events of a stream, and whether it is cut.
fn frames(speech: &Speech, model: &str) -> (Vec<(u64, Bytes)>, bool) {
    let event = |name: &str, mut data: Value| {
        crate::json::set(&mut data, "type", json!(name));
        Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
    };
    let usage = json!({"input_tokens": speech.prompt_tokens, "output_tokens": 1});
    let message = json!({"id": "msg_simulated", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage});
    let head = vec![(0, event("message_start", json!({"message": message}))), (0, event("ping", json!({})))];
    let mut content: Vec<(u64, Bytes)> = Vec::new();
    let mut index = 0;
    if !speech.texts.is_empty() {
        let block = json!({"type": "text", "text": ""});
        content.push((0, event("content_block_start", json!({"index": index, "content_block": block}))));
        for (text, pause) in &speech.texts {
            let delta = json!({"type": "text_delta", "text": text});
            content.push((*pause, event("content_block_delta", json!({"index": index, "delta": delta}))));
        }
        content.push((0, event("content_block_stop", json!({"index": index}))));
        index += 1;
    }
    for (id, call) in &speech.calls {
        let block = json!({"type": "tool_use", "id": id, "name": call.name, "input": {}});
        content.push((speech.pace, event("content_block_start", json!({"index": index, "content_block": block}))));
        let characters: Vec<char> = input(call).chars().collect();
        for part in characters.chunks(8) {
            let delta = json!({"type": "input_json_delta", "partial_json": part.iter().collect::<String>()});
            content.push((speech.pace, event("content_block_delta", json!({"index": index, "delta": delta}))));
        }
        content.push((0, event("content_block_stop", json!({"index": index}))));
        index += 1;
    }
    let cut = speech.cut_after.filter(|pieces| *pieces < speech.texts.len() + speech.calls.len());
    if let Some(pieces) = cut {
        // The block's beginning is no piece of content.
        content.truncate(pieces + 1);
        return (head.into_iter().chain(content).collect(), true);
    }
    let delta = json!({"stop_reason": stop_reason(speech), "stop_sequence": null});
    let end = vec![
        (0, event("message_delta", json!({"delta": delta, "usage": {"output_tokens": speech.tokens()}}))),
        (0, event("message_stop", json!({}))),
    ];
    (head.into_iter().chain(content).chain(end).collect(), false)
}

/// The answer as one document.
fn whole(speech: &Speech, model: &str) -> Value {
    let text = Some(speech.text()).filter(|text| !text.is_empty()).map(|text| json!({"type": "text", "text": text}));
    let calls = speech.calls.iter().map(|(id, call)| {
        let input = serde_json::from_str::<Value>(&input(call)).unwrap_or_else(|_| json!({}));
        json!({"type": "tool_use", "id": id, "name": call.name, "input": input})
    });
    let content: Vec<Value> = text.into_iter().chain(calls).collect();
    json!({"id": "msg_simulated", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason(speech), "stop_sequence": null,
        "usage": {"input_tokens": speech.prompt_tokens, "output_tokens": speech.tokens()}})
}
