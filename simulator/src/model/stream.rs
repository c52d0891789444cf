//! The wire form of the model's answers: whole documents, and streams of chunks with their end mark.

use actix_web::HttpResponse;
use bytes::Bytes;
use serde_json::{Value, json};

use super::chat::Reply;
use super::{ToolCall, speech};
use crate::json::{set, set_under};

/// One delta and the pause before it.
#[derive(Debug, Clone)]
pub struct Piece {
    delta: Value,
    delay_ms: u64,
}

impl Piece {
    pub fn text(text: &str, delay_ms: u64) -> Self {
        Self { delta: json!({"content": text}), delay_ms }
    }
}

/// Cuts a text into pieces of so many words, blanks kept.
pub fn by_words(text: &str, words: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .char_indices()
            .filter(|(at, character)| *at > 0 && *character == ' ')
            .nth(words.saturating_sub(1))
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(piece)
    })
}

/// The deltas of one tool call: its name first, then the arguments in pieces.
pub fn tool_call(index: usize, id: &str, call: &ToolCall, pace: u64) -> Vec<Piece> {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut pieces = vec![Piece {
        delta: json!({"tool_calls": [{"index": index, "id": id, "type": "function",
            "function": {"name": call.name, "arguments": ""}}]}),
        delay_ms: pace,
    }];
    let characters: Vec<char> = arguments.chars().collect();
    pieces.extend(characters.chunks(8).map(|part| Piece {
        delta: json!({"tool_calls": [{"index": index, "function": {"arguments": part.iter().collect::<String>()}}]}),
        delay_ms: pace,
    }));
    pieces
}

fn chunk(reply: &Reply, delta: Value, finish: Option<&str>, usage: bool) -> Bytes {
    let mut document = json!({"id": reply.id, "object": "chat.completion.chunk", "created": reply.created,
        "model": reply.model,
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]});
    if usage {
        set(&mut document, "usage", Value::Null);
    }
    Bytes::from(format!("data: {document}\n\n"))
}

/// The stream's bytes, each with the pause before it.
fn frames(reply: &Reply, usage: bool) -> Vec<(u64, Bytes)> {
    let mut frames = vec![(0, chunk(reply, json!({"role": "assistant", "content": "", "refusal": null}), None, usage))];
    frames.extend(reply.pieces.iter().map(|piece| (piece.delay_ms, chunk(reply, piece.delta.clone(), None, usage))));
    frames.push((0, chunk(reply, json!({}), Some(&reply.finish_reason), usage)));
    if usage {
        let document = json!({"id": reply.id, "object": "chat.completion.chunk", "created": reply.created,
            "model": reply.model, "choices": [], "usage": reply.usage()});
        frames.push((0, Bytes::from(format!("data: {document}\n\n"))));
    }
    frames.push((0, Bytes::from_static(b"data: [DONE]\n\n")));
    frames
}

/// A streamed answer; with `cut_after` the connection closes after so many pieces of content.
pub fn respond(reply: &Reply, usage: bool) -> HttpResponse {
    let mut frames = frames(reply, usage);
    // The first frame holds only the role, which is no piece of content.
    let cut = reply.cut_after.map(|pieces| pieces + 1).filter(|cut| *cut < frames.len());
    if let Some(cut) = cut {
        frames.truncate(cut);
    }
    speech::respond(frames, cut.is_some())
}

/// The answer as one document.
pub fn whole(reply: &Reply) -> HttpResponse {
    let mut content = String::new();
    let mut calls: Vec<Value> = Vec::new();
    for piece in &reply.pieces {
        content.push_str(piece.delta.get("content").and_then(Value::as_str).unwrap_or_default());
        for part in piece.delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            if part.get("id").is_some() {
                let mut call = part.clone();
                call.as_object_mut().and_then(|members| members.remove("index"));
                calls.push(call);
            } else if let Some(call) = calls.last_mut() {
                let before = call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default();
                let more = part.pointer("/function/arguments").and_then(Value::as_str).unwrap_or_default();
                let joined = format!("{before}{more}");
                set_under(call, "/function", "arguments", json!(joined));
            }
        }
    }
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !calls.is_empty() {
        set(&mut message, "tool_calls", Value::Array(calls));
        if content.is_empty() {
            set(&mut message, "content", Value::Null);
        }
    }
    HttpResponse::Ok().json(json!({"id": reply.id, "object": "chat.completion", "created": reply.created,
        "model": reply.model, "usage": reply.usage(),
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reply.finish_reason}]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cut_by_words_is_whole_when_joined() {
        for (text, words, pieces) in
            [("You said: hello there", 1, 4), ("You said: hello there", 2, 2), ("", 1, 0), ("é ü", 1, 2), ("x", 5, 1)]
        {
            let cut: Vec<_> = by_words(text, words).collect();
            assert_eq!(cut.len(), pieces, "{cut:?}");
            assert_eq!(cut.concat(), text);
        }
    }
}
