//! The process is killed around a webhook delivery: every event is told at least once, and always under the same id.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::support::process::await_some;
use crate::support::receiver::Receiver;
use crate::support::stage::{Database, Stage, with_both_databases};

/// Lets the process die at this point while it tells of what three customers wrote, and be started again.
async fn survive(database: Database, point: &str) {
    let receiver = Receiver::start().await;
    let stage = Stage::new(database).await;
    let process = stage.start().await;
    let body = json!({ "url": receiver.url, "events": ["message.received"] });
    let made = stage.ask(reqwest::Method::POST, "/api/webhook-endpoints").json(&body).send().await.unwrap();
    assert_eq!(made.status(), 201);
    process.stop().await;
    let process = stage.start_armed(&format!("{point}=kill@2")).await;
    for round in 0..2 {
        for from in ["491720000001", "491720000002", "491720000003"] {
            stage.say(from, &format!("{round} of {from}")).await;
        }
    }
    process.crashed().await;
    let process = stage.start().await;
    stage.settled().await;
    let told = await_some("every event to be told", || async {
        let mut told: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for one in receiver.received() {
            told.entry(one.json()["sequence"].as_i64().unwrap()).or_default().insert(one.id().to_owned());
        }
        if told.len() == 6 { Ok(told) } else { Err(format!("{told:?}")) }
    })
    .await;
    for (seq, ids) in told {
        assert_eq!(ids.len(), 1, "event {seq} is told under {ids:?}");
    }
    process.stop().await;
    stage.end().await;
}

with_both_databases! {
    async fn killed_before_events_become_deliveries(database) {
        survive(database, "webhooks.expand.before").await;
    }

    async fn killed_between_telling_and_remembering(database) {
        survive(database, "webhooks.post.after").await;
    }

    async fn killed_before_telling(database) {
        survive(database, "webhooks.post.before").await;
    }
}
