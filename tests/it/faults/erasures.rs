//! The process is killed in the middle of an erasure, comes back, and nothing of the person is left.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::process::await_some;
use crate::support::schema::texts_with;
use crate::support::stage::{Database, Stage, with_both_databases};

const OWNER_KEY: &str = "sb_tests_owner_0123456789abcdef0123456789";
const MARK: &str = "zanzibar";
const PHONE: &str = "491700000001";
const OTHER: &str = "491700000002";
/// The transactions of an erasure at which each life of the process ends, counted from the life's first one.
const LIVES: [&[usize]; 7] = [&[1], &[2], &[6], &[12], &[20], &[30], &[2, 2, 2]];

/// Lets the process die at these transactions of an erasure, life for life.
async fn survive(database: Database, lives: &[usize]) {
    let stage = Stage::with(database, |setting| {
        setting.channels = format!(
            "[[workspaces.api_keys]]\nname = \"owner\"\nkey = \"{OWNER_KEY}\"\nscopes = [\"own\", \"manage\", \"read\"]\n"
        );
        setting.environment.push(("SWITCHBOARD__PRIVACY__SETTLE".to_owned(), "0".to_owned()));
    })
    .await;
    let process = stage.start().await;
    stage.say(PHONE, &format!("I am {MARK}")).await;
    let picture = base64::engine::general_purpose::STANDARD.encode(format!("\u{89}PNG {MARK}"));
    let image = json!({ "data_base64": picture, "mime_type": "image/png", "caption": MARK });
    stage.write(json!({ "from": PHONE, "type": "image", "image": image })).await;
    stage.say(OTHER, "I am somebody else").await;
    stage.settled().await;
    let contact = stage.conversations_with(PHONE).await[0]["contact"]["id"].as_str().unwrap().to_owned();
    process.stop().await;

    let owner = |path: &str, method| stage.http.request(method, stage.gateway(path)).bearer_auth(OWNER_KEY);
    for (life, passage) in lives.iter().enumerate() {
        let process = stage.start_armed(&format!("erasing.step=kill@{passage}")).await;
        if life == 0 {
            let path = format!("/api/contacts/{contact}/erasure");
            // The process may die before it has answered.
            let _ = owner(&path, reqwest::Method::POST).send().await;
        }
        process.crashed().await;
    }
    let process = stage.start().await;
    let receipt: Value = await_some("the receipt", || async {
        let all: Value = owner("/api/erasures", reqwest::Method::GET).send().await.unwrap().json().await.unwrap();
        let receipt = all["items"][0].clone();
        if receipt["state"] == "done" { Ok(receipt) } else { Err(all.to_string()) }
    })
    .await;
    assert_eq!(receipt["erased"]["contacts"], 1, "{receipt}");
    assert_eq!(stage.conversations_with(OTHER).await.len(), 1, "somebody else stays");
    process.stop().await;
    assert_eq!(texts_with(&stage.database, &[MARK, PHONE]).await, [], "killed at {lives:?}");
    let files = stage.launch.folder.join("data/files");
    for folder in std::fs::read_dir(files).into_iter().flatten().map(Result::unwrap) {
        let kept: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(kept.is_empty(), "bytes are left: {kept:?}");
    }
    stage.end().await;
}

with_both_databases! {
    async fn killed_while_a_person_is_erased(database) {
        for lives in LIVES {
            survive(database, lives).await;
        }
    }
}
