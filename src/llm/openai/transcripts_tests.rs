//! Every transcript of the wire, served over a real socket and, cut at many places, read from memory.

use serde_json::{Value, json};

use super::*;
use crate::llm::answer::Finish;
use crate::llm::prompt::{Role, Turn};
use crate::net::scripted_server::{Reply, ScriptedServer};
use crate::net::{Options, Trust};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/llm/openai");

fn cases() -> Vec<Value> {
    let expected = std::fs::read(format!("{FOLDER}/expected.json")).expect("the expectations");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    let cases = expected["cases"].as_array().expect("cases").clone();
    assert_eq!(cases.len(), 55);
    cases
}

fn check(case: &Value, outcome: Result<Answer, ModelFailure>, streamed: &str) {
    let (file, expect) = (case["file"].as_str().expect("a name"), &case["expect"]);
    if let Some(text) = expect["text"].as_str() {
        assert_eq!(streamed, text, "{file}: what was handed out");
    }
    match (case["outcome"].as_str().expect("an outcome"), outcome) {
        ("complete", Ok(answer)) => check_answer(file, expect, &answer),
        ("tool_error", Ok(answer)) => {
            check_answer(file, expect, &answer);
            assert!(answer.tool_calls.iter().all(|call| call.arguments.is_err()), "{file}: {answer:?}");
        }
        ("tool_error", Err(failure)) => assert_eq!((failure.code, failure.retryable), (Code::CutOff, false), "{file}"),
        (wanted, Err(failure)) => {
            assert_eq!(failure.delivered_any, !streamed.is_empty(), "{file}: {failure:?}");
            check_failure(file, wanted, expect, &failure);
        }
        (wanted, Ok(answer)) => panic!("{file}: {wanted} taken for an answer: {answer:?}"),
    }
}

fn check_answer(file: &str, expect: &Value, answer: &Answer) {
    assert_eq!(answer.text, expect["text"].as_str().unwrap_or_default(), "{file}");
    assert_eq!(answer.refusal.as_deref(), expect["refusal"].as_str(), "{file}");
    let finish = match (expect["finish_reason"].as_str().expect("a reason"), answer.refusal.is_some()) {
        ("length", _) => Finish::Length,
        ("content_filter", _) | (_, true) => Finish::Filtered,
        _ => Finish::Complete,
    };
    assert_eq!(answer.finish, finish, "{file}");
    if let Some(usage) = expect.get("usage") {
        let found = answer.usage.expect(file);
        assert_eq!(json!({"input": found.input_tokens, "output": found.output_tokens}), *usage, "{file}");
    }
    let calls: Vec<Value> = answer
        .tool_calls
        .iter()
        .map(|call| match &call.arguments {
            Ok(arguments) => json!({"id": call.id, "name": call.name, "arguments": arguments}),
            Err(_) => json!({"id": call.id, "name": call.name, "arguments_error": true}),
        })
        .collect();
    assert_eq!(Value::Array(calls), expect.get("tool_calls").cloned().unwrap_or(json!([])), "{file}");
}

fn check_failure(file: &str, wanted: &str, expect: &Value, failure: &ModelFailure) {
    use Code::{CutOff, NotFound, QuotaExhausted, RateLimited, RefusedRequest, Unauthorised, Unavailable, Unreadable};
    let code = failure.code;
    let fits = match wanted {
        "incomplete" => code == CutOff && failure.retryable,
        "error" => matches!(code, Unavailable | RateLimited | RefusedRequest | Unreadable),
        "config" => {
            matches!(code, Unauthorised | NotFound | QuotaExhausted) && !failure.retryable && code.needs_operator()
        }
        "too_long" => code == Code::ContextTooLong && !failure.retryable,
        "throttled" => code == RateLimited && failure.retryable,
        "transient" => code == Unavailable && failure.retryable,
        "permanent" => code == Unavailable && !failure.retryable,
        _ => false,
    };
    assert!(fits, "{file}: wanted {wanted}, found {failure:?}");
    if let Some(retryable) = expect["error"]["retryable"].as_bool() {
        assert_eq!(failure.retryable, retryable, "{file}");
    }
    if let Some(message) = expect["error"]["message"].as_str() {
        assert!(failure.message.contains(message), "{file}: {failure:?}");
    }
}

#[tokio::test]
async fn every_transcript_is_judged_as_written() {
    let client = Client::new(Options::default(), Trust::Operator).expect("a client");
    for case in cases() {
        let file = case["file"].as_str().expect("a name");
        let bytes = std::fs::read(format!("{FOLDER}/{file}")).expect(file);
        let status = case["http_status"].as_u64().expect("a status");
        let headers: String = case["headers"]
            .as_object()
            .expect("headers")
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", value.as_str().expect("text")))
            .collect();
        let head = Reply::head(u16::try_from(status).expect("small"), &headers);
        let server = ScriptedServer::start(vec![Reply::Close([head, bytes].concat())]).await;
        let endpoint = Endpoint { retries: 0, ..Endpoint::new(server.address.clone()) };
        let model = OpenAiModel::new("test-model", endpoint).expect("a model");
        let turns = vec![Turn { role: Role::User, text: "Hi".into() }];
        let mut streamed = String::new();
        let exchange = Exchange {
            limits: &Limits::default(),
            end: Instant::now() + Duration::from_secs(60),
            cancel: &CancellationToken::new(),
        };
        let prompt = Prompt { turns, ..Prompt::default() };
        let layout = Layout::new(&prompt, None);
        let outcome = model.ask(&client, &layout, exchange, &mut |delta| streamed.push_str(delta)).await;
        if file == "http-429-rate.json" {
            let failure = outcome.as_ref().expect_err("throttled");
            assert_eq!(failure.retry_after, Some(Duration::from_millis(6_500)));
        }
        check(&case, outcome, &streamed);
    }
}

#[test]
fn streams_are_read_alike_wherever_they_are_cut() {
    for case in cases() {
        let file = case["file"].as_str().expect("a name");
        if !file.ends_with(".sse") {
            continue;
        }
        let bytes = std::fs::read(format!("{FOLDER}/{file}")).expect(file);
        for split in [1, 3, 7, 64] {
            let mut reader = Reader::default();
            let mut streamed = String::new();
            let mut outcome = Ok(Progress::Idle);
            for piece in bytes.chunks(split) {
                outcome = reader.feed(piece, &mut |delta| streamed.push_str(delta));
                if !matches!(outcome, Ok(Progress::Idle | Progress::Content)) {
                    break;
                }
            }
            let delivered_any = reader.delivered_any();
            let outcome = outcome.and_then(|_| reader.finish());
            check(&case, outcome.map_err(|failure| ModelFailure { delivered_any, ..failure }), &streamed);
        }
    }
}

#[test]
fn a_character_split_over_two_events_is_lost_but_not_the_answer() {
    let stream = concat!(
        r#"data: {"choices":[{"delta":{"content":"a\ud83d"}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{"content":"\udc4db"},"finish_reason":"stop"}]}"#,
        "\n\n",
    );
    let mut reader = Reader::default();
    reader.feed(stream.as_bytes(), &mut |_| {}).expect("content");
    assert_eq!(reader.finish().expect("an answer").text, "a\u{fffd}\u{fffd}b");
}
