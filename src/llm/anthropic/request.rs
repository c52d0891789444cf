//! The request to a Messages endpoint. No sampling settings are sent: newer versions refuse them.

use serde_json::{Map, Value, json};

use crate::llm::endpoint::Protocol;
use crate::llm::prompt::{Layout, Role, Round};

/// The version of the protocol that is spoken.
pub(in crate::llm) const VERSION: &str = "2023-06-01";
/// The protocol wants a limit of the answer; this one where the agent has none.
const USUAL_LIMIT: u32 = 4_096;
/// Stands before a conversation that our side began: the protocol wants the customer first.
const OPENING: &str = "(Our side writes first.)";
/// Stands for a message without text.
const WORDLESS: &str = "(no text)";

/// The address below a base address, with or without `/v1`.
pub(in crate::llm) fn path(base: &str) -> String {
    match base {
        whole if whole.ends_with("/messages") => whole.to_owned(),
        versioned if versioned.ends_with("/v1") => format!("{versioned}/messages"),
        _ => format!("{base}/v1/messages"),
    }
}

/// The JSON body.
pub(in crate::llm) fn body(model: &str, layout: &Layout<'_>, max_output_tokens: Option<u32>) -> Value {
    let mut messages: Vec<Value> = Vec::with_capacity(layout.turns.len().saturating_add(1));
    if layout.turns.first().is_none_or(|turn| turn.role == Role::Assistant) {
        messages.push(json!({"role": "user", "content": OPENING}));
    }
    for turn in layout.turns {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let text = if turn.text.trim().is_empty() { WORDLESS } else { turn.text.as_str() };
        messages.push(json!({"role": role, "content": text}));
    }
    for (index, round) in layout.rounds.iter().enumerate() {
        messages.extend(messages_of(index, round));
    }
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("max_tokens".into(), json!(max_output_tokens.unwrap_or(USUAL_LIMIT)));
    if !layout.system.is_empty() {
        body.insert("system".into(), json!(layout.system));
    }
    body.insert("messages".into(), Value::Array(messages));
    body.insert("stream".into(), json!(true));
    if !layout.tools.is_empty() {
        let tools = layout
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}));
        body.insert("tools".into(), tools.collect());
    }
    Value::Object(body)
}

/// What the model said with its calls, and their results, which must come first in the next message.
fn messages_of(index: usize, round: &Round) -> [Value; 2] {
    let said = round.own_of(Protocol::Anthropic).cloned().unwrap_or_else(|| {
        let text = Some(&round.text).filter(|text| !text.trim().is_empty());
        let text = text.map(|text| json!({"type": "text", "text": text}));
        let calls = round.calls.iter().enumerate().map(|(nth, call)| {
            json!({
                "type": "tool_use", "id": call.id_or(index, nth), "name": call.name, "input": call.arguments_as_object(),
            })
        });
        text.into_iter().chain(calls).collect()
    });
    let results: Value = round
        .calls
        .iter()
        .enumerate()
        .map(|(nth, call)| {
            json!({
                "type": "tool_result", "tool_use_id": call.id_or(index, nth), "content": call.result.to_string(),
                "is_error": call.failed,
            })
        })
        .collect();
    [json!({"role": "assistant", "content": said}), json!({"role": "user", "content": results})]
}
