//! The process is killed while it embeds what was learned and what an agent knows, comes back, and finds it by its meaning,
//! with its tokens counted once; what was there before there was a model is embedded, too.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::process::await_some;
use crate::support::stage::{Stage, with_both_databases};

/// Around the model's answer and the keeping of it, and what the first answer cost that the crash may take with it.
const POINTS: [(&str, bool); 2] = [("embedding.embedded", true), ("embedding.put", false)];
/// More passages than are embedded at once, the last of which speaks of something else.
const PASSAGES: usize = 40;

/// Lets the gateway embed from its next start on.
fn configure(stage: &mut Stage) {
    let named = |key: &str, value: String| (format!("SWITCHBOARD__EMBEDDINGS__{key}"), value);
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

async fn teach(stage: &Stage) {
    let filler = "The quick brown fox jumps over the lazy dog. ".repeat(17);
    let mut sections = vec![format!("## Foxes\n\n{filler}"); PASSAGES - 1];
    sections.push("## Espresso\n\nWe serve espresso.".to_owned());
    let document = json!({"title": "House", "source": "house.md", "text": sections.join("\n\n")});
    let request = stage.ask(Method::POST, &format!("{}/documents", agent(stage).await));
    if let Ok(given) = request.header("idempotency-key", "house").json(&document).send().await {
        assert!(given.status().is_success(), "{given:?}");
    }
}

async fn agent(stage: &Stage) -> String {
    format!("/api/agents/{}", stage.read("/api/agents").await["items"][0]["id"].as_str().unwrap())
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

/// Waits until the agent knows by its meaning what it was taught.
async fn until_known(stage: &Stage) {
    let path = format!("{}/knowledge/search?q=expresso", agent(stage).await);
    await_some("what is meant to be known", || async {
        let found: Value = stage.read(&path).await;
        let first = found["items"][0]["text"].as_str().unwrap_or_default();
        if first.contains("espresso") && found["found_by"] == "words_and_meaning" {
            Ok(())
        } else {
            Err(found.to_string())
        }
    })
    .await;
}

/// Each request for embeddings that the model had, in tokens.
async fn asked(stage: &Stage) -> Vec<i64> {
    let seen: Value = stage.http.get(stage.vendor("/sim/model/requests")).send().await.unwrap().json().await.unwrap();
    let requests = seen["requests"].as_array().unwrap().iter().filter_map(|request| request["input"].as_array());
    let tokens = requests.map(|texts| texts.iter().map(|text| text.as_str().unwrap().len() / 4 + 1).sum::<usize>());
    tokens.map(|tokens| i64::try_from(tokens).unwrap()).collect()
}

/// All tokens that the model was asked for are counted, but for those of an answer that was lost.
async fn assert_counted(stage: &Stage, first_is_lost: bool) {
    let asked = asked(stage).await;
    let expected = asked.iter().skip(usize::from(first_is_lost)).sum::<i64>();
    let usage = stage.read("/api/usage?by=model").await;
    let model = usage["items"].as_array().unwrap().iter().find(|item| item["key"] == "test-model");
    let model = model.unwrap_or_else(|| panic!("nothing was counted: {usage}"));
    assert_eq!((&model["input_tokens"], &model["hosted_tokens"]), (&json!(expected), &json!(0)), "{asked:?}");
}

with_both_databases! {
    async fn killed_while_embedding(database) {
        for (point, first_is_lost) in POINTS {
            let mut stage = Stage::new(database).await;
            configure(&mut stage);
            let process = stage.start_armed(&format!("{point}=kill@1")).await;
            learn(&stage, "Likes espresso").await;
            process.crashed().await;
            let process = stage.start().await;
            learn(&stage, "Likes espresso").await;
            until_found(&stage, "expresso", "Likes espresso").await;
            assert_counted(&stage, first_is_lost).await;
            process.stop().await;
            stage.end().await;
        }
    }

    async fn killed_while_embedding_a_document(database) {
        for (point, first_is_lost) in POINTS {
            let mut stage = Stage::new(database).await;
            configure(&mut stage);
            let process = stage.start_armed(&format!("{point}=kill@1")).await;
            teach(&stage).await;
            process.crashed().await;
            let process = stage.start().await;
            teach(&stage).await;
            until_known(&stage).await;
            assert_counted(&stage, first_is_lost).await;
            process.stop().await;
            stage.end().await;
        }
    }

    async fn what_was_there_before_the_model_is_embedded_when_it_comes(database) {
        let mut stage = Stage::with(database, |setting| {
            setting.agent = "model = \"test-model\"\nbase_url = \"{simulator}\"".to_owned();
        })
        .await;
        let process = stage.start().await;
        learn(&stage, "Likes espresso").await;
        teach(&stage).await;
        process.stop().await;
        configure(&mut stage);
        let process = stage.start().await;
        until_found(&stage, "expresso", "Likes espresso").await;
        until_known(&stage).await;
        // The agent's model gets what it knows by its meaning.
        let said = json!({ "messages": [{ "role": "user", "content": "expresso" }] });
        let chat = stage.ask(Method::POST, &format!("{}/chat", agent(&stage).await)).json(&said).send().await.unwrap();
        assert_eq!(chat.status(), 200);
        let asked = stage.http.get(stage.vendor("/sim/model/requests")).send().await.unwrap();
        let asked: Value = asked.json().await.unwrap();
        let prompt = asked["requests"].as_array().unwrap().iter().rfind(|request| request["messages"].is_array());
        assert!(prompt.unwrap().to_string().contains("We serve espresso."), "{prompt:?}");
        process.stop().await;
        stage.end().await;
    }
}
