//! The vendor misbehaves: answers get lost, calls are refused, webhooks come twice, late and in any order.

use serde_json::{Value, json};

use crate::support::ledger::list;
use crate::support::line::{Line, on_every_line};
use crate::support::stage::{Database, Stage, run};

/// Three customers write three messages each while these rules hold, and everything must come out even.
async fn endure(line: Line, rules: Value) -> (Stage, Value) {
    let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
    stage.faults(rules).await;
    let process = stage.start().await;
    for round in 1..=3 {
        for from in ["491720000001", "491720000002", "491720000003"] {
            stage.say(from, &format!("{from} says {round}")).await;
        }
    }
    stage.settled().await;
    process.stop().await;
    stage.assert_whole(true).await;
    let books = stage.books("").await;
    (stage, books)
}

/// A promise for each way in which a vendor misbehaves, on every line.
macro_rules! endured {
    ($($name:ident: |$line:ident| $rules:tt)+) => {
        on_every_line! {
            $(
                async fn $name($line) {
                    let (stage, _) = endure($line, json!($rules)).await;
                    stage.end().await;
                }
            )+
        }
    };
}

endured! {
    a_refused_call_is_made_again_in_order: |line|
        [{ "match": { "kind": "send" }, "action": { "status": line.busy() }, "times": 3 }]
    a_vendor_that_is_down_is_asked_again: |line|
        [{ "match": { "kind": "send" }, "action": { "status": line.down() }, "times": 2 }]
    a_slow_vendor_is_waited_for: |_line|
        [{ "match": { "kind": "send" }, "action": { "latency_ms": 400 } }]
    an_answer_that_drips_is_read: |_line|
        [{ "match": { "kind": "send" }, "action": { "slow_body": { "bytes": 8, "every_ms": 10 } } }]
    a_call_that_never_left_is_made_again_once: |_line|
        [{ "match": { "kind": "send" }, "action": "cut_before", "times": 2 }]
    a_call_whose_answer_was_lost_is_not_made_again: |_line|
        [{ "match": { "kind": "send" }, "action": "cut_after", "times": 3 }]
    receipts_may_come_before_the_answer: |_line|
        [{ "match": { "kind": "send" }, "action": "receipts_before_answer" }]
    webhooks_may_come_three_times: |_line|
        [{ "action": { "duplicate_webhooks": 2 } }]
    webhooks_may_overtake_each_other: |_line|
        [{ "action": { "reorder_webhooks": 300 }, "probability": 0.7, "seed": 7 },
         { "action": { "duplicate_webhooks": 1 }, "probability": 0.5, "seed": 9 }]
    receipts_may_be_late: |_line|
        [{ "match": { "kind": "receipts" }, "action": { "delay_receipts": 1_500 } }]
    receipts_may_never_come: |_line|
        [{ "match": { "kind": "receipts" }, "action": "drop_receipts" }]
}

/// What only one vendor does.
macro_rules! endured_on {
    ($($line:ident $name:ident: $rules:tt)+) => {
        $(
            #[test]
            fn $name() {
                run(async {
                    let (stage, _) = endure(Line::$line, json!($rules)).await;
                    stage.end().await;
                });
            }
        )+
    };
}

endured_on! {
    Whatsapp a_broken_vendor_is_asked_again:
        [{ "match": { "kind": "send" }, "action": { "status": { "code": 131_000, "http": 500 } }, "times": 2 }]
    Whatsapp a_busy_vendor_is_given_its_time:
        [{ "match": { "kind": "send" }, "action": { "status": { "http": 429, "code": 80_007, "retry_after": 1 } }, "times": 2 }]
}

#[test]
fn a_message_whose_answer_was_lost_is_recognised_by_its_receipt() {
    run(async {
        let (stage, books) =
            endure(Line::Whatsapp, json!([{ "match": { "kind": "send" }, "action": "cut_after", "times": 3 }])).await;
        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let events = store.events(&workspace.id, 0, 10_000).await.unwrap();
        let uncertain = events.iter().filter(|event| event.data.contains("\"uncertain\"")).count();
        assert!(uncertain >= 3, "the doubt was visible: {uncertain}");
        assert!(list(&books["messages"]).len() >= 3);
        drop(store);
        stage.end().await;
    });
}
