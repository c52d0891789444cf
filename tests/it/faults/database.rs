//! The database goes away, or the disk is full: nothing is acknowledged that is not kept, and afterwards all is well.

use rustix::process::{Resource, Rlimit, prlimit};

use crate::support::door::Door;
use crate::support::ledger::list;
use crate::support::process::{Process, await_some};
use crate::support::stage::{Database, Stage, postgres_address, run};

const CUSTOMERS: [&str; 3] = ["491750000001", "491750000002", "491750000003"];

async fn everybody_says(stage: &Stage, what: &str) {
    for from in CUSTOMERS {
        stage.say(from, &format!("{what} by {from}")).await;
    }
}

/// Waits until a delivery that was refused with 503 waits for its next try.
async fn refused_visibly(stage: &Stage) {
    await_some("a refusal", || async {
        let books = stage.books("").await;
        let refused = |delivery: &serde_json::Value| delivery["state"] == "pending" && delivery["status"] == 503;
        if list(&books["deliveries"]).iter().any(refused) { Ok(()) } else { Err(books["deliveries"].to_string()) }
    })
    .await;
}

#[test]
fn while_the_database_is_gone_nothing_is_acknowledged_and_afterwards_nothing_is_missing() {
    run(async {
        let server = postgres_address();
        let door = Door::to(std::slice::from_ref(&server)).await;
        let stage = Stage::with(Database::Postgres, |setting| {
            setting.door_to_database = Some(door.port);
            setting.environment.push(("SWITCHBOARD__STORE__ACQUIRE_TIMEOUT".to_owned(), "1s".to_owned()));
        })
        .await;
        let process = stage.start().await;
        everybody_says(&stage, "before").await;
        stage.settled().await;

        door.turn(&[]);
        everybody_says(&stage, "meanwhile").await;
        refused_visibly(&stage).await;
        let ready = stage.http.get(stage.gateway("/readyz")).send().await.unwrap();
        assert_eq!(ready.status(), 503);
        let alive = stage.http.get(stage.gateway("/healthz")).send().await.unwrap();
        assert_eq!(alive.status(), 200);

        door.turn(&[server]);
        stage.settled().await;
        everybody_says(&stage, "after").await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    });
}

/// Lets no file of the process grow beyond this.
fn room(process: &Process, bytes: Option<u64>) {
    prlimit(Some(process.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_with_room_nothing_is_missing() {
    run(async {
        let mut stage = Stage::new(Database::Sqlite).await;
        stage.launch.survives_full_files = true;
        let process = stage.start().await;
        everybody_says(&stage, "before").await;
        stage.settled().await;
        let log = format!("{}-wal", stage.database.trim_start_matches("sqlite:"));
        room(&process, Some(std::fs::metadata(&log).unwrap().len()));

        everybody_says(&stage, "while it is full").await;
        refused_visibly(&stage).await;
        room(&process, None);
        stage.settled().await;

        room(&process, Some(std::fs::metadata(&log).unwrap().len()));
        everybody_says(&stage, "while it is full again").await;
        refused_visibly(&stage).await;
        process.kill().await;
        let process = stage.start().await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    });
}
