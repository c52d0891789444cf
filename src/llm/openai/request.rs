//! The request to a chat completions endpoint. Only what is configured is sent: compatible servers refuse settings
//! they do not know.

use serde_json::{Map, Value, json};
use url::Url;

use crate::llm::prompt::{Layout, Role};

use super::{Endpoint, OutputLimit};

/// The address of the completions below a base address, which may be given with or without `/v1`, with or without a
/// slash at the end, or whole. A query (some clouds want an API version there) is kept.
pub(super) fn address(base: &str) -> Option<String> {
    let mut url = Url::parse(base.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let path = url.path().trim_end_matches('/').to_owned();
    let path = match path.as_str() {
        whole if whole.ends_with("/chat/completions") => path,
        "" => "/v1/chat/completions".to_owned(),
        _ => format!("{path}/chat/completions"),
    };
    url.set_path(&path);
    url.set_fragment(None);
    Some(url.into())
}

/// The JSON body.
pub(super) fn body(model: &str, endpoint: &Endpoint, layout: &Layout<'_>, max_output_tokens: Option<u32>) -> Value {
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
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("messages".into(), Value::Array(messages));
    body.insert("stream".into(), json!(true));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::prompt::{Prompt, Turn};

    #[test]
    fn base_addresses_are_joined_as_operators_write_them() {
        let cases = [
            ("https://api.example.com", Some("https://api.example.com/v1/chat/completions")),
            ("https://api.example.com/", Some("https://api.example.com/v1/chat/completions")),
            ("https://api.example.com/v1", Some("https://api.example.com/v1/chat/completions")),
            (" https://api.example.com/v1// ", Some("https://api.example.com/v1/chat/completions")),
            ("http://localhost:11434/v1/chat/completions", Some("http://localhost:11434/v1/chat/completions")),
            ("https://x.example/api/v1beta/compat/", Some("https://x.example/api/v1beta/compat/chat/completions")),
            ("https://x.example/d/gpt?api-version=1", Some("https://x.example/d/gpt/chat/completions?api-version=1")),
            ("api.example.com/v1", None),
            ("localhost:8080", None),
            ("", None),
        ];
        for (base, expected) in cases {
            assert_eq!(address(base).as_deref(), expected, "{base}");
        }
    }

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
