//! The request to a chat completions endpoint. Only what is configured is sent: compatible servers refuse settings
//! they do not know.

use serde_json::{Map, Value, json};

use crate::llm::endpoint::{Endpoint, OutputLimit};
use crate::llm::prompt::{Layout, Role, Round};

/// The address of the completions below a base address, which may be given with or without `/v1`, or whole.
pub(in crate::llm) fn path(base: &str) -> String {
    match base {
        whole if whole.ends_with("/chat/completions") => whole.to_owned(),
        "" => "/v1/chat/completions".to_owned(),
        _ => format!("{base}/chat/completions"),
    }
}

/// The JSON body.
pub(in crate::llm) fn body(
    model: &str,
    endpoint: &Endpoint,
    layout: &Layout<'_>,
    max_output_tokens: Option<u32>,
) -> Value {
    let mut messages = Vec::with_capacity(layout.turns.len().saturating_add(1));
    if !layout.system.is_empty() {
        messages.push(json!({"role": "system", "content": layout.system}));
    }
    for turn in layout.turns {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        messages.push(json!({"role": role, "content": turn.text}));
    }
    for (index, round) in layout.rounds.iter().enumerate() {
        messages.extend(messages_of(index, round));
    }
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("messages".into(), Value::Array(messages));
    body.insert("stream".into(), json!(true));
    if !layout.tools.is_empty() {
        let tools = layout.tools.iter().map(|tool| json!({"type": "function", "function": tool}));
        body.insert("tools".into(), tools.collect());
    }
    if endpoint.include_usage {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(tokens) = max_output_tokens {
        let key = match endpoint.output_limit {
            OutputLimit::MaxCompletionTokens => "max_completion_tokens",
            OutputLimit::MaxTokens => "max_tokens",
        };
        body.insert(key.into(), json!(tokens));
    }
    if let Some(temperature) = endpoint.temperature {
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(effort) = &endpoint.reasoning_effort {
        body.insert("reasoning_effort".into(), json!(effort));
    }
    Value::Object(body)
}

/// What the model said with its calls, then one message for each result, as the protocol wants it.
fn messages_of(index: usize, round: &Round) -> Vec<Value> {
    let calls: Value = round
        .calls
        .iter()
        .enumerate()
        .map(|(nth, call)| {
            let function = json!({"name": call.name, "arguments": call.arguments_as_object().to_string()});
            json!({"id": call.id_or(index, nth), "type": "function", "function": function})
        })
        .collect();
    let content = if round.text.is_empty() { Value::Null } else { json!(round.text) };
    let mut messages = vec![json!({"role": "assistant", "content": content, "tool_calls": calls})];
    messages.extend(round.calls.iter().enumerate().map(|(nth, call)| {
        json!({"role": "tool", "tool_call_id": call.id_or(index, nth), "content": call.result.to_string()})
    }));
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::prompt::{Prompt, Turn};

    #[test]
    fn only_what_is_configured_is_sent() {
        let prompt = Prompt {
            system: "Be kind.".into(),
            turns: vec![
                Turn { role: Role::User, text: "a".into() },
                Turn { role: Role::Assistant, text: "b".into() },
                Turn { role: Role::User, text: "c".into() },
            ],
            ..Prompt::default()
        };
        let bare = Endpoint { include_usage: false, ..Endpoint::new("https://x.example") };
        let messages = json!([
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ]);
        let layout = Layout::new(&prompt, None);
        assert_eq!(body("m", &bare, &layout, None), json!({"model": "m", "messages": messages, "stream": true}));
        let full = Endpoint {
            include_usage: true,
            output_limit: OutputLimit::MaxTokens,
            temperature: Some(0.5),
            reasoning_effort: Some("low".into()),
            ..bare
        };
        let expected = json!({
            "model": "m", "messages": messages, "stream": true, "stream_options": {"include_usage": true},
            "max_tokens": 7, "temperature": 0.5, "reasoning_effort": "low",
        });
        assert_eq!(body("m", &full, &layout, Some(7)), expected);
        let newer = Endpoint { output_limit: OutputLimit::MaxCompletionTokens, ..full };
        assert_eq!(body("m", &newer, &layout, Some(7))["max_completion_tokens"], 7);
        let silent = Prompt { system: String::new(), ..prompt };
        assert_eq!(body("m", &newer, &Layout::new(&silent, None), None)["messages"][0]["role"], "user");
    }
}
