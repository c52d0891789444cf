//! The process is killed at every step of a reminder, comes back, and tells it once.

use crate::flows::reminders::{make, told, until_told};
use crate::support::stage::{Stage, with_both_databases};

/// Between the coming of the time and the end of the job.
const POINTS: [&str; 4] = ["jobs.start", "reminders.begun", "reminders.tell", "reminders.told"];

with_both_databases! {
    async fn killed_while_reminding(database) {
        for point in POINTS {
            let stage = Stage::new(database).await;
            let process = stage.start_armed(&format!("{point}=kill@1")).await;
            make(&stage, "once", 100).await;
            process.crashed().await;
            let process = stage.start().await;
            until_told(&stage, 1).await;
            // A second telling would come before this one.
            make(&stage, "after", 100).await;
            until_told(&stage, 2).await;
            let titles: Vec<_> = told(&stage).await.iter().map(|data| data["task"]["title"].clone()).collect();
            assert_eq!(titles, ["once", "after"], "{point}");
            process.stop().await;
            stage.end().await;
        }
    }
}
