//! Two nodes on one database serve the same channel, of any line: in order, once, whichever of them is killed or falls
//! asleep.

use rustix::process::Signal;
use serde_json::json;

use crate::support::door::Door;
use crate::support::line::{Line, on_every_line};
use crate::support::process::{Launch, await_some};
use crate::support::stage::{Database, Stage};

/// A stage whose vendor knocks at a door, behind which are two nodes.
struct Pair {
    stage: Stage,
    other: Launch,
    door: Door,
    first: u16,
    second: u16,
}

impl Pair {
    async fn new(line: Line) -> Self {
        let door = Door::to(&[]).await;
        let callback = format!("http://127.0.0.1:{}/api/webhooks/{}", door.port, line.kind().as_str());
        let stage = Stage::of(line, Database::Postgres, |setting| setting.callback_url = callback).await;
        let (other, second) = stage.neighbour();
        let first = stage.port;
        Self { stage, other, door, first, second }
    }

    fn lead_to(&self, ports: &[u16]) {
        let targets: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        self.door.turn(&targets);
    }

    async fn everybody_says(&self, what: &str) {
        for from in ["491770000001", "491770000002", "491770000003", "491770000004"] {
            self.stage.say(from, &format!("{what} by {from}")).await;
        }
    }
}

on_every_line! {
    async fn two_nodes_serve_one_channel_and_one_of_them_is_killed(line) {
        let pair = Pair::new(line).await;
        let process = pair.stage.start().await;
        let other = pair.other.start().await;
        pair.lead_to(&[pair.first, pair.second]);
        for round in 1..=8 {
            pair.everybody_says(&format!("round {round}")).await;
            if round % 2 == 0 {
                // A new connection each: the vendor keeps those it has.
                pair.lead_to(&[pair.first, pair.second]);
            }
        }
        other.kill().await;
        for round in 9..=12 {
            pair.everybody_says(&format!("round {round}")).await;
        }
        pair.stage.settled().await;
        process.stop().await;
        pair.stage.assert_whole(true).await;
        pair.stage.end().await;
    }

    async fn a_node_that_slept_past_its_lease_sends_nothing_twice(line) {
        let mut pair = Pair::new(line).await;
        let slow = json!([{ "match": { "kind": "send" }, "action": { "latency_ms": 400 } }]);
        pair.stage.faults(slow).await;
        let process = pair.stage.start().await;
        let other = pair.other.start().await;
        pair.lead_to(&[pair.first]);
        for round in 1..=4 {
            let written = pair.stage.written.lock().unwrap().len();
            pair.everybody_says(&format!("round {round}")).await;
            // Each of these is a turn of its own, and its send waits in the node's memory behind a slow one.
            await_some("the turns to end", || async {
                let turns = pair.stage.metric("switchboard_jobs_total", "kind=\"answer\"").await;
                if turns >= (written + 4) as f64 { Ok(()) } else { Err(format!("{turns} turns")) }
            })
            .await;
        }
        process.signal(Signal::STOP);
        pair.lead_to(&[pair.second]);
        pair.stage.port = pair.second;
        pair.stage.settled().await;

        process.signal(Signal::CONT);
        pair.lead_to(&[pair.first]);
        pair.stage.port = pair.first;
        pair.everybody_says("awake").await;
        pair.stage.settled().await;
        process.stop().await;
        other.stop().await;
        pair.stage.assert_whole(true).await;
        pair.stage.end().await;
    }
}
