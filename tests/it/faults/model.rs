//! The model is down: the customer gets one polite answer, the workspace an event, and the next question is answered.

use serde_json::json;

use crate::support::stage::{Database, Stage, run};

const FALLBACK: &str = "We will come back to you.";

#[test]
fn a_model_that_fails_in_any_way_leaves_nobody_without_an_answer() {
    run(fails_in_any_way("test-model"));
}

#[test]
fn a_model_of_the_second_protocol_that_fails_in_any_way() {
    run(fails_in_any_way("anthropic/test-model"));
}

#[test]
fn a_model_of_the_third_protocol_that_fails_in_any_way() {
    run(fails_in_any_way("gemini/test-model"));
}

async fn fails_in_any_way(model: &str) {
    let stage = Stage::with(Database::Sqlite, |setting| {
        setting.agent = format!(
            "model = \"{model}\"\nbase_url = \"{{simulator}}\"\nfallback_message = \"{FALLBACK}\"\n\
                 turn_timeout_ms = 3000\nbreaker_failures = 100"
        );
    })
    .await;
    stage
        .replies(json!([
            { "when": "broken", "status": 500, "times": 100 },
            { "when": "busy", "status": 429, "retry_after": 1, "times": 100 },
            { "when": "cut", "chunks": ["Half an ", "answer"], "cut_after_chunks": 1, "times": 100 },
            { "when": "hang", "delay_ms": 600_000, "times": 100 },
            { "when": "nonsense", "status": 200, "body": "<html>", "times": 100 },
            { "when": "silent", "text": "", "times": 100 },
        ]))
        .await;
    let process = stage.start().await;
    let troubles = ["broken", "busy", "cut", "hang", "nonsense", "silent"];
    let customers: Vec<_> = (1..=troubles.len()).map(|nth| format!("49176000000{nth}")).collect();
    for (from, trouble) in customers.iter().zip(troubles) {
        stage.say(from, trouble).await;
    }
    stage.settled().await;

    let forgotten = stage.http.delete(stage.vendor("/sim/model")).send().await.unwrap();
    assert!(forgotten.status().is_success());
    for from in &customers {
        stage.say(from, "better?").await;
    }
    stage.settled().await;
    process.stop().await;
    stage.assert_whole(false).await;

    let answers = stage.answers(&stage.books("").await).await;
    for from in &customers {
        assert_eq!(answers[from], [FALLBACK, "You said: better?"], "{from}");
    }
    let store = stage.open().await;
    let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
    let events = store.events(&workspace.id, 0, 10_000).await.unwrap();
    let failed: Vec<_> = events.iter().filter(|event| event.kind == "agent.failed").collect();
    assert_eq!(failed.len(), troubles.len(), "{failed:#?}");
    drop(store);
    stage.end().await;
}
