//! The process is killed while it embeds what was learned, comes back, and finds it by its meaning; what was learned before
//! there was a model is embedded, too.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::process::await_some;
use crate::support::stage::{Stage, with_both_databases};

/// Around the model's answer and the keeping of it.
const POINTS: [&str; 2] = ["embedding.embedded", "embedding.put"];

/// Lets the gateway embed from its next start on.
fn configure(stage: &mut Stage) {
    let named = |key: &str, value: String| (format!("SWITCHBOARD__MEMORY__EMBEDDINGS_{key}"), value);
    let address = named("URL", stage.simulator.base_url());
    stage.launch.environment.extend([address, named("MODEL", "test-model".to_owned())]);
}

async fn learn(stage: &Stage, text: &str) {
    let request = stage.ask(Method::POST, "/api/v1/memory").header("idempotency-key", text.replace(' ', "-"));
    // A process that dies may take its answer with it.
    if let Ok(made) = request.json(&json!({"text": text})).send().await {
        assert!(made.status().is_success(), "{made:?}");
    }
}

/// Waits until a question finds a text whose words are others.
async fn until_found(stage: &Stage, question: &str, text: &str) {
    await_some("what is meant to be found", || async {
        let found: Value = stage.read(&format!("/api/v1/memory/search?q={question}")).await;
        let results = found["data"]["results"].as_array().unwrap();
        if results.len() == 1 && results[0]["text"] == text { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

with_both_databases! {
    async fn killed_while_embedding(database) {
        for point in POINTS {
            let mut stage = Stage::new(database).await;
            configure(&mut stage);
            let process = stage.start_armed(&format!("{point}=kill@1")).await;
            learn(&stage, "Likes espresso").await;
            process.crashed().await;
            let process = stage.start().await;
            learn(&stage, "Likes espresso").await;
            until_found(&stage, "expresso", "Likes espresso").await;
            process.stop().await;
            stage.end().await;
        }
    }

    async fn what_was_there_before_the_model_is_embedded_when_it_comes(database) {
        let mut stage = Stage::new(database).await;
        let process = stage.start().await;
        learn(&stage, "Likes espresso").await;
        process.stop().await;
        configure(&mut stage);
        let process = stage.start().await;
        until_found(&stage, "expresso", "Likes espresso").await;
        process.stop().await;
        stage.end().await;
    }
}
