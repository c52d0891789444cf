//! The process is killed at random moments under load.

use std::time::Duration;

use crate::support::line::{Line, on_every_line};
use crate::support::stage::{Database, Stage, with_both_databases};

/// A sequence of numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What a gateway has to live through.
struct Load {
    customers: usize,
    messages: usize,
    kills: usize,
}

async fn live_through(load: Load, line: Line, database: Database) {
    let Load { customers, messages, kills } = load;
    let stage = Stage::of(line, database, |setting| {
        if !line.has_threads() {
            setting.parallel = 16;
        }
    })
    .await;
    let mut dice = Dice(20_261_122);
    let mut process = stage.start().await;
    for message in 0..messages {
        let from = format!("4917100000{:02}", message % customers);
        stage.say(&from, &format!("message {message}")).await;
        if message % (messages / (kills + 1)) == messages / (kills + 1) - 1 && message + 1 < messages {
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

with_both_databases! {
    async fn killed_at_random_moments_under_load(database) {
        live_through(Load { customers: 20, messages: 200, kills: 4 }, Line::Whatsapp, database).await;
    }
}

on_every_line! {
    async fn killed_at_random_moments_on_a_line(line) {
        live_through(Load { customers: 8, messages: 48, kills: 3 }, line, Database::Postgres).await;
    }
}
