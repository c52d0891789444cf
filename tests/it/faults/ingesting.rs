//! The process is killed around the reading of a document, comes back, and the agent knows it: once, and whole.

use reqwest::Method;
use serde_json::Value;

use crate::support::process::await_some;
use crate::support::stage::{Stage, with_both_databases};

/// Between the coming of a file and the end of its job.
const POINTS: [&str; 3] = ["jobs.start", "ingesting.read", "ingesting.kept"];

const TEXT: &str = "# Returns\n\nYou can return any kettle within 30 days.\n";

/// Hands the file in; a process that dies may take its answer with it.
async fn hand_in(stage: &Stage, path: &str) -> Option<Value> {
    let request = stage.ask(Method::POST, &format!("{path}?filename=returns.md")).header("idempotency-key", "returns");
    let answer = request.header("content-type", "text/markdown").body(TEXT).send().await.ok()?;
    assert!(answer.status().is_success(), "{answer:?}");
    answer.json().await.ok()
}

with_both_databases! {
    async fn killed_while_reading_a_document(database) {
        for point in POINTS {
            let stage = Stage::new(database).await;
            let process = stage.start_armed(&format!("{point}=kill@1")).await;
            let agents = stage.read("/api/agents").await;
            let path = format!("/api/agents/{}/documents", agents["items"][0]["id"].as_str().unwrap());
            hand_in(&stage, &path).await;
            process.crashed().await;
            let process = stage.start().await;
            // Said again under its key, it is the same document.
            let document = hand_in(&stage, &path).await.unwrap();
            let known = await_some("the document to be read", || async {
                let documents = stage.read(&path).await;
                let ready = documents["items"][0]["state"] == "ready";
                if ready { Ok(documents) } else { Err(documents.to_string()) }
            })
            .await;
            assert_eq!((&known["total"], &known["items"][0]["id"]), (&1.into(), &document["id"]), "{point}");
            let id = path.trim_end_matches("/documents");
            let found = stage.read(&format!("{id}/knowledge/search?q=kettle")).await;
            let found: Vec<_> = found["items"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
            assert_eq!(found.len(), 1, "{point}: {found:?}");
            assert!(found[0].contains("within 30 days"), "{point}: {found:?}");
            process.stop().await;
            stage.end().await;
        }
    }
}
