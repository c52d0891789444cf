//! The master key is changed under a gateway that has data: by the command, without a break.

use serde_json::json;

use crate::support::line::Line;
use crate::support::stage::{Database, Stage, run, with_both_databases};

/// Who writes.
const ANA: &str = "491850000001";

/// The key that takes the place of the stage's.
const NEW_KEY: &str = "c2d19e8b7064d3a1f9c85e2b4760918fadc35b72e04d6f0c2a9be1d84b37a5f3";

with_both_databases! {
    async fn a_new_master_key_takes_over_under_a_running_gateway(database) {
        let stage = Stage::new(database).await;
        let process = stage.start().await;
        stage.say("491720000001", "Hello").await;
        stage.settled().await;
        process.stop().await;

        // The gateway reads what either key has sealed; the command seals everything anew, and again.
        let both = stage.with_master_key(NEW_KEY, true);
        let process = both.start().await;
        let rotate = stage.command(&both, &["rotate-key"]);
        rotate.run();
        rotate.run();
        stage.say("491720000001", "Still there?").await;
        stage.settled().await;
        process.stop().await;

        // The key before is not needed any more.
        let process = stage.with_master_key(NEW_KEY, false).start().await;
        stage.say("491720000001", "And now?").await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    }
}

/// Where an answer to the last mail of ours goes: the signed address.
async fn answered_at(stage: &Stage) -> String {
    let books = stage.books("").await;
    let sent = &books["messages"].as_array().unwrap().last().unwrap()["body"]["reply_to"][0];
    let address = sent["address"].as_str().or(sent.as_str()).unwrap_or_else(|| panic!("{books:#}"));
    assert!(address.contains('+'), "{address}");
    address.to_owned()
}

#[test]
fn an_answer_to_mail_from_before_the_new_master_key_comes_home() {
    run(async {
        let stage = Stage::of(Line::Mail, Database::Sqlite, |_| {}).await;
        let process = stage.start().await;
        let ana = Line::Mail.address(ANA);
        stage.say(ANA, "Hello").await;
        stage.settled().await;
        let home = answered_at(&stage).await;
        process.stop().await;

        let both = stage.with_master_key(NEW_KEY, true);
        // The address alone leads home: no ids, another subject.
        let to_home = |text: &str| json!({ "from": ana, "to": home, "subject": text, "text": text });
        let process = both.start().await;
        stage.writes(&to_home("While both keys count")).await;
        stage.settled().await;
        let doctor = |launch| stage.command(launch, &["doctor"]).run();
        assert!(doctor(&both).contains("run `switchboard rotate-key`"));
        stage.command(&both, &["rotate-key"]).run();
        assert!(doctor(&both).contains("none needs previous_master_key any more"));
        process.stop().await;

        let after = stage.with_master_key(NEW_KEY, false);
        let process = after.start().await;
        assert!(doctor(&after).contains("all open with the master key"));
        stage.writes(&to_home("After the old key")).await;
        stage.settled().await;
        let conversations = stage.conversations_with(ANA).await;
        assert_eq!(conversations.len(), 1, "{conversations:?}");
        let messages = stage.messages_with(ANA).await;
        let heard = messages.iter().filter(|message| message["direction"] == "inbound");
        let heard: Vec<_> = heard.map(|message| message["body"].as_str().unwrap().to_owned()).collect();
        assert!(heard.len() == 3 && heard[2].contains("After the old key"), "{heard:?}");
        process.stop().await;
        stage.end().await;
    });
}
