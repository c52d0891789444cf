//! Bodies made to hurt: signed ones of every bad shape, wrongly signed ones, and huge ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;
use switchboard::store::conversations::Which;

use crate::support::stage::{APP_SECRET, Database, NUMBER, Stage, run};

/// Hostile requests after which the memory must stand where it stood.
const MANY: usize = 2_000;
/// How much more may be resident after them, in kilobytes.
const GROWTH_KB: u64 = 48 * 1024;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("channels/tests/fixtures/whatsapp").join(folder)
}

fn signature(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Stage {
    async fn knock(&self, body: Vec<u8>, signature: String) -> (u16, Value) {
        let request = self.http.post(self.gateway("/api/webhooks/whatsapp"));
        let request = request.header("X-Hub-Signature-256", signature).header("Content-Type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// How many messages are stored, counted by a gateway that still runs.
    async fn stored(&self) -> i64 {
        let store = self.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let (conversations, _) = store.conversations(&workspace.id, &Which::default(), 10_000, 0).await.unwrap();
        conversations.iter().map(|conversation| conversation.state.last_seq).sum()
    }
}

/// Every hostile fixture with the status it must get and the number of its events.
fn cases() -> BTreeMap<String, (u16, u64)> {
    let text = std::fs::read_to_string(fixtures("hostile/cases.json")).unwrap();
    let cases: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let of =
        |case: &Value| (u16::try_from(case["answer"].as_u64().unwrap()).unwrap(), case["events"].as_u64().unwrap_or(0));
    cases.iter().map(|(name, case)| (name.clone(), of(case))).collect()
}

#[test]
fn every_hostile_body_gets_its_documented_status_and_is_answered_in_the_envelope() {
    run(async {
        let stage = Stage::new(Database::Sqlite).await;
        let process = stage.start().await;
        for (name, (expected, _)) in cases() {
            let body = std::fs::read(fixtures("hostile").join(&name)).unwrap();
            let signature = signature(&body, APP_SECRET);
            let (status, answer) = stage.knock(body, signature).await;
            assert_eq!(status, expected, "{name}: {answer}");
            if status >= 400 {
                let error = &answer["error"];
                let documented = ["code", "message", "request_id"].iter().all(|member| error[*member].is_string());
                assert!(documented, "{name}: {answer}");
            }
        }
        process.stop().await;
        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let (conversations, _) = store.conversations(&workspace.id, &Which::default(), 10_000, 0).await.unwrap();
        let mut batch = Vec::new();
        for conversation in &conversations {
            let messages = store.messages(&workspace.id, &conversation.state.id, Some(0), 10_000).await.unwrap();
            for (nth, message) in messages.iter().enumerate() {
                assert_eq!(message.seq, i64::try_from(nth).unwrap() + 1);
                assert!(!message.body.contains("BLANK") && !message.body.contains("by position"), "{message:?}");
            }
            batch.extend(messages.into_iter().map(|message| message.body));
        }
        let at_most: u64 = cases().values().map(|(_, events)| events).sum();
        assert!(batch.len() as u64 <= 2 * at_most, "{} messages of {at_most} events", batch.len());
        drop(store);
        stage.end().await;
    });
}

#[test]
fn a_thousand_messages_in_one_delivery_are_kept_in_order() {
    run(async {
        let stage = Stage::new(Database::Sqlite).await;
        let process = stage.start().await;
        let messages: Vec<_> =
            (0..1_000).map(|nth| json!({ "from": "491780000001", "text": format!("number {nth}") })).collect();
        stage.write(json!({ "messages": messages })).await;
        stage.books("messages=1&acknowledged=1").await;
        process.stop().await;
        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let (conversations, _) = store.conversations(&workspace.id, &Which::default(), 10, 0).await.unwrap();
        let messages = store.messages(&workspace.id, &conversations[0].state.id, Some(0), 10_000).await.unwrap();
        let read: Vec<_> = messages.iter().take(1_000).map(|message| message.body.clone()).collect();
        let expected: Vec<_> = (0..1_000).map(|nth| format!("number {nth}")).collect();
        assert_eq!(read, expected);
        drop(store);
        stage.end().await;
    });
}

#[test]
fn what_nobody_signed_is_turned_away_and_not_stored() {
    run(async {
        let stage = Stage::new(Database::Sqlite).await;
        let process = stage.start().await;
        for entry in std::fs::read_dir(fixtures("inbound")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".events.json") {
                continue;
            }
            let body = std::fs::read(&path).unwrap();
            let right = signature(&body, APP_SECRET);
            let bad = [
                signature(&body, "another secret"),
                String::new(),
                right.replace("sha256=", ""),
                right.replace("sha256", "sha1"),
            ];
            for signature in bad {
                let (status, answer) = stage.knock(body.clone(), signature).await;
                assert_eq!(status, 401, "{}: {answer}", path.display());
            }
        }
        process.stop().await;
        assert_eq!(stage.stored().await, 0);
        stage.end().await;
    });
}

#[test]
fn a_body_of_ten_megabytes_is_too_large_signed_or_not() {
    run(async {
        let stage = Stage::new(Database::Sqlite).await;
        let process = stage.start().await;
        let body = vec![b' '; 10 * 1024 * 1024];
        for signature in [signature(&body, APP_SECRET), signature(&body, "another secret")] {
            let (status, answer) = stage.knock(body.clone(), signature).await;
            assert_eq!(status, 413, "{answer}");
        }
        process.stop().await;
        assert_eq!(stage.stored().await, 0);
        stage.end().await;
    });
}

/// Sound deliveries with bytes changed, cut, doubled and inserted, and their signatures made good again.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let sound = json!({"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{
        "field": "messages", "value": {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
            "contacts": [{"profile": {"name": "Ana"}, "wa_id": "491790000001"}],
            "messages": [{"from": "491790000001", "id": "wamid.fuzz", "timestamp": "1788004270", "type": "text",
                "text": {"body": "hello"}}]}}]}]})
    .to_string()
    .into_bytes();
    let change = (0..sound.len(), any::<u8>(), 0..4_u8, 0..40_usize);
    proptest::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut body = sound.clone();
        for (at, byte, how, length) in changes {
            let at = at.min(body.len().saturating_sub(1));
            match how {
                0 => body[at] = byte,
                1 => drop(body.drain(at..(at + length).min(body.len()))),
                2 => body.insert(at, byte),
                _ => {
                    let piece = body[at..(at + length).min(body.len())].to_vec();
                    body.splice(at..at, piece);
                }
            }
            if body.is_empty() {
                body.push(byte);
            }
        }
        body
    })
}

#[test]
fn mangled_bodies_never_break_anything_and_memory_stays_flat() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::{Config, TestRunner};
    run(async {
        let stage = Stage::new(Database::Sqlite).await;
        let process = stage.start().await;
        let mut runner = TestRunner::new_with_rng(
            Config::default(),
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        );
        let hostile: Vec<_> =
            cases().keys().map(|name| std::fs::read(fixtures("hostile").join(name)).unwrap()).collect();
        let mut before = 0;
        for nth in 0..MANY {
            let body = match hostile.get(nth % (4 * hostile.len())) {
                Some(body) if body.len() < 100_000 => body.clone(),
                _ => mangled().new_tree(&mut runner).unwrap().current(),
            };
            let signature = signature(&body, APP_SECRET);
            let (status, answer) = stage.knock(body, signature).await;
            assert!(status < 500, "{status}: {answer}");
            if nth == MANY / 4 {
                before = process.resident_kb();
            }
        }
        let after = process.resident_kb();
        assert!(after <= before + GROWTH_KB, "{before} kB have become {after} kB");
        process.stop().await;
        stage.end().await;
    });
}
