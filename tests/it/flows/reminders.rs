//! Reminders: told once and at their time, whatever becomes of the process meanwhile.

use serde_json::{Value, json};

use crate::support::process::await_some;
use crate::support::stage::{Database, Stage, free_port, run, with_both_databases};

/// Makes a task that is reminded of so many milliseconds from now; gives its id and the time.
pub async fn make(stage: &Stage, title: &str, in_ms: i64) -> (String, i64) {
    let at = switchboard::telemetry::clock::Clock::default().now() + in_ms;
    let request = stage.ask(reqwest::Method::POST, "/api/v1/tasks").json(&json!({ "title": title, "remind_at": at }));
    let made: Value = request.send().await.unwrap().json().await.unwrap();
    (made["data"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned(), at)
}

/// The titles of what was told, in order.
pub async fn told(stage: &Stage) -> Vec<Value> {
    let events = stage.read("/api/events?limit=500").await;
    let events = events["events"].as_array().unwrap();
    events.iter().filter(|event| event["event"] == "reminder.triggered").map(|event| event["data"].clone()).collect()
}

/// Waits until so many reminders were told.
pub async fn until_told(stage: &Stage, count: usize) {
    await_some("reminders to be told", || async {
        let told = told(stage).await;
        if told.len() >= count { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
}

async fn assert_once(stage: &Stage, expected: &[&str]) {
    let told = told(stage).await;
    let mut titles: Vec<_> = told.iter().map(|data| data["task"]["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    assert_eq!(titles, expected);
    for data in &told {
        let reminder = &data["reminder"];
        assert!(reminder["at"].as_i64() >= reminder["remind_at"].as_i64(), "{data}");
    }
}

with_both_databases! {
    async fn a_reminder_outlives_the_process(database) {
        let stage = Stage::new(database).await;
        let process = stage.start().await;
        make(&stage, "before", 200).await;
        until_told(&stage, 1).await;
        make(&stage, "meanwhile", 400).await;
        let (moved, at) = make(&stage, "moved", 60_000).await;
        let change = stage.ask(reqwest::Method::PATCH, &format!("/api/v1/tasks/{moved}")).json(&json!({"remind_at": at - 57_000}));
        assert_eq!(change.send().await.unwrap().status(), 200);
        process.stop().await;
        let process = stage.start().await;
        until_told(&stage, 3).await;
        process.kill().await;
        let process = stage.start().await;
        make(&stage, "then", 100).await;
        until_told(&stage, 4).await;
        assert_once(&stage, &["before", "meanwhile", "moved", "then"]).await;
        process.stop().await;
        stage.end().await;
    }
}

#[test]
fn another_node_tells_what_a_dead_one_had_to() {
    run(async {
        let mut stage = Stage::new(Database::Postgres).await;
        let (first, second) = (stage.port, free_port());
        let mut other = stage.launch.clone();
        for argument in &mut other.arguments {
            *argument = argument.replace(&format!("127.0.0.1:{first}"), &format!("127.0.0.1:{second}"));
        }
        let process = stage.start().await;
        let other = other.start().await;
        make(&stage, "told by the first", 200).await;
        until_told(&stage, 1).await;
        make(&stage, "told by the second", 1_000).await;
        process.kill().await;
        stage.port = second;
        until_told(&stage, 2).await;
        assert_once(&stage, &["told by the first", "told by the second"]).await;
        other.stop().await;
        stage.end().await;
    });
}
