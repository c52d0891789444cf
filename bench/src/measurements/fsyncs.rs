//! How often data is forced to the disk under load, counted by strace in a run of its own: the tracer slows the gateway.

use std::time::{Duration, Instant};

use super::loads::{COMMITS, float};
use crate::Outcome;
use crate::arguments::Arguments;
use crate::gateway::metric;
use crate::load::{self, End, Load, Pace};
use crate::report::Row;
use crate::stage::Stage;

const WHAT: &str = "fsync and fdatasync per 1,000 messages";
/// How long is counted.
const COUNTED: Duration = Duration::from_secs(5);

/// Counts them.
///
/// # Errors
/// The gateway cannot be set up, or does not end.
pub async fn count(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let stage = Stage::prepare(arguments, 0..arguments.customers, false).await?;
    let sums = stage.setup.folder.join("syncs.txt");
    let gateway = match stage.setup.start_traced(&sums).await {
        Ok(gateway) => gateway,
        Err(error) => return Ok(vec![Row::note("fsyncs", WHAT, format!("n/a ({error})"))]),
    };
    let end = End::At(Instant::now() + COUNTED);
    let (gateway_at, connections) = (stage.address(), arguments.connections);
    let load = Load { gateway: gateway_at, connections, texts: 1, pace: Pace::Closed, end };
    load::run(load, &stage.book, &stage.postman).await;
    stage.book.settle(Duration::from_secs(30)).await;
    let answered = stage.book.totals().answered.max(1);
    let commits = metric(gateway_at, COMMITS).await;
    gateway.stop().await?;
    let calls = calls(&std::fs::read_to_string(&sums)?);
    let per_second = float(answered) / COUNTED.as_secs_f64();
    let mut rows = vec![Row::plain("fsyncs", WHAT, float(calls) * 1_000.0 / float(answered), "")];
    rows.extend(
        commits.map(|commits| Row::plain("fsyncs", "the same per commit", float(calls) / commits.max(1.0), "")),
    );
    rows.push(Row::plain("fsyncs", "messages end to end while counting", per_second, "/s"));
    Ok(rows)
}

/// The calls in a table of strace: the fourth column of the lines that name one.
fn calls(table: &str) -> u64 {
    let named = table.lines().filter(|line| line.trim_end().ends_with("sync"));
    named.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::calls;

    #[test]
    fn the_tracers_table_is_read() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n \
            99.00    0.001000          10       100           fdatasync\n  \
            1.00    0.000010           5         2         1 fsync\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.001010           9       102         1 total\n";
        assert_eq!(calls(table), 102);
        assert_eq!(calls(""), 0);
    }
}
