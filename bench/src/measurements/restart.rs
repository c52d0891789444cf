//! Killed under load with many stored messages, started again: the time until a customer's text is acknowledged.

use std::time::{Duration, Instant};

use super::loads::float;
use crate::Outcome;
use crate::arguments::Arguments;
use crate::gateway::until_ok;
use crate::load::{self, End, Load, Pace};
use crate::report::Row;
use crate::stage::Stage;
use crate::webhook::Text;

/// Customers whose conversations the messages are in.
const CUSTOMERS: u32 = 10_000;
/// Texts in a delivery while the database is filled; the vendor batches, too, when much waits.
const BATCH: u32 = 25;
/// How long the load runs before the kill.
const LOADED: Duration = Duration::from_secs(3);
/// Longest time for the first acknowledgement.
const LONGEST: Duration = Duration::from_secs(120);
/// Longest time that what was acknowledged before a kill may take to be answered: leases run out first.
const ANSWERING: Duration = Duration::from_secs(90);
/// Times the whole is done; the slowest counts.
const ROUNDS: u32 = 3;

/// Fills the database by the gateway's own work, kills, starts again and measures.
///
/// # Errors
/// The gateway cannot be started, or does not answer what it was filled with.
pub async fn measure(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let stage = Stage::prepare(arguments, 0..CUSTOMERS, false).await?;
    let mut gateway = stage.start().await?;
    let base = Load {
        gateway: stage.address(),
        connections: arguments.connections,
        texts: BATCH,
        pace: Pace::Closed,
        end: End::After((arguments.messages / 2).div_ceil(u64::from(BATCH))),
    };
    let begun = Instant::now();
    load::run(base, &stage.book, &stage.postman).await;
    let waiting = stage.book.settle(Duration::from_secs(120)).await;
    let filled = begun.elapsed();
    let totals = stage.book.totals();
    if waiting > 0 || totals.refused > 0 {
        return Err(format!("while filling, {waiting} texts were not answered, {} refused", totals.refused).into());
    }
    let stored = totals.acknowledged + totals.answered;
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let end = End::At(Instant::now() + LOADED + Duration::from_millis(100));
        let under_load = Load { texts: 1, end, ..base };
        let killing = async {
            tokio::time::sleep(LOADED).await;
            gateway.kill().await
        };
        let (killed, ()) = tokio::join!(killing, load::run(under_load, &stage.book, &stage.postman));
        killed?;
        let text = Text { customer: CUSTOMERS + round, token: u64::from(u32::MAX) + u64::from(round) };
        let knock = stage.postman.texts(&[text]);
        let begun = Instant::now();
        let (started, answered) = tokio::join!(stage.start(), until_ok(stage.address(), &knock, LONGEST));
        answered?;
        let acknowledged = begun.elapsed();
        gateway = started?;
        slowest = slowest.max(acknowledged);
    }
    let unanswered = u64::try_from(stage.book.settle(ANSWERING).await)?;
    gateway.stop().await?;
    let what = format!("start after kill -9 until the first acknowledgement, {stored} messages stored");
    Ok(vec![
        Row::at_most("restart", &what, slowest.as_secs_f64(), 1.0, "s"),
        Row::at_most("restart", "texts acknowledged before a kill and never answered", float(unanswered), 0.0, ""),
        Row::plain("restart", "messages stored a second while filling", float(stored) / filled.as_secs_f64(), "/s"),
    ])
}
