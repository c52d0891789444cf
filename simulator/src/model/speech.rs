//! What the model says to a request, whatever protocol it came by: the script that fits, or an echo.

use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;

use super::stream::by_words;
use super::{Chunk, ModelSettings, Script, ToolCall};
use crate::world::World;

/// What was asked, as far as the answer depends on it.
#[derive(Debug, Default)]
pub struct Asked {
    /// What the customer said last.
    pub said: String,
    /// What a tool answered after that.
    pub tool_result: Option<String>,
    /// Tools were offered.
    pub has_tools: bool,
    /// Tokens of the prompt, roughly.
    pub prompt_tokens: usize,
}

/// What is said.
#[derive(Debug)]
pub struct Speech {
    /// Pieces of text, each with the pause before it.
    pub texts: Vec<(String, u64)>,
    /// Tools it wants called, each with its id.
    pub calls: Vec<(String, ToolCall)>,
    /// Milliseconds between pieces.
    pub pace: u64,
    /// A reason to end other than the usual one.
    pub finish: Option<String>,
    /// The connection closes after so many pieces.
    pub cut_after: Option<usize>,
    /// Tokens of the prompt, roughly.
    pub prompt_tokens: usize,
}

impl Speech {
    /// Tokens of the answer, roughly.
    pub fn tokens(&self) -> usize {
        (self.texts.len() + self.calls.len() * 4).max(1)
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.texts.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// What a script wants instead of an answer.
#[derive(Debug)]
pub enum Instead {
    /// A status with its body.
    Status(u16, Box<Script>),
    /// Bytes as they are.
    Raw(String),
}

/// Notes the request, waits as the script says, and gives what is to be said.
pub async fn choose(
    world: &World,
    settings: &ModelSettings,
    body: &[u8],
    request: &Value,
    asked: Asked,
) -> Result<Speech, Instead> {
    world.model.note(request, settings.count_only);
    let script = world.model.next_script(&String::from_utf8_lossy(body)).unwrap_or_default();
    let wait = script.delay_ms.unwrap_or(settings.delay_ms);
    if wait > 0 {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    if let Some(status) = script.status {
        return Err(Instead::Status(status, Box::new(script)));
    }
    if let Some(raw) = script.raw {
        return Err(Instead::Raw(raw));
    }
    Ok(say(world, settings, &script, asked))
}

fn say(world: &World, settings: &ModelSettings, script: &Script, asked: Asked) -> Speech {
    let pace = script.chunk_delay_ms.unwrap_or(settings.chunk_delay_ms);
    let scripted = script.text.is_some() || !script.chunks.is_empty() || !script.tool_calls.is_empty();
    let mut texts: Vec<(String, u64)> = script
        .chunks
        .iter()
        .map(|chunk| match chunk {
            Chunk::Text(text) => (text.clone(), pace),
            Chunk::Paused { text, delay_ms } => (text.clone(), *delay_ms),
        })
        .collect();
    let text = match &script.text {
        Some(text) => text.clone(),
        None if scripted => String::new(),
        None => settings.default_reply.clone().unwrap_or_else(|| echo(&asked)),
    };
    texts.extend(by_words(&text, settings.words_per_chunk.max(1)).map(|piece| (piece.to_owned(), pace)));
    // A model calls only tools it was offered, whatever the script wishes.
    let calls = if asked.has_tools { script.tool_calls.as_slice() } else { &[] };
    let calls = calls.iter().map(|call| {
        let id = call.id.clone().unwrap_or_else(|| format!("call_{:016x}", world.ids.number()));
        (id, call.clone())
    });
    Speech {
        texts,
        calls: calls.collect(),
        pace,
        finish: script.finish_reason.clone(),
        cut_after: script.cut_after_chunks,
        prompt_tokens: asked.prompt_tokens,
    }
}

/// The reply without a script: what the customer said last, or what the tool answered.
fn echo(asked: &Asked) -> String {
    match &asked.tool_result {
        Some(result) => format!("The tool answered: {result}"),
        None if asked.said.trim().is_empty() => "I am here. What can I do for you?".to_owned(),
        None => format!("You said: {}", asked.said),
    }
}

/// The answer that a script wants by its status; `usual` is the vendor's own body where the script has none.
pub fn by_status(status: u16, script: &Script, usual: Value) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    if let Some(seconds) = script.retry_after {
        answer.insert_header(("Retry-After", seconds.to_string()));
    }
    match &script.body {
        Some(Value::String(page)) => answer.content_type("text/html").body(page.clone()),
        Some(document) => answer.json(document),
        None => answer.json(usual),
    }
}

/// A streamed answer; where it is cut, the connection closes after the frames.
pub fn respond(frames: Vec<(u64, Bytes)>, cut: bool) -> HttpResponse {
    let steps = stream::unfold((frames.into_iter(), cut), |(mut frames, cut)| async move {
        match frames.next() {
            Some((pause, bytes)) => {
                if pause > 0 {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Some((Ok(bytes), (frames, cut)))
            }
            None if cut => {
                // What was written must leave before the connection goes.
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), (frames, false)))
            }
            None => None,
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header(("Cache-Control", "no-cache, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(Box::pin(steps))
}
