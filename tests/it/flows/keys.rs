//! The master key is changed under a gateway that has data: by the command, without a break.

use crate::support::stage::{Stage, with_both_databases};

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
