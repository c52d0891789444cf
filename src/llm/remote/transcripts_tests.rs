//! Every transcript of the wire, served over a real socket and, cut at many places, read from memory.

use serde_json::{Value, json};

use super::*;
use crate::llm::answer::Finish;
use crate::llm::prompt::{Role, Turn};
use crate::net::scripted_server::{Reply, ScriptedServer};
use crate::net::{Options, Trust};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/llm");
const PROTOCOLS: [(Protocol, &str, usize); 3] =
    [(Protocol::OpenAi, "openai", 55), (Protocol::Anthropic, "anthropic", 40), (Protocol::Gemini, "gemini", 30)];

/// Every transcript with its protocol, its expectation and its bytes.
fn cases() -> Vec<(Protocol, Value, Vec<u8>)> {
    let mut all = Vec::new();
    for (protocol, folder, count) in PROTOCOLS {
        let expected = std::fs::read(format!("{FOLDER}/{folder}/expected.json")).expect("the expectations");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        let cases = expected["cases"].as_array().expect("cases").clone();
        assert_eq!(cases.len(), count, "{folder}");
        all.extend(cases.into_iter().map(|case| {
            let file = case["file"].as_str().expect("a name");
            let bytes = std::fs::read(format!("{FOLDER}/{folder}/{file}")).expect(file);
            (protocol, case, bytes)
        }));
    }
    all
}

fn reader(protocol: Protocol) -> Reader {
    let model = RemoteModel::new(protocol, "test-model", Endpoint::new("http://localhost")).expect("a model");
    Reader::new(model.gather())
}

fn check(case: &Value, outcome: Result<Answer, ModelFailure>, streamed: &str) {
    let (file, expect) = (case["file"].as_str().expect("a name"), &case["expect"]);
    let refused = case["outcome"] == "refused";
    if let Some(text) = expect["text"].as_str() {
        assert_eq!(streamed, text, "{file}: what was handed out");
    }
    match (case["outcome"].as_str().expect("an outcome"), outcome) {
        ("complete", Err(failure)) if expect["text"] == "" => assert_eq!(failure.code, Code::EmptyAnswer, "{file}"),
        (_, Ok(answer)) if refused => assert_eq!(answer.finish, Finish::Filtered, "{file}"),
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
    let reason = expect["finish_reason"].as_str().or(expect["stop_reason"].as_str()).expect("a reason");
    let finish = match (reason, answer.refusal.is_some()) {
        ("length" | "max_tokens" | "model_context_window_exceeded" | "MAX_TOKENS", _) => Finish::Length,
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
            Ok(arguments) if call.id.is_empty() => json!({"name": call.name, "arguments": arguments}),
            Ok(arguments) => json!({"id": call.id, "name": call.name, "arguments": arguments}),
            Err(_) => json!({"id": call.id, "name": call.name, "arguments_error": true}),
        })
        .collect();
    let mut wanted = expect.get("tool_calls").cloned().unwrap_or(json!([]));
    if file == "function-calls-parallel.sse" {
        // The expectation leaves out the ids that this server gave.
        wanted.as_array_mut().expect("calls").iter_mut().zip(&calls).for_each(|(wanted, found)| {
            if found.get("id").is_some() {
                wanted["id"] = found["id"].clone();
            }
        });
    }
    assert_eq!(Value::Array(calls), wanted, "{file}");
}

fn check_failure(file: &str, wanted: &str, expect: &Value, failure: &ModelFailure) {
    use Code::{
        CutOff, NotFound, QuotaExhausted, RateLimited, RefusedRequest, Timeout, Unauthorised, Unavailable, Unreadable,
    };
    let code = failure.code;
    let fits = match wanted {
        "incomplete" => code == CutOff && failure.retryable,
        "error" => matches!(code, Unavailable | RateLimited | RefusedRequest | Unreadable),
        "config" => {
            matches!(code, Unauthorised | NotFound | QuotaExhausted | RefusedRequest)
                && !failure.retryable
                && code.needs_operator()
        }
        "too_long" => code == Code::ContextTooLong && !failure.retryable,
        "throttled" => code == RateLimited && failure.retryable,
        "transient" => matches!(code, Unavailable | Timeout) && failure.retryable,
        "permanent" => matches!(code, Unavailable | RefusedRequest) && !failure.retryable,
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
    for (protocol, case, bytes) in cases() {
        let file = case["file"].as_str().expect("a name");
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
        let model = RemoteModel::new(protocol, "test-model", endpoint).expect("a model");
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
        let hint = match (protocol, file) {
            (_, "http-429-rate.json") => Some(6_500),
            (Protocol::Anthropic, "http-429.json") => Some(12_000),
            (Protocol::Gemini, "http-429.json" | "http-429-array.json") => Some(21_500),
            _ => None,
        };
        if let Some(hint) = hint {
            let failure = outcome.as_ref().expect_err("throttled");
            assert_eq!(failure.retry_after, Some(Duration::from_millis(hint)), "{file}");
        }
        check(&case, outcome, &streamed);
    }
}

fn streams() -> impl Iterator<Item = (Protocol, Value, Vec<u8>)> {
    cases().into_iter().filter(|(_, case, _)| case["file"].as_str().is_some_and(|file| file.ends_with(".sse")))
}

#[test]
fn a_stream_that_is_cut_off_anywhere_is_never_taken_for_an_answer() {
    for (protocol, case, bytes) in streams() {
        let read = |bytes: &[u8]| {
            let mut reader = reader(protocol);
            reader.feed(bytes, &mut |_| {}).and_then(|_| reader.finish())
        };
        let Ok(whole) = read(&bytes) else { continue };
        for end in 0..bytes.len() {
            let Ok(cut) = read(&bytes[..end]) else { continue };
            let said = |answer: &Answer| (answer.text.clone(), answer.finish, answer.tool_calls.clone());
            assert_eq!(said(&cut), said(&whole), "{} cut at {end}", case["file"]);
        }
    }
}

#[test]
fn streams_are_read_alike_wherever_they_are_cut() {
    for (protocol, case, bytes) in streams() {
        for split in [1, 3, 7, 64] {
            let mut reader = reader(protocol);
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
    let mut reader = reader(Protocol::OpenAi);
    reader.feed(stream.as_bytes(), &mut |_| {}).expect("content");
    assert_eq!(reader.finish().expect("an answer").text, "a\u{fffd}\u{fffd}b");
}
