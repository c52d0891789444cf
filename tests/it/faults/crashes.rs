//! The process is killed at every step between two durable points, comes back, and owes nobody anything.

use base64::Engine as _;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use switchboard::telemetry::clock::Clock;
use switchboard_simulator::Account;

use crate::support::ledger::list;
use crate::support::line::{Line, on_every_line};
use crate::support::process::await_some;
use crate::support::stage::{Database, Stage, with_both_databases};

/// Cases that run at once in one test.
const AT_ONCE: usize = 2;
const ANA: &str = "491700000001";
/// The vendor's id of a second number.
const OTHER: &str = "206540352242922";

/// Three customers write four messages each: alone, together in one delivery, and with a picture.
async fn load(stage: &Stage) {
    let customers = ["491700000001", "491700000002", "491700000003"];
    for from in customers {
        stage.say(from, &format!("first of {from}")).await;
    }
    for round in ["second", "third"] {
        let together: Vec<_> =
            customers.iter().map(|from| json!({ "from": from, "text": format!("{round} of {from}") })).collect();
        stage.write(json!({ "messages": together, "entries": 2 })).await;
    }
    for from in customers {
        let picture = base64::engine::general_purpose::STANDARD.encode(b"\x89PNG a picture");
        let image = json!({ "data_base64": picture, "mime_type": "image/png", "caption": format!("last of {from}") });
        stage.write(json!({ "from": from, "type": "image", "image": image })).await;
    }
}

/// The same load on every line: three customers write three texts each.
async fn texts(stage: &Stage) {
    for round in ["first", "second", "third"] {
        for from in ["491700000001", "491700000002", "491700000003"] {
            stage.say(from, &format!("{round} of {from}")).await;
        }
    }
}

/// One life after the other, each with its crash points, and a last one that settles everything.
async fn survive(database: Database, lives: &[String], faults: Value) {
    survive_on(Line::Whatsapp, database, lives, faults).await;
}

/// The same on any line.
async fn survive_on(line: Line, database: Database, lives: &[String], faults: Value) {
    let stage = Stage::of(line, database, |_| {}).await;
    stage.faults(faults).await;
    for (life, points) in lives.iter().enumerate() {
        let process = stage.start_armed(points).await;
        if life == 0 {
            if line == Line::Whatsapp { load(&stage).await } else { texts(&stage).await }
        }
        process.crashed().await;
    }
    let process = stage.start().await;
    stage.settled().await;
    process.stop().await;
    stage.assert_whole(true).await;
    stage.end().await;
}

/// Each point alone, at its first and at its second passage.
async fn each(database: Database, points: &[&str]) {
    each_on(Line::Whatsapp, database, points).await;
}

/// The same on any line.
async fn each_on(line: Line, database: Database, points: &[&str]) {
    let cases = points.iter().flat_map(|point| [1, 2].map(|nth| vec![format!("{point}=kill@{nth}")]));
    let cases: Vec<_> = cases.collect();
    let running = cases.iter().map(|lives| async move {
        survive_on(line, database, lives, json!([])).await;
    });
    futures_util::stream::iter(running).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

with_both_databases! {
    async fn killed_while_receiving(database) {
        each(database, &["receiving.parsed", "receiving.pending", "receiving.handed", "conversation.receive"]).await;
    }

    async fn killed_while_committing(database) {
        each(database, &["store.commit.before", "store.commit.after"]).await;
    }

    async fn killed_while_answering(database) {
        let points = [
            "jobs.start",
            "answering.begun",
            "agent.turn",
            "answering.answered",
            "conversation.finish_turn",
            "answering.finished",
        ];
        each(database, &points).await;
    }

    async fn killed_while_sending_or_downloading(database) {
        each(database, &["sending.before_post", "sending.after_post", "downloading.fetched"]).await;
    }

    async fn killed_again_while_taking_over(database) {
        let lives = ["sending.before_post=kill@1", "jobs.adopted=kill@1"].map(str::to_owned);
        survive(database, &lives, json!([])).await;
    }

    async fn killed_between_doubt_and_waiting(database) {
        let lost = json!([{ "match": { "kind": "send" }, "action": "cut_after", "times": 1 }]);
        survive(database, &["sending.doubted=kill@1".to_owned()], lost).await;
    }

    async fn killed_before_and_after_a_wait_is_written_down(database) {
        let busy = json!([{ "match": { "kind": "send" }, "action": { "status": { "code": 130_429 } }, "times": 2 }]);
        survive(database, &["jobs.put_off.before=kill@1".to_owned()], busy.clone()).await;
        survive(database, &["jobs.put_off.after=kill@1".to_owned()], busy).await;
    }
}

/// Two messages are held for a customer who wrote a day ago; this ends the process when they write again.
async fn release(database: Database, points: &str) {
    let stage = Stage::new(database).await;
    let process = stage.start().await;
    let yesterday = Clock::default().now() - 25 * 60 * 60 * 1_000;
    stage.writes(&json!({ "from": ANA, "text": "Hello", "timestamp_ms": yesterday })).await;
    await_some("the end of the turn", || async {
        let (messages, jobs) = (stage.messages_with(ANA).await, stage.metric("switchboard_jobs", "").await);
        if messages.len() == 1 && jobs == 0.0 { Ok(()) } else { Err(format!("{messages:?}, {jobs} jobs")) }
    })
    .await;
    for text in ["one", "two"] {
        let held = say(&stage, &json!({ "body": text, "on_window_closed": "queue" })).await;
        assert_eq!(held["held"], true, "{held}");
    }
    process.stop().await;

    let process = stage.start_armed(points).await;
    stage.say(ANA, "I am back").await;
    process.crashed().await;
    let process = stage.start().await;
    stage.settled().await;
    let messages = stage.messages_with(ANA).await;
    process.stop().await;
    let books = stage.books("").await;
    let texts: Vec<_> = list(&books["messages"]).iter().map(|sent| sent["text"].clone()).collect();
    assert_eq!(texts, ["one", "two", "I am back"], "in order, once, and before the answer");
    let left = |message: &&Value| message["direction"] == "outbound" && message["provider_id"].is_string();
    assert_eq!(messages.iter().filter(left).count(), 3, "{messages:#?}");
    assert!(messages.iter().all(|message| message["held"].is_null()), "{messages:#?}");
    stage.assert_counted().await;
    stage.end().await;
}

/// A message that no receipt confirms is said over the customer's other channel; this ends the process meanwhile.
async fn fall_back(database: Database, points: &str) {
    let account = Account::default();
    let other = format!(
        "model = \"builtin/echo\"\n[[workspaces.channels]]\nname = \"other\"\nkind = \"whatsapp\"\n\
         agent = \"Echo\"\nphone_number_id = \"{OTHER}\"\nwaba_id = \"{}\"\naccess_token = \"{}\"\n\
         app_secret = \"{}\"\nverify_token = \"{}\"\nbase_url = \"{{simulator}}\"\n",
        account.waba_id, account.access_token, account.app_secret, account.verify_token
    );
    let stage = Stage::with(database, |setting| setting.agent = other).await;
    let callback = json!({ "callback_url": stage.gateway("/api/webhooks/whatsapp") });
    let put = stage.http.put(stage.vendor(&format!("/sim/accounts/{OTHER}"))).json(&callback).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
    stage.account(json!({ "receipts": "none" })).await;
    let process = stage.start_armed(points).await;
    stage.say(ANA, "Hello").await;
    stage.settled().await;
    let here = stage.conversations_with(ANA).await.remove(0)["id"].clone();
    let there = stage.vendor(&format!("/sim/whatsapp/{OTHER}/inbound"));
    let written = stage.http.post(there).json(&json!({ "from": ANA, "text": "Hello there" })).send().await.unwrap();
    assert!(written.status().is_success());
    await_some("one person", || async {
        let contacts = stage.read("/api/contacts").await;
        let merged = contacts["total"] == 1 && !list(&contacts["items"][0]["merged_ids"]).is_empty();
        let answered = list(&books_of(&stage, OTHER).await["messages"]).len() == 1;
        if merged && answered { Ok(()) } else { Err(contacts.to_string()) }
    })
    .await;
    let path = format!("/api/conversations/{}/messages", here.as_str().unwrap());
    let wish = json!({ "body": "The gate is B7.", "fallback_after": 1, "author": { "kind": "system" } });
    let said = stage.ask(reqwest::Method::POST, &path).json(&wish).send().await.unwrap();
    assert_eq!(said.status(), 201);
    process.crashed().await;

    let process = stage.start().await;
    await_some("the fallback", || async {
        let messages = list(&stage.read(&path).await["messages"]);
        let replaced = messages.iter().any(|message| message["replaced_by"].is_string());
        let jobs = stage.metric("switchboard_jobs", "").await;
        if replaced && jobs == 0.0 { Ok(()) } else { Err(format!("{messages:?}, {jobs} jobs")) }
    })
    .await;
    process.stop().await;
    for number in [OTHER, &account.phone_number_id] {
        let books = books_of(&stage, number).await;
        let sent = list(&books["messages"]).iter().filter(|sent| sent["text"] == "The gate is B7.").count();
        assert_eq!(sent, 1, "{number}");
    }
    stage.assert_counted().await;
    stage.end().await;
}

async fn books_of(stage: &Stage, number: &str) -> Value {
    stage.http.get(stage.vendor(&format!("/sim/books/{number}"))).send().await.unwrap().json().await.unwrap()
}

/// Says something to Ana for a program.
async fn say(stage: &Stage, what: &Value) -> Value {
    let mut wish = what.clone();
    wish["author"] = json!({ "kind": "system" });
    let conversation = stage.conversations_with(ANA).await.remove(0);
    let path = format!("/api/conversations/{}/messages", conversation["id"].as_str().unwrap());
    stage.ask(reqwest::Method::POST, &path).json(&wish).send().await.unwrap().json().await.unwrap()
}

with_both_databases! {
    async fn killed_while_what_was_held_leaves(database) {
        let points = ["store.commit.before", "store.commit.after", "sending.before_post", "sending.after_post"];
        for point in points {
            release(database, &format!("{point}=kill@1")).await;
        }
        release(database, "sending.after_post=kill@2").await;
    }

    async fn killed_while_a_message_is_said_elsewhere(database) {
        for point in ["falling_back.found", "falling_back.said"] {
            fall_back(database, &format!("{point}=kill@1")).await;
        }
    }
}

/// A turn with tools dies at this point, at its first and at its second passage, and comes back.
async fn survive_acting(database: Database, point: &str) {
    for nth in [1, 2] {
        let stage = Stage::with(database, |setting| {
            setting.agent =
                "model = \"test-model\"\nbase_url = \"{simulator}\"\ntools = [\"create_contact\"]".to_owned();
        })
        .await;
        let contact = |name: &str| json!({ "name": "create_contact", "arguments": { "name": name } });
        let calls = json!({ "tool_calls": [contact("Jane"), contact("John")], "when": "\"create_contact\"" });
        // The rest of the script echoes what the tools have answered.
        stage.replies(json!([calls])).await;
        let process = stage.start_armed(&format!("{point}=kill@{nth}")).await;
        stage.say("491700000001", "add them").await;
        process.crashed().await;
        let process = stage.start().await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(false).await;
        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        for name in ["Jane", "John"] {
            let made = store.persons_like(&workspace.id, name, 10).await.unwrap();
            assert_eq!(made.len(), 1, "{name} after {point}@{nth}");
        }
        drop(store);
        stage.end().await;
    }
}

/// Turns of a model die where they are counted, at the first and at the second passage, and come back.
async fn survive_counting(database: Database, point: &str) {
    for nth in [1, 2] {
        let stage = Stage::with(database, |setting| {
            setting.agent = "model = \"test-model\"\nbase_url = \"{simulator}\"".to_owned();
        })
        .await;
        let process = stage.start_armed(&format!("{point}=kill@{nth}")).await;
        for from in ["491700000001", "491700000002"] {
            stage.say(from, "hello").await;
        }
        process.crashed().await;
        let process = stage.start().await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(false).await;
        stage.end().await;
    }
}

with_both_databases! {
    async fn killed_after_a_wish_was_written_down(database) {
        survive_acting(database, "agent.acted").await;
    }

    async fn killed_after_a_wish_was_counted(database) {
        survive_acting(database, "traces.commit.after").await;
    }

    async fn killed_while_a_turn_is_counted(database) {
        for point in ["traces.commit.before", "traces.commit.after"] {
            survive_counting(database, point).await;
        }
    }
}

/// Where a message is on its way in, where its answer is on its way out, and where nobody knows whether it has left.
const EVERYWHERE: [&str; 3] = ["receiving.parsed", "sending.before_post", "sending.after_post"];

on_every_line! {
    async fn killed_on_a_line_with_a_file(line) {
        each_on(line, Database::Sqlite, &EVERYWHERE).await;
    }

    async fn killed_on_a_line_with_a_server(line) {
        each_on(line, Database::Postgres, &["sending.after_post"]).await;
    }
}
