//! `POST /v1beta/models/{model}:streamGenerateContent`: the same model behind a third protocol.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::ModelSettings;
use super::speech::{self, Asked, Instead, Speech};
use crate::faults::Facts;
use crate::server::around;
use crate::world::World;

/// Registers the address.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/v1beta/models/{call}", web::post().to(complete));
}

fn error(status: StatusCode, word: &str, message: &str, reason: Option<&str>) -> HttpResponse {
    let details: Vec<Value> = reason
        .map(|reason| json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}))
        .into_iter()
        .collect();
    let error = json!({"code": status.as_u16(), "message": message, "status": word, "details": details});
    HttpResponse::build(status).json(json!({"error": error}))
}

async fn complete(world: Data<World>, request: HttpRequest, call: web::Path<String>, body: Bytes) -> HttpResponse {
    let facts = Facts { vendor: "model", kind: "model", path: request.path(), body: &body };
    around(&world, facts, async |_| {
        let settings = world.model.settings();
        let key = request.headers().get("x-goog-api-key").and_then(|value| value.to_str().ok());
        if settings.api_key.is_some() && settings.api_key.as_deref() != key {
            let message = "API key not valid. Please pass a valid API key.";
            return error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message, Some("API_KEY_INVALID"));
        }
        let Some((model, "streamGenerateContent")) = call.split_once(':') else {
            return error(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such method", None);
        };
        let events = request.query_string().split('&').any(|pair| pair == "alt=sse");
        answer(&world, &settings, model, events, &body).await
    })
    .await
}

async fn answer(world: &World, settings: &ModelSettings, model: &str, events: bool, body: &[u8]) -> HttpResponse {
    let refused = |message: &str| error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message, None);
    let Ok(request) = serde_json::from_slice::<Value>(body) else { return refused("Invalid JSON payload received.") };
    let contents = request.get("contents").and_then(Value::as_array).cloned().unwrap_or_default();
    if contents.is_empty() {
        return refused("contents are required");
    }
    if contents.iter().any(|content| parts(content).is_empty()) {
        return refused("contents.parts must not be empty.");
    }
    match speech::choose(world, settings, body, &request, asked(&request, &contents)).await {
        Err(Instead::Status(status, script)) => {
            let word = match status {
                429 => "RESOURCE_EXHAUSTED",
                503 => "UNAVAILABLE",
                _ => "INTERNAL",
            };
            let delay = script.retry_after.map(|seconds| {
                json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")})
            });
            let details: Vec<Value> = delay.into_iter().collect();
            let usual = json!({"error": {"code": status, "message": "simulated", "status": word, "details": details}});
            speech::by_status(status, &script, usual)
        }
        Err(Instead::Raw(raw)) => HttpResponse::Ok().content_type("text/event-stream").body(raw),
        Ok(speech) => {
            let (chunks, cut) = chunks(&speech, model);
            if events {
                let frames =
                    chunks.into_iter().map(|(pause, chunk)| (pause, Bytes::from(format!("data: {chunk}\r\n\r\n"))));
                return speech::respond(frames.collect(), cut);
            }
            HttpResponse::Ok().json(chunks.into_iter().map(|(_, chunk)| chunk).collect::<Vec<_>>())
        }
    }
}

fn parts(content: &Value) -> Vec<Value> {
    content.get("parts").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn asked(request: &Value, contents: &[Value]) -> Asked {
    let text = |content: &Value| {
        let texts = parts(content).into_iter().filter_map(|part| part.get("text")?.as_str().map(str::to_owned));
        texts.collect::<String>()
    };
    let of_user = |content: &&Value| content.get("role").and_then(Value::as_str) != Some("model");
    let last = contents.last().map(parts).unwrap_or_default();
    let result = last.iter().rev().find_map(|part| part.pointer("/functionResponse/response"));
    let said = contents.iter().rev().filter(of_user).map(text).find(|text| !text.is_empty());
    Asked {
        said: said.unwrap_or_default(),
        tool_result: result.map(Value::to_string),
        has_tools: request.pointer("/tools/0/functionDeclarations/0").is_some(),
        prompt_tokens: contents.iter().map(|content| content.to_string().len() / 4 + 4).sum(),
    }
}

/// The chunks of a stream, each with the pause before it, and whether it is cut.
fn chunks(speech: &Speech, model: &str) -> (Vec<(u64, Value)>, bool) {
    let chunk = |parts: Value| {
        json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": parts}}], "modelVersion": model,
            "responseId": "simulated", "usageMetadata": {"promptTokenCount": speech.prompt_tokens,
                "totalTokenCount": speech.prompt_tokens}})
    };
    let mut chunks: Vec<(u64, Value)> =
        speech.texts.iter().map(|(text, pause)| (*pause, chunk(json!([{"text": text}])))).collect();
    for (id, call) in &speech.calls {
        let args = match &call.arguments {
            Value::Object(_) => call.arguments.clone(),
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| json!({})),
            _ => json!({}),
        };
        let part = json!({"functionCall": {"id": id, "name": call.name, "args": args}, "thoughtSignature": "c2lt"});
        chunks.push((speech.pace, chunk(json!([part]))));
    }
    if let Some(cut) = speech.cut_after.filter(|pieces| *pieces < chunks.len()) {
        chunks.truncate(cut);
        return (chunks, true);
    }
    let finish = match speech.finish.as_deref() {
        Some("length") => "MAX_TOKENS",
        Some("content_filter") => "SAFETY",
        Some(other) => other,
        None => "STOP",
    };
    let (prompt, said) = (speech.prompt_tokens, speech.tokens());
    let usage = json!({"promptTokenCount": prompt, "candidatesTokenCount": said, "totalTokenCount": prompt + said});
    let end = json!({"candidates": [{"index": 0, "finishReason": finish}], "modelVersion": model,
        "responseId": "simulated", "usageMetadata": usage});
    chunks.push((0, end));
    (chunks, false)
}
