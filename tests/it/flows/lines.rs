//! What holds on every line alike: an answer for each message, once and in order, however often the vendor knocks.

use serde_json::json;

use crate::support::ledger::list;
use crate::support::line::{Line, on_every_line};
use crate::support::process::await_some;
use crate::support::stage::{Database, Stage};

const ANA: &str = "491830000001";
const BEN: &str = "491830000002";

on_every_line! {
    async fn a_message_is_answered_once_and_its_answer_comes_as_far_as_the_vendor_tells(line) {
        let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
        let process = stage.start().await;
        stage.say(ANA, "Hello").await;
        stage.settled().await;
        await_some("the receipts", || async {
            let messages = stage.messages_with(ANA).await;
            let status = messages.last().map(|answer| answer["status"].clone()).unwrap_or_default();
            if messages.len() == 2 && status == line.comes_to().as_str() { Ok(()) } else { Err(json!(messages).to_string()) }
        })
        .await;
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    }

    async fn what_the_vendor_delivers_again_is_a_duplicate(line) {
        let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
        // Receipts and echoes of a send that is known to have gone out are duplicates, too: they are kept out of the count.
        stage
            .faults(json!([
                { "match": { "kind": "inbound" }, "action": { "duplicate_webhooks": 2 } },
                { "match": { "kind": "receipts" }, "action": "drop_receipts" },
            ]))
            .await;
        if matches!(line, Line::Instagram | Line::Messenger) {
            stage.account(json!({ "echoes": false })).await;
        }
        let process = stage.start().await;
        stage.say(ANA, "Hello").await;
        stage.settled().await;
        await_some("the duplicates", || async {
            let books = stage.books("").await;
            let deliveries = list(&books["deliveries"]);
            let came = deliveries.iter().filter(|one| one["kind"] == "inbound" && one["state"] == "acknowledged").count();
            let duplicates = stage.read("/api/deliveries?outcome=duplicate&limit=10").await;
            if came == 3 && duplicates["total"] == 2 { Ok(()) } else { Err(format!("{came}, {duplicates}")) }
        })
        .await;
        process.stop().await;
        stage.assert_whole(true).await;
        assert_eq!(list(&stage.books("").await["messages"]).len(), 1);
        stage.end().await;
    }

    async fn a_burst_is_answered_in_order(line) {
        let stage = Stage::of(line, Database::Sqlite, |setting| setting.parallel = 1).await;
        let process = stage.start().await;
        for nth in 1..=6 {
            for from in [ANA, BEN] {
                stage.say(from, &format!("{nth} of {from}")).await;
            }
        }
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(true).await;
        let answers = stage.answers(&stage.books("").await).await;
        for from in [ANA, BEN] {
            let said: Vec<_> = answers[from].iter().flat_map(|text| text.lines()).collect();
            let heard: Vec<_> = (1..=6).map(|nth| format!("{nth} of {from}")).collect();
            assert_eq!(said, heard);
        }
        stage.end().await;
    }

    async fn a_delivery_with_a_wrong_signature_is_refused_and_stores_nothing(line) {
        let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
        let process = stage.start().await;
        // From now on the vendor signs with another secret.
        stage.account(json!({ (line.signing_key()): "0f".repeat(16) })).await;
        stage.writes(&json!({ "from": line.address(ANA), "text": "Hello" })).await;
        await_some("a refusal", || async {
            let books = stage.books("tries=1").await;
            let status = &list(&books["deliveries"])[0]["status"];
            if *status == 401 || *status == 403 { Ok(()) } else { Err(books["deliveries"].to_string()) }
        })
        .await;
        assert_eq!(stage.read("/api/conversations").await["total"], 0);
        assert_eq!(stage.read("/api/contacts").await["total"], 0);
        process.stop().await;
        assert_eq!(list(&stage.books("").await["messages"]).len(), 0);
        stage.end().await;
    }
}
