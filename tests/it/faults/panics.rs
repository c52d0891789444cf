//! A step panics: nothing is lost, everything is answered once, and what keeps dying stands aside visibly.

use crate::support::process::await_some;
use crate::support::stage::{Database, Stage, run};

async fn survive(points: &str) {
    let stage = Stage::new(Database::Sqlite).await;
    let process = stage.start_armed(points).await;
    for round in 1..=4 {
        for from in ["491730000001", "491730000002", "491730000003"] {
            stage.say(from, &format!("{from} says {round}")).await;
        }
    }
    stage.settled().await;
    process.stop().await;
    stage.assert_whole(true).await;
    stage.end().await;
}

#[test]
fn a_panic_in_a_conversation_loses_nothing() {
    run(async {
        survive("conversation.receive=panic@2").await;
        survive("conversation.finish_turn=panic@2").await;
    });
}

#[test]
fn a_panic_in_an_agent_loses_nothing() {
    run(survive("agent.turn=panic@2"));
}

#[test]
fn a_panic_in_a_job_loses_nothing() {
    run(async {
        survive("jobs.start=panic@2").await;
        survive("sending.before_post=panic@2;answering.answered=panic@1;downloading.fetched=panic@1").await;
    });
}

#[test]
fn a_conversation_that_keeps_dying_stands_aside_and_the_others_go_on() {
    run(async {
        let stage = Stage::new(Database::Sqlite).await;
        let process = stage.start_armed("conversation.receive=panic@1-5").await;
        stage.say("491740000001", "poison").await;
        let waited = || async {
            let held = stage.metric("switchboard_conversations_quarantined", "").await;
            if held >= 1.0 { Ok(()) } else { Err(format!("{held} in quarantine")) }
        };
        await_some("the quarantine", waited).await;
        stage.books("acknowledged=1").await;
        let written = std::mem::take(&mut *stage.written.lock().unwrap());
        stage.say("491740000002", "and I?").await;
        stage.settled().await;
        process.stop().await;

        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let dead = switchboard::domain::deliveries::DeliveryOutcome::DeadLetter;
        let (dead, _) = store.deliveries(&workspace.id, Some(dead), 10, 0).await.unwrap();
        assert_eq!(dead.len(), 1, "what could not be handled is kept");
        assert!(dead[0].raw.body.contains(&written[0].id), "{}", dead[0].raw.body);
        drop(store);
        stage.end().await;
    });
}
