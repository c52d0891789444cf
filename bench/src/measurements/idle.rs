//! The gateway at rest: how fast it is ready, what it holds then, and what idle conversations and sockets add.

use std::time::{Duration, Instant};

use super::loads::float;
use super::sockets;
use crate::Outcome;
use crate::arguments::Arguments;
use crate::gateway::{Gateway, get, until_ok};
use crate::load::{self, End, Load, Pace};
use crate::report::Row;
use crate::stage::Stage;
use crate::usage;

/// Customers whose conversations exist before memory is compared: what a first load leaves behind once is no
/// conversation's memory.
const EARLIER: u32 = 100;
/// How long memory must not have moved by more than [`STEADY_KIB`] to count as settled.
const STEADY: Duration = Duration::from_secs(2);
const STEADY_KIB: u64 = 256;
/// Longest time for that.
const SETTLING: Duration = Duration::from_secs(30);

/// Measures all of it.
///
/// # Errors
/// The gateway cannot be started.
pub async fn measure(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let stage = Stage::prepare(arguments, 0..EARLIER, false).await?;
    let gateway = stage.start().await?;
    let said = gateway.begun().elapsed();
    until_ok(stage.address(), &get(stage.address(), "/readyz"), Duration::from_secs(30)).await?;
    let ready = gateway.begun().elapsed();
    let at_rest = settled_kib(&gateway).await?;
    let mut rows = vec![
        Row::at_most("idle", "start until /readyz answers 200", millis(ready), 300.0, "ms"),
        Row::plain("idle", "start until it says that it is ready", millis(said), "ms"),
        Row::at_most("idle", "memory at rest", float(at_rest) / 1024.0, 40.0, "MiB"),
    ];
    rows.extend(conversations(arguments, &stage, &gateway, at_rest).await?);
    gateway.stop().await?;
    rows.extend(sockets::measure(arguments).await?);
    Ok(rows)
}

async fn conversations(arguments: &Arguments, stage: &Stage, gateway: &Gateway, at_rest: u64) -> Outcome<Vec<Row>> {
    write(arguments, stage, u64::from(arguments.idle)).await?;
    let before = settled_kib(gateway).await?;
    // There are as many newcomers as texts, and the first in line writes next: each writes once.
    stage.book.replace(EARLIER..EARLIER.saturating_add(arguments.idle));
    write(arguments, stage, u64::from(arguments.idle)).await?;
    let after = settled_kib(gateway).await?;
    let per = |kib: u64| float(kib) / f64::from(arguments.idle.max(1));
    let what = format!("memory per live idle conversation, {} of them", arguments.idle);
    Ok(vec![
        Row::at_most("idle", &what, per(after.saturating_sub(before)), 4.0, "KiB"),
        Row::plain("idle", "the same, buffers of a first load included", per(after.saturating_sub(at_rest)), "KiB"),
    ])
}

/// Customers write so many texts and all are answered.
async fn write(arguments: &Arguments, stage: &Stage, texts: u64) -> Outcome<()> {
    let load = Load {
        gateway: stage.address(),
        connections: arguments.connections,
        texts: 1,
        pace: Pace::Closed,
        end: End::After(texts),
    };
    load::run(load, &stage.book, &stage.postman).await;
    match stage.book.settle(Duration::from_secs(60)).await {
        0 => Ok(()),
        waiting => Err(format!("{waiting} texts were not answered").into()),
    }
}

/// The memory of a gateway at rest, in KiB, once it no longer moves.
///
/// # Errors
/// The gateway is gone.
pub async fn settled_kib(gateway: &Gateway) -> Outcome<u64> {
    let deadline = Instant::now() + SETTLING;
    let mut last = usage::of(gateway.pid())?.resident_kib;
    loop {
        tokio::time::sleep(STEADY).await;
        let now = usage::of(gateway.pid())?.resident_kib;
        if now.abs_diff(last) <= STEADY_KIB || Instant::now() >= deadline {
            return Ok(now);
        }
        last = now;
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
