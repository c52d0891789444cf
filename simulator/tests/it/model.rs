//! The model: whole answers, streams read as a client reads them, scripts and failures.

use serde_json::{Value, json};

use crate::stage::Stage;

fn asked(extra: Value) -> Value {
    let mut body = json!({"model": "test-model", "messages": [{"role": "user", "content": "hello there"}]});
    for (key, value) in extra.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

async fn script(stage: &Stage, script: Value) {
    let (status, answer) = stage.call("POST", "/sim/model/replies", Some(script)).await;
    assert_eq!(status, 200, "{answer}");
}

/// The stream's chunks, whether it ended with its mark, and whether the bytes broke off.
async fn streamed(stage: &Stage, extra: Value) -> (Vec<Value>, bool, bool) {
    let mut body = asked(extra);
    body["stream"] = json!(true);
    let mut answer = stage.request("POST", "/v1/chat/completions").json(&body).send().await.unwrap();
    assert!(answer.headers()["Content-Type"].to_str().unwrap().starts_with("text/event-stream"));
    let (mut bytes, mut broken) = (Vec::new(), false);
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    let chunks =
        data.clone().filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect();
    (chunks, data.last() == Some("[DONE]"), broken)
}

fn joined(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

#[actix_web::test]
async fn without_a_script_it_repeats_the_question() {
    let stage = Stage::new().await;
    let (status, answer) = stage.call("POST", "/v1/chat/completions", Some(asked(json!({})))).await;
    assert_eq!(status, 200);
    assert_eq!(answer["choices"][0]["message"]["content"], "You said: hello there");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert!(answer["usage"]["total_tokens"].as_u64() > Some(0));
    let (_, models) = stage.call("GET", "/v1/models", None).await;
    assert_eq!(models["data"][0]["id"], "test-model");
}

#[actix_web::test]
async fn a_stream_has_its_pieces_its_usage_and_its_end() {
    let stage = Stage::new().await;
    let (chunks, done, broken) = streamed(&stage, json!({"stream_options": {"include_usage": true}})).await;
    assert!(done && !broken);
    assert_eq!(joined(&chunks), "You said: hello there");
    let [.., finish, usage] = chunks.as_slice() else { panic!("{chunks:?}") };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["completion_tokens"].as_u64() > Some(0));
    let (plain, ..) = streamed(&stage, json!({})).await;
    assert!(plain.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[actix_web::test]
async fn a_script_calls_tools_only_when_they_are_offered() {
    let stage = Stage::new().await;
    let tools = json!({"tools": [{"type": "function", "function": {"name": "get_order", "parameters": {}}}]});
    let call =
        json!({"tool_calls": [{"id": "call_1", "name": "get_order", "arguments": {"order": "4711"}}], "times": 2});
    script(&stage, call).await;
    let (chunks, done, _) = streamed(&stage, tools.clone()).await;
    let arguments: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert!(done);
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({"order": "4711"}));
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    let (_, whole) = stage.call("POST", "/v1/chat/completions", Some(asked(tools))).await;
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"order":"4711"}"#);
    assert_eq!(message["content"], Value::Null);
    script(&stage, json!({"tool_calls": [{"name": "get_order"}]})).await;
    let (chunks, ..) = streamed(&stage, json!({})).await;
    assert!(chunks.iter().all(|chunk| chunk["choices"][0]["delta"].get("tool_calls").is_none()));
}

#[actix_web::test]
async fn scripts_answer_in_turn_and_may_fail() {
    let stage = Stage::new().await;
    script(
        &stage,
        json!([
        {"text": "first"}, {"status": 429, "retry_after": 1.5}, {"status": 502, "body": "<html></html>"},
        {"when": "nobody says this", "text": "never"},
        {"chunks": ["a ", {"text": "b", "delay_ms": 30}], "finish_reason": "length"}, {"raw": "data: {\"oops\"\n\n"}]),
    )
    .await;
    let whole = || stage.call("POST", "/v1/chat/completions", Some(asked(json!({}))));
    assert_eq!(whole().await.1["choices"][0]["message"]["content"], "first");
    let limited = stage.request("POST", "/v1/chat/completions").json(&asked(json!({}))).send().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["Retry-After"].to_str().unwrap()), (429, "1.5"));
    assert_eq!(limited.json::<Value>().await.unwrap()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(whole().await, (502, json!("<html></html>")));
    let (_, cut) = whole().await;
    assert_eq!(
        (&cut["choices"][0]["message"]["content"], &cut["choices"][0]["finish_reason"]),
        (&json!("a b"), &json!("length"))
    );
    assert_eq!(whole().await.1, json!("data: {\"oops\"\n\n"));
    assert_eq!(whole().await.1["choices"][0]["message"]["content"], "You said: hello there");
}

#[actix_web::test]
async fn a_stream_may_break_off() {
    let stage = Stage::new().await;
    script(&stage, json!({"text": "one two three four", "cut_after_chunks": 2})).await;
    let (chunks, done, broken) = streamed(&stage, json!({})).await;
    assert!(broken && !done);
    assert_eq!(joined(&chunks), "one two");
}

#[actix_web::test]
async fn bad_requests_and_keys_are_refused() {
    let stage = Stage::new().await;
    let (status, answer) = stage.call("POST", "/v1/chat/completions", Some(json!({"messages": []}))).await;
    assert_eq!((status, answer["error"]["type"].as_str()), (400, Some("invalid_request_error")));
    let unanswered = json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "call_9"}]}, {"role": "user", "content": "x"}]});
    let (status, answer) = stage.call("POST", "/v1/chat/completions", Some(asked(unanswered))).await;
    assert!(status == 400 && answer["error"]["message"].as_str().unwrap().contains("call_9"));
    stage.call("PUT", "/sim/model", Some(json!({"api_key": "secret"}))).await;
    let (status, answer) = stage.call("POST", "/v1/chat/completions", Some(asked(json!({})))).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (401, Some("invalid_api_key")));
}

/// The data of a stream's events as another protocol's client reads them, and whether the bytes broke off.
async fn events(answer: reqwest::Response) -> (Vec<Value>, bool) {
    let mut answer = answer;
    let (mut bytes, mut broken) = (Vec::new(), false);
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    (
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect(),
        broken,
    )
}

#[actix_web::test]
async fn the_second_protocol_streams_calls_and_breaks_off() {
    let stage = Stage::new().await;
    let body = |extra: Value| {
        let mut body = json!({"model": "m", "max_tokens": 9, "stream": true, "tools": [{"name": "get_order"}],
            "messages": [{"role": "user", "content": "hello there"}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let ask = |body: Value| {
        stage.request("POST", "/v1/messages").header("anthropic-version", "2023-06-01").json(&body).send()
    };
    let (seen, broken) = events(ask(body(json!({}))).await.unwrap()).await;
    let text: String = seen.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!((text.as_str(), broken), ("You said: hello there", false));
    let end = &seen[seen.len() - 2];
    assert_eq!((&end["type"], &end["delta"]["stop_reason"]), (&json!("message_delta"), &json!("end_turn")));
    script(
        &stage,
        json!([{"tool_calls": [{"name": "get_order", "arguments": {"order": "4711"}}]},
        {"text": "one two", "cut_after_chunks": 1}, {"status": 529}]),
    )
    .await;
    let (seen, _) = events(ask(body(json!({}))).await.unwrap()).await;
    let input: String = seen.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&input).unwrap(), json!({"order": "4711"}));
    let (seen, broken) = events(ask(body(json!({}))).await.unwrap()).await;
    assert!(broken && seen.iter().all(|event| event["type"] != "message_delta"));
    let overloaded = ask(body(json!({}))).await.unwrap();
    assert_eq!(
        (overloaded.status().as_u16(), overloaded.json::<Value>().await.unwrap()["error"]["type"].clone()),
        (529, json!("overloaded_error"))
    );
    let unanswered = json!({"messages": [{"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1"}]}, {"role": "user", "content": "y"}]});
    for bad in [unanswered, json!({"max_tokens": null}), json!({"messages": [{"role": "assistant", "content": "x"}]})] {
        assert_eq!(ask(body(bad.clone())).await.unwrap().status(), 400, "{bad}");
    }
    assert_eq!(stage.request("POST", "/v1/messages").json(&body(json!({}))).send().await.unwrap().status(), 400);
}

#[actix_web::test]
async fn the_third_protocol_streams_calls_and_breaks_off() {
    let stage = Stage::new().await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hello there"}]}],
        "tools": [{"functionDeclarations": [{"name": "get_order"}]}]});
    let ask = || stage.request("POST", "/v1beta/models/m:streamGenerateContent?alt=sse").json(&body).send();
    let (seen, broken) = events(ask().await.unwrap()).await;
    let part = |event: &Value| event["candidates"][0]["content"]["parts"][0].clone();
    let text: String = seen.iter().filter_map(|event| part(event)["text"].as_str().map(str::to_owned)).collect();
    assert_eq!((text.as_str(), broken), ("You said: hello there", false));
    assert_eq!(seen.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    script(
        &stage,
        json!([{"tool_calls": [{"name": "get_order", "arguments": {"order": "4711"}}]},
        {"text": "one two", "cut_after_chunks": 1}, {"status": 429, "retry_after": 2}]),
    )
    .await;
    let (seen, _) = events(ask().await.unwrap()).await;
    assert_eq!(part(&seen[0])["functionCall"]["args"], json!({"order": "4711"}));
    let (seen, broken) = events(ask().await.unwrap()).await;
    assert!(broken && seen.len() == 1 && seen[0]["candidates"][0].get("finishReason").is_none());
    let limited: Value = ask().await.unwrap().json().await.unwrap();
    assert_eq!(limited["error"]["details"][0]["retryDelay"], "2s");
    stage.call("PUT", "/sim/model", Some(json!({"api_key": "secret"}))).await;
    let refused: Value = ask().await.unwrap().json().await.unwrap();
    assert_eq!(refused["error"]["details"][0]["reason"], "API_KEY_INVALID");
}
