//! The door with a real client at the other end: what a visitor gets, and what nobody gets.

mod client;
mod live;
mod rig;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::Options;
use crate::actors::hub::Sight;
use crate::domain::conversations::{Amendment, Owner};
use client::Client;
use rig::Rig;

#[actix_web::test]
async fn a_visitor_writes_and_is_answered() {
    let rig = Rig::start(Options::default()).await;
    let visit = rig.visit().await;
    let mut line = Client::connect(&rig, None).await;
    line.hello(&visit.token, 0).await;
    let welcome = line.expect("welcome").await;
    assert_eq!(welcome["conversation_id"], Value::Null);
    assert_eq!(welcome["agent"], json!({"name": "Echo"}));
    assert_eq!((&welcome["last_seq"], &welcome["heartbeat_ms"]), (&json!(0), &json!(25_000)));

    line.say("one", "Hello").await;
    let mut kinds = Vec::new();
    let mut turn = Value::Null;
    loop {
        let frame = line.next().await;
        match frame["type"].as_str().unwrap() {
            "message" if frame["message"]["direction"] == "inbound" => {
                assert_eq!(frame["client_id"], "one");
                assert_eq!(frame["message"]["status"], "sent");
                assert_eq!(frame["message"]["content"], json!({"type": "text", "text": "Hello"}));
                assert_eq!(frame["message"].get("provider_id"), None);
                kinds.push("own");
            }
            "message" => {
                assert_eq!(frame["message"]["body"], "Hello");
                assert_eq!(frame["message"]["author"]["kind"], "agent");
                kinds.push("answer");
            }
            "delta" => {
                assert_eq!((&frame["turn"], &frame["text"]), (&turn, &json!("Hello")));
                kinds.push("delta");
            }
            "turn" if frame["state"] == "started" => {
                turn = frame["turn"].clone();
                kinds.push("started");
            }
            "turn" => {
                assert_eq!((&frame["turn"], &frame["state"]), (&turn, &json!("ended")));
                kinds.push("ended");
                break;
            }
            other => panic!("{other}"),
        }
    }
    // A piece that is overtaken by the whole answer is left out.
    kinds.retain(|kind| *kind != "delta");
    assert_eq!(kinds, ["own", "started", "answer", "ended"]);
    let mut again = Client::connect(&rig, None).await;
    again.hello(&visit.token, 1).await;
    let welcome = again.expect("welcome").await;
    assert!(welcome["conversation_id"].is_string());
    assert_eq!(welcome["last_seq"], 2);
    assert_eq!(again.expect("message").await["message"]["seq"], 2);
}

#[actix_web::test]
async fn the_history_is_the_last_two_hundred_and_since_is_everything_missed() {
    let rig = Rig::start(Options { burst: 1_000, ..Options::default() }).await;
    let visit = rig.visit().await;
    for index in 0..205 {
        rig.says(&visit, &format!("c{index}"), "x").await;
    }
    let last = rig.settle(&visit).await;
    for (since, first) in [(0, last - 199), (3, 4), (last, last + 1), (last + 50, last + 1)] {
        let mut line = Client::connect(&rig, None).await;
        line.hello(&visit.token, since).await;
        assert_eq!(line.expect("welcome").await["last_seq"], last);
        for seq in first..=last {
            assert_eq!(line.expect("message").await["message"]["seq"], seq);
        }
        line.send(&json!({"type": "ping"})).await;
        line.expect("pong").await;
    }
}

#[actix_web::test]
async fn a_repeated_client_id_is_stored_once_and_answered_each_time() {
    let rig = Rig::start(Options::default()).await;
    let visit = rig.visit().await;
    let mut line = Client::open(&rig, &visit, 0).await;
    line.say("same", "Once").await;
    let first = line.own("same").await;
    line.say("same", "Once").await;
    assert_eq!(line.own("same").await, first);
    let mut other = Client::open(&rig, &visit, 1_000).await;
    other.say("same", "Once").await;
    assert_eq!(other.own("same").await, first);
    rig.settle(&visit).await;
    assert_eq!(rig.own_texts(&visit).await, ["Once"]);
}

#[actix_web::test]
async fn two_lines_of_one_visitor_see_the_same_and_strangers_see_nothing() {
    let rig = Rig::start(Options::default()).await;
    let (visit, stranger) = (rig.visit().await, rig.visit().await);
    let mut one = Client::open(&rig, &visit, 0).await;
    let mut two = Client::open(&rig, &visit, 0).await;
    let mut three = Client::open(&rig, &stranger, 0).await;
    one.say("a", "From one").await;
    for line in [&mut one, &mut two] {
        assert_eq!(line.own("a").await["body"], "From one");
        assert_eq!(line.expect_message("outbound").await["seq"], 2);
    }
    three.send(&json!({"type": "ping"})).await;
    assert_eq!(three.next().await["type"], "pong");
}

#[actix_web::test]
async fn a_line_opens_for_a_good_token_from_an_allowed_page_only() {
    let rig = Rig::start(Options::default()).await;
    let visit = rig.visit().await;
    let elsewhere = rig.widget(&["https://shop.example"]).await;
    let there = rig.switchboard.open_visit(&elsewhere, None, None).await.unwrap();
    let forged = format!("{}x", visit.token);
    for (token, origin, code) in [
        (visit.token.as_str(), None, None),
        (visit.token.as_str(), Some("https://anything.example"), None),
        ("", None, Some("INVALID_TOKEN")),
        ("nonsense", None, Some("INVALID_TOKEN")),
        (forged.as_str(), None, Some("INVALID_TOKEN")),
        (there.token.as_str(), Some("https://shop.example"), None),
        (there.token.as_str(), Some("https://SHOP.example"), None),
        (there.token.as_str(), Some("https://shop.example.evil"), Some("ORIGIN_NOT_ALLOWED")),
        (there.token.as_str(), Some("http://shop.example"), Some("ORIGIN_NOT_ALLOWED")),
        (there.token.as_str(), None, Some("ORIGIN_NOT_ALLOWED")),
    ] {
        let mut line = Client::connect(&rig, origin).await;
        line.hello(token, 0).await;
        match code {
            None => drop(line.expect("welcome").await),
            Some(code) => {
                assert_eq!(line.expect("error").await["code"], code, "{token} {origin:?}");
                assert_eq!(line.closed().await, 1008);
            }
        }
    }
    rig.switchboard.store.clock().advance(40 * 24 * 60 * 60 * 1_000);
    let mut late = Client::connect(&rig, None).await;
    late.hello(&visit.token, 0).await;
    assert_eq!(late.expect("error").await["code"], "INVALID_TOKEN");
}

#[actix_web::test]
async fn broken_frames_close_the_line_and_foreign_ones_do_not() {
    let rig = Rig::start(Options::default()).await;
    let visit = rig.visit().await;
    let text = |text: &str| Frame::text(text.to_owned());
    for (frame, error, close) in [
        (Frame::binary(vec![1, 2, 3]), None, Some(1003)),
        (text("{"), Some("INVALID_FRAME"), Some(1007)),
        (text(&"a".repeat(64 * 1024 + 1)), None, Some(1009)),
        (text(r#"{"type":"dance"}"#), Some("INVALID_FRAME"), None),
        (text(r#"{"type":"hello","token":""}"#), Some("INVALID_FRAME"), None),
        (text(r#"{"type":"send","client_id":"a","content":{"type":"image"}}"#), Some("INVALID_FRAME"), None),
        (
            text(r#"{"type":"send","client_id":"a:b","content":{"type":"text","text":"x"}}"#),
            Some("INVALID_FRAME"),
            None,
        ),
        (
            text(r#"{"type":"send","client_id":"a","content":{"type":"text","text":" "}}"#),
            Some("INVALID_MESSAGE"),
            None,
        ),
    ] {
        let mut line = Client::open(&rig, &visit, 0).await;
        line.send_raw(frame).await;
        if let Some(code) = error {
            assert_eq!(line.expect("error").await["code"], code);
        }
        match close {
            Some(code) => assert_eq!(line.closed().await, code),
            None => {
                line.send(&json!({"type": "ping"})).await;
                line.expect("pong").await;
            }
        }
    }
    let mut early = Client::connect(&rig, None).await;
    early.say("a", "No hello yet").await;
    assert_eq!(early.expect("error").await["code"], "NOT_OPEN");
    assert_eq!(early.closed().await, 1008);
    assert!(rig.own_texts(&visit).await.is_empty());
}

#[actix_web::test]
async fn who_says_nothing_is_let_go() {
    let soon = Duration::from_millis(50);
    let rig = Rig::start(Options { hello_within: soon, heartbeat: soon, silence: soon, ..Options::default() }).await;
    let mut mute = Client::connect(&rig, None).await;
    assert!([1001, 1008].contains(&mute.closed().await));
    let rig = Rig::start(Options { heartbeat: soon, silence: soon * 20, ..Options::default() }).await;
    let visit = rig.visit().await;
    let mut line = Client::open(&rig, &visit, 0).await;
    // A client that answers pings stays, for longer than the silence that would end it.
    assert!(line.answers_pings(40).await);
}

#[actix_web::test]
async fn too_many_messages_at_once_are_refused_and_not_stored() {
    let rig = Rig::start(Options { burst: 3, rate: 0, ..Options::default() }).await;
    let visit = rig.visit().await;
    let mut line = Client::open(&rig, &visit, 0).await;
    for index in 0..4 {
        line.say(&format!("c{index}"), &format!("Number {index}")).await;
    }
    let refused = line.expect("error").await;
    assert_eq!((&refused["code"], &refused["client_id"]), (&json!("RATE_LIMITED"), &json!("c3")));
    assert_eq!(rig.own_texts(&visit).await, ["Number 0", "Number 1", "Number 2"]);
}

#[actix_web::test]
async fn what_the_hub_missed_is_read_from_the_store() {
    let rig = Rig::start_deaf(Options::default()).await;
    let visit = rig.visit().await;
    let mut line = Client::open(&rig, &visit, 0).await;
    // The end of the turn is told, though none of its messages are: they come first all the same.
    rig.says(&visit, "a", "One").await;
    for seq in 1..=2 {
        assert_eq!(line.expect("message").await["message"]["seq"], seq);
    }
    assert_eq!(line.expect("turn").await["state"], "ended");
    // A person speaks: nothing is told but that something was missed.
    let id = rig.switchboard.conversation_to_visit(&visit.visitor).await.unwrap();
    rig.switchboard.conversations.amend(&id, Amendment::Assign(Owner::Nobody)).await.unwrap();
    rig.says(&visit, "b", "Two").await;
    rig.says(&visit, "c", "Three").await;
    rig.switchboard.hub.show(&id, &Sight::Resync);
    for (client_id, seq) in [("b", 3), ("c", 4)] {
        assert_eq!(line.own(client_id).await["seq"], seq);
    }
    // Own words are acknowledged without being told, and what came before them is not left out.
    rig.says(&visit, "d", "Four").await;
    line.say("e", "Five").await;
    for (client_id, seq) in [("d", 5), ("e", 6)] {
        assert_eq!(line.own(client_id).await["seq"], seq);
    }
}

#[actix_web::test]
async fn what_a_visitor_has_seen_is_marked_as_read() {
    let rig = Rig::start(Options::default()).await;
    let visit = rig.visit().await;
    rig.says(&visit, "a", "Hello").await;
    let last = rig.settle(&visit).await;
    let mut line = Client::open(&rig, &visit, 0).await;
    let answer = line.expect_message("outbound").await;
    line.send(&json!({"type": "seen", "seq": last + 1_000})).await;
    let status = line.expect("status").await;
    assert_eq!((&status["id"], &status["status"]), (&answer["id"], &json!("read")));
    line.send(&json!({"type": "seen", "seq": last})).await;
    line.send(&json!({"type": "ping"})).await;
    line.expect("pong").await;
}

#[actix_web::test]
async fn a_choice_is_kept_with_what_it_answers() {
    let rig = Rig::start(Options::default()).await;
    let visit = rig.visit().await;
    let mut line = Client::open(&rig, &visit, 0).await;
    let content = json!({"type": "choice", "id": "pm", "title": "Afternoon"});
    line.send(&json!({"type": "send", "client_id": "a", "content": content, "reply_to": "question"})).await;
    let own = line.own("a").await;
    assert_eq!((&own["content"], &own["reply_to"], &own["body"]), (&content, &json!("question"), &json!("Afternoon")));
}

/// Sends numbered texts over a line that breaks wherever `breaks` says: 1 before the acknowledgement is awaited,
/// 2 after it. What is not acknowledged is sent again, as the widget does.
async fn send_over_a_breaking_line(breaks: Vec<u8>) {
    let rig = Rig::start(Options { burst: 1_000, ..Options::default() }).await;
    let visit = rig.visit().await;
    let mut line = Client::open(&rig, &visit, 0).await;
    let mut seen = 0;
    for (index, how) in breaks.iter().enumerate() {
        let (id, text) = (format!("c{index}"), format!("Number {index}"));
        line.say(&id, &text).await;
        if *how == 1 {
            drop(line);
            line = Client::open(&rig, &visit, seen).await;
            line.say(&id, &text).await;
        }
        seen = line.own(&id).await["seq"].as_i64().unwrap();
        if *how == 2 {
            drop(line);
            line = Client::open(&rig, &visit, seen).await;
        }
    }
    let expected: Vec<String> = (0..breaks.len()).map(|index| format!("Number {index}")).collect();
    assert_eq!(rig.own_texts(&visit).await, expected);
    rig.settle(&visit).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_breaking_line_loses_and_repeats_nothing(breaks in prop::collection::vec(0_u8..3, 1..25)) {
        actix_web::rt::System::new().block_on(send_over_a_breaking_line(breaks));
    }
}
