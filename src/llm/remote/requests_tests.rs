//! What servers of each protocol are asked: addresses, tools, and the rounds of a turn.

use serde_json::{Value, json};

use super::*;
use crate::domain::actions::Action;
use crate::llm::prompt::{Called, Own, Role, Round, Turn};

#[test]
fn base_addresses_of_completions_are_joined_as_operators_write_them() {
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
        assert_eq!(address(Protocol::OpenAi, base, "m").as_deref(), expected, "{base}");
    }
}

#[test]
fn base_addresses_of_the_other_protocols_are_joined() {
    let cases = [
        (Protocol::Anthropic, "https://api.example.com", "https://api.example.com/v1/messages"),
        (Protocol::Anthropic, "https://api.example.com/v1/", "https://api.example.com/v1/messages"),
        (Protocol::Anthropic, "https://x.example/proxy/v1/messages", "https://x.example/proxy/v1/messages"),
        (Protocol::Gemini, "https://x.example", "https://x.example/v1beta/models/m:streamGenerateContent?alt=sse"),
        (Protocol::Gemini, "https://x.example/v1/", "https://x.example/v1/models/m:streamGenerateContent?alt=sse"),
    ];
    for (protocol, base, expected) in cases {
        assert_eq!(address(protocol, base, "m").as_deref(), Some(expected), "{base}");
        assert_eq!(address(protocol, "x.example", "m"), None);
    }
}

fn prompt(own: Option<Own>) -> Prompt {
    let called = |id: &str, name: &str| Called {
        id: id.into(),
        name: name.into(),
        arguments: json!({"order": "4711"}),
        result: json!({"state": "sent"}),
        failed: false,
    };
    let broken = Called { arguments: json!("{\"ord"), result: json!("bad"), failed: true, ..called("", "b") };
    Prompt {
        system: "Be kind.".into(),
        turns: vec![Turn { role: Role::Assistant, text: "Hello!".into() }, Turn { role: Role::User, text: " ".into() }],
        tools: vec![Action {
            name: "a".into(),
            description: "does a".into(),
            parameters: json!({"type": "object", "additionalProperties": false}),
        }],
        rounds: vec![Round { text: "Let me see.".into(), calls: vec![called("c1", "a"), broken], own }],
        ..Prompt::default()
    }
}

fn asked(protocol: Protocol, own: Option<Own>) -> Value {
    let model = RemoteModel::new(protocol, "m", Endpoint::new("https://x.example")).expect("a model");
    model.body(&Layout::new(&prompt(own), None), Some(9))
}

#[test]
fn completions_get_a_message_for_every_result() {
    let body = asked(Protocol::OpenAi, None);
    assert_eq!(body["tools"][0]["function"]["parameters"]["additionalProperties"], false);
    assert_eq!(
        body["messages"].as_array().expect("messages")[3..],
        [
            json!({"role": "assistant", "content": "Let me see.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{\"order\":\"4711\"}"}},
                {"id": "call_0_1", "type": "function", "function": {"name": "b", "arguments": "{}"}},
            ]}),
            json!({"role": "tool", "tool_call_id": "c1", "content": "{\"state\":\"sent\"}"}),
            json!({"role": "tool", "tool_call_id": "call_0_1", "content": "\"bad\""}),
        ]
    );
}

#[test]
fn messages_get_all_results_first_and_their_own_form_back() {
    let body = asked(Protocol::Anthropic, None);
    assert_eq!((&body["max_tokens"], &body["system"]), (&json!(9), &json!("Be kind.")));
    assert_eq!(body["tools"][0]["input_schema"]["type"], "object");
    let messages = body["messages"].as_array().expect("messages");
    let roles: Vec<&str> = messages.iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"], "the customer comes first");
    assert_eq!(messages[2]["content"], "(no text)");
    assert_eq!(messages[3]["content"][1]["input"], json!({"order": "4711"}));
    assert_eq!(
        messages[4]["content"][0],
        json!({
            "type": "tool_result", "tool_use_id": "c1", "content": "{\"state\":\"sent\"}", "is_error": false,
        })
    );
    assert_eq!(messages[4]["content"][1]["is_error"], true);
    let value = json!([{"type": "thinking", "thinking": "Hmm", "signature": "S"}]);
    let own = Own { protocol: Protocol::Anthropic, value: value.clone() };
    assert_eq!(asked(Protocol::Anthropic, Some(own.clone()))["messages"][3]["content"], value);
    let elsewhere = asked(Protocol::Gemini, Some(own));
    assert_eq!(elsewhere["contents"][2]["parts"][0]["text"], "Let me see.", "one vendor's form is not another's");
}

#[test]
fn contents_get_results_as_objects() {
    let body = asked(Protocol::Gemini, None);
    assert_eq!(body["generationConfig"]["maxOutputTokens"], 9);
    assert_eq!(body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["type"], "object");
    assert_eq!(
        body["contents"][3],
        json!({"role": "user", "parts": [
            {"functionResponse": {"id": "c1", "name": "a", "response": {"state": "sent"}}},
            {"functionResponse": {"name": "b", "response": {"result": "bad"}}},
        ]})
    );
}
