//! The request to a `streamGenerateContent` endpoint.

use serde_json::{Map, Value, json};

use crate::llm::endpoint::Protocol;
use crate::llm::prompt::{Layout, Role, Round};

/// Stands for a message without text.
const WORDLESS: &str = "(no text)";

/// The address below a base address, with or without the version.
pub(in crate::llm) fn path(base: &str, model: &str) -> String {
    let versioned = base.rsplit('/').next().is_some_and(|last| last.starts_with("v1"));
    let base = if versioned { base.to_owned() } else { format!("{base}/v1beta") };
    format!("{base}/models/{model}:streamGenerateContent")
}

/// The JSON body.
pub(in crate::llm) fn body(layout: &Layout<'_>, max_output_tokens: Option<u32>) -> Value {
    let mut contents: Vec<Value> = Vec::with_capacity(layout.turns.len());
    for turn in layout.turns {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        let text = if turn.text.trim().is_empty() { WORDLESS } else { turn.text.as_str() };
        contents.push(json!({"role": role, "parts": [{"text": text}]}));
    }
    for round in layout.rounds {
        contents.extend(contents_of(round));
    }
    let mut body = Map::new();
    body.insert("contents".into(), Value::Array(contents));
    if !layout.system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": [{"text": layout.system}]}));
    }
    if !layout.tools.is_empty() {
        let declarations: Value = layout
            .tools
            .iter()
            .map(|tool| {
                json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})
            })
            .collect();
        body.insert("tools".into(), json!([{"functionDeclarations": declarations}]));
    }
    if let Some(tokens) = max_output_tokens {
        body.insert("generationConfig".into(), json!({"maxOutputTokens": tokens}));
    }
    Value::Object(body)
}

/// What the model said with its calls, and their results.
fn contents_of(round: &Round) -> [Value; 2] {
    let said = round.own_of(Protocol::Gemini).cloned().unwrap_or_else(|| {
        let text = Some(&round.text).filter(|text| !text.trim().is_empty()).map(|text| json!({"text": text}));
        let calls = round
            .calls
            .iter()
            .map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments_as_object()}}));
        text.into_iter().chain(calls).collect()
    });
    let results: Value = round
        .calls
        .iter()
        .map(|call| {
            // The protocol wants an object.
            let response = if call.result.is_object() { call.result.clone() } else { json!({"result": call.result}) };
            let mut answer = json!({"name": call.name, "response": response});
            if let Some(members) = answer.as_object_mut().filter(|_| !call.id.is_empty()) {
                members.insert("id".to_owned(), json!(call.id));
            }
            json!({"functionResponse": answer})
        })
        .collect();
    [json!({"role": "model", "parts": said}), json!({"role": "user", "parts": results})]
}
