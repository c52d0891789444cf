//! The process is killed at random moments under load.

use std::time::Duration;

use crate::support::stage::{Stage, with_both_databases};

const CUSTOMERS: usize = 20;
const MESSAGES: usize = 200;
const KILLS: usize = 4;

/// A sequence of numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

with_both_databases! {
    async fn killed_at_random_moments_under_load(database) {
        let stage = Stage::with(database, |setting| setting.parallel = 16).await;
        let mut dice = Dice(20_261_122);
        let mut process = stage.start().await;
        for message in 0..MESSAGES {
            let from = format!("4917100000{:02}", message % CUSTOMERS);
            stage.say(&from, &format!("message {message}")).await;
            if message % (MESSAGES / (KILLS + 1)) == MESSAGES / (KILLS + 1) - 1 && message + 1 < MESSAGES {
                // The moment of the kill, not a wait for something: anything may be under way then.
                tokio::time::sleep(Duration::from_millis(dice.below(150))).await;
                process.kill().await;
                process = stage.start().await;
            }
        }
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    }
}
