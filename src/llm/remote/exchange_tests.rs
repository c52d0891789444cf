//! Whole questions to a scripted server: retries, time limits, cut connections, withdrawal.

use super::*;
use crate::llm::prompt::{Passage, Role, Turn};
use crate::net::scripted_server::{Reply, ScriptedServer};
use crate::net::{Options, Trust};
use switchboard_channels::contract::credentials::Secret;

const EVENTS: &str = "content-type: text/event-stream\r\nx-request-id: req-1\r\n";

fn chunk(text: &str) -> String {
    format!("data: {}\n\n", serde_json::json!({"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}}]}))
}

fn end() -> String {
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n".to_owned()
}

fn events(text: &str) -> Vec<u8> {
    [Reply::head(200, EVENTS), text.as_bytes().to_vec()].concat()
}

fn good() -> Reply {
    Reply::Close(events(&(chunk("Hello") + &end())))
}

fn status(status: u16, head: &str, body: &str) -> Reply {
    Reply::whole(status, &format!("content-type: application/json\r\n{head}"), body.as_bytes())
}

fn prompt(limits: Limits) -> Prompt {
    Prompt { turns: vec![Turn { role: Role::User, text: "Hi".into() }], limits, ..Prompt::default() }
}

struct Asked {
    outcome: Result<Answer, ModelFailure>,
    streamed: String,
    server: ScriptedServer,
}

async fn ask(replies: Vec<Reply>, prompt: &Prompt) -> Asked {
    let server = ScriptedServer::start(replies).await;
    let client = Client::new(Options::default(), Trust::Operator).expect("a client");
    let endpoint = Endpoint {
        api_key: Some(Secret::new("sk-s3cr3t")),
        organization: Some("org-1".into()),
        retry_wait: Duration::from_millis(4),
        ..Endpoint::new(server.address.clone())
    };
    let model = RemoteModel::new(Protocol::OpenAi, "m", endpoint).expect("a model");
    let mut streamed = String::new();
    let cancel = CancellationToken::new();
    let outcome = model.answer(&client, prompt, &mut |delta| streamed.push_str(delta), &cancel).await;
    Asked { outcome, streamed, server }
}

#[tokio::test]
async fn an_answer_names_its_model_its_request_and_its_sources() {
    let mut prompt = prompt(Limits::default());
    let passage = |text: &str| Passage { title: "T".into(), text: text.into(), source: "t.md".into(), score: 1.0 };
    prompt.passages = vec![passage("one"), passage("two")];
    let asked = ask(vec![good()], &prompt).await;
    let answer = asked.outcome.expect("an answer");
    assert_eq!((answer.text.as_str(), asked.streamed.as_str()), ("Hello", "Hello"));
    assert_eq!((answer.model.as_str(), answer.request_id.as_deref()), ("m-1", Some("req-1")));
    assert_eq!(answer.sources.len(), 1);
    let request = asked.server.requests.lock().expect("unpoisoned")[0].clone();
    for part in [
        "POST /v1/chat/completions ",
        "uthorization: Bearer sk-s3cr3t",
        "openai-organization: org-1",
        "\"stream\":true",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
}

#[tokio::test]
async fn passing_failures_are_asked_again_while_nothing_was_delivered() {
    let cut = Reply::Close(events(&chunk("Hel")));
    let silent_cut = Reply::Close(events(": ping\n\n"));
    let empty = Reply::Close(events(&end()));
    let unavailable = || status(503, "", "{}");
    let quota = status(429, "", r#"{"error":{"type":"insufficient_quota"}}"#);
    let too_long = || status(400, "", r#"{"error":{"code":"context_length_exceeded"}}"#);
    let cases = vec![
        ("twice down", vec![unavailable(), unavailable(), good()], Ok(()), 3),
        ("down for good", vec![unavailable(), unavailable(), unavailable(), good()], Err(Code::Unavailable), 3),
        ("throttled", vec![status(429, "retry-after-ms: 3\r\n", "{}"), good()], Ok(()), 2),
        ("throttled long", vec![status(429, "retry-after: 121\r\n", "{}"), good()], Err(Code::RateLimited), 1),
        (
            "throttled beyond the end",
            vec![status(429, "retry-after: 100\r\n", "{}"), good()],
            Err(Code::RateLimited),
            1,
        ),
        ("no credit", vec![quota, good()], Err(Code::QuotaExhausted), 1),
        ("told not to", vec![status(500, "x-should-retry: false\r\n", "{}"), good()], Err(Code::Unavailable), 1),
        ("told to", vec![status(400, "x-should-retry: true\r\n", "{}"), good()], Ok(()), 2),
        ("cut before content", vec![silent_cut, good()], Ok(()), 2),
        ("cut within content", vec![cut, good()], Err(Code::CutOff), 1),
        ("closed at once", vec![Reply::Close(vec![]), good()], Ok(()), 2),
        ("empty once", vec![empty.clone(), good()], Ok(()), 2),
        ("empty twice", vec![empty.clone(), empty, good()], Err(Code::EmptyAnswer), 2),
        ("too long once", vec![too_long(), good()], Ok(()), 2),
        ("too long twice", vec![too_long(), too_long(), good()], Err(Code::ContextTooLong), 2),
    ];
    let limits = Limits { whole: Duration::from_secs(60), ..Limits::default() };
    for (name, replies, expected, requests) in cases {
        let asked = ask(replies, &prompt(limits)).await;
        let failure = asked.outcome.as_ref().err();
        assert_eq!(failure.map(|failure| failure.code), expected.err(), "{name}: {failure:?}");
        assert_eq!(failure.is_some_and(|failure| failure.delivered_any), name == "cut within content", "{name}");
        assert_eq!(asked.server.count(), requests, "{name}");
        assert!(!format!("{failure:?}").contains("s3cr3t"), "{name}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_shortened_once() {
    let mut prompt = prompt(Limits::default());
    prompt.turns.insert(0, Turn { role: Role::User, text: "old ".repeat(200) });
    let too_long = status(400, "", r#"{"error":{"code":"context_length_exceeded"}}"#);
    let asked = ask(vec![too_long, good()], &prompt).await;
    asked.outcome.expect("an answer");
    let requests = asked.server.requests.lock().expect("unpoisoned");
    assert!(requests[0].contains("old old") && !requests[1].contains("old old"));
}

#[tokio::test]
async fn servers_that_stall_are_left() {
    let short = Duration::from_millis(200);
    let long = Duration::from_secs(60);
    let content = events(&chunk("Hel"));
    let cases = [
        ("no head", vec![], Limits { first_byte: short, idle: long, whole: long, ..Limits::default() }, false),
        (
            "no content",
            events(": ping\n\n"),
            Limits { idle: short, first_byte: long, whole: long, ..Limits::default() },
            false,
        ),
        (
            "no more content",
            content.clone(),
            Limits { idle: short, first_byte: long, whole: long, ..Limits::default() },
            true,
        ),
        (
            "no end",
            content,
            Limits { whole: Duration::from_secs(1), first_byte: long, idle: long, ..Limits::default() },
            true,
        ),
    ];
    for (name, bytes, limits, delivered) in cases {
        let replies = (0..3).map(|_| Reply::Hang(bytes.clone())).collect();
        let mut asked = ask(replies, &prompt(limits)).await;
        let failure = asked.outcome.expect_err(name);
        assert_eq!((failure.code, failure.delivered_any), (Code::Timeout, delivered), "{name}: {failure:?}");
        asked.server.gone.recv().await.expect("the connection is closed");
    }
}

#[tokio::test]
async fn an_answer_that_is_done_does_not_wait_for_its_end_mark() {
    let finished = chunk("Hello") + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let cut = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n".to_vec();
    let replies = [
        Reply::Hang(events(&finished)),
        Reply::Hang(events(&(finished.clone() + "data: [DONE]\n\n"))),
        Reply::Close([cut, finished.into_bytes()].concat()),
    ];
    for reply in replies {
        let limits = Limits { idle: Duration::from_millis(500), ..Limits::default() };
        let asked = ask(vec![reply], &prompt(limits)).await;
        assert_eq!(asked.outcome.expect("an answer").text, "Hello");
    }
}

#[tokio::test]
async fn a_withdrawn_question_closes_the_connection() {
    let mut server = ScriptedServer::start(vec![Reply::Hang(events(&chunk("Hel")))]).await;
    let client = Client::new(Options::default(), Trust::Operator).expect("a client");
    let model = RemoteModel::new(Protocol::OpenAi, "m", Endpoint::new(server.address.clone())).expect("a model");
    let cancel = CancellationToken::new();
    let question = prompt(Limits::default());
    let failure = model.answer(&client, &question, &mut |_| cancel.cancel(), &cancel).await.expect_err("withdrawn");
    assert_eq!((failure.code, failure.delivered_any), (Code::Cancelled, true));
    server.gone.recv().await.expect("the connection is closed");
}

#[tokio::test]
async fn a_server_out_of_reach_is_unavailable() {
    let address =
        tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("its address");
    let client = Client::new(Options::default(), Trust::Operator).expect("a client");
    let endpoint = Endpoint { retry_wait: Duration::from_millis(1), ..Endpoint::new(format!("http://{address}")) };
    let model = RemoteModel::new(Protocol::OpenAi, "m", endpoint).expect("a model");
    let question = prompt(Limits::default());
    let outcome = model.answer(&client, &question, &mut |_| {}, &CancellationToken::new()).await;
    assert_eq!(outcome.expect_err("nobody is there").code, Code::Unavailable);
}
