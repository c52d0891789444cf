//! Loads of texts: as many as the gateway takes, a fixed number a second, and with receipts.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::book::{Times, Totals};
use crate::gateway::metric;
use crate::load::{self, End, Load, Pace};
use crate::report::Row;
use crate::stage::Stage;
use crate::usage::{self, Usage};

/// Longest time the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// The gateway's count of commits, each of which forces the disk once.
pub const COMMITS: &str = "switchboard_commit_batch_changes_count";

/// What a load came to.
struct Played {
    begun: Instant,
    totals: Totals,
    acknowledgement: Times,
    answer: Times,
    unanswered: usize,
    cpu: Duration,
    /// Commits of the whole run, if the gateway tells.
    commits: Option<f64>,
    /// Answers in the time that `cpu` was used in.
    answers: u64,
    usage: Usage,
    receipts: Option<f64>,
}

/// As many as the gateway takes.
///
/// # Errors
/// The gateway cannot be started, or ends.
pub async fn saturate(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let played = play(arguments, Pace::Closed, false).await?;
    let mut rows = vec![
        Row::at_least("saturate", "messages end to end", played.answers_per_second(), 4_000.0, "/s"),
        Row::plain("saturate", "messages acknowledged", played.acknowledged_per_second(), "/s"),
        Row::at_most("saturate", "CPU-seconds per 1,000 messages", played.cpu_per_thousand(), 0.30, "s"),
    ];
    rows.extend(played.times("saturate", None));
    rows.extend(played.rest("saturate"));
    Ok(rows)
}

/// A fixed number of messages a second.
///
/// # Errors
/// The gateway cannot be started, or ends.
pub async fn rate(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let played = play(arguments, Pace::Timetable { per_second: arguments.per_second }, false).await?;
    let mut rows = vec![Row::plain("rate", "messages end to end", played.answers_per_second(), "/s")];
    rows.extend(played.times("rate", Some([2.0, 10.0, 4.0, 20.0])));
    rows.push(Row::plain("rate", "CPU-seconds per 1,000 messages", played.cpu_per_thousand(), "s"));
    rows.extend(played.rest("rate"));
    Ok(rows)
}

/// As many as the gateway takes, each answer followed by its receipts.
///
/// # Errors
/// The gateway cannot be started, or ends.
pub async fn receipts(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let played = play(arguments, Pace::Closed, true).await?;
    let mut rows = vec![
        Row::plain("receipts", "messages end to end", played.answers_per_second(), "/s"),
        Row::plain("receipts", "messages acknowledged", played.acknowledged_per_second(), "/s"),
    ];
    rows.extend(
        played
            .receipts
            .map(|per_second| Row::plain("receipts", "receipts acknowledged until the last answer", per_second, "/s")),
    );
    rows.push(Row::plain("receipts", "CPU-seconds per 1,000 messages", played.cpu_per_thousand(), "s"));
    rows.extend(played.times("receipts", None));
    rows.extend(played.rest("receipts"));
    Ok(rows)
}

async fn play(arguments: &Arguments, pace: Pace, receipts: bool) -> Outcome<Played> {
    let stage = Stage::prepare(arguments, 0..arguments.customers, receipts).await?;
    let gateway = stage.start().await?;
    let begun = Instant::now() + arguments.warming();
    stage.book.measure_from(begun);
    let end = End::At(begun + arguments.measured());
    let load = Load { gateway: stage.address(), connections: arguments.connections, texts: 1, pace, end };
    let warmed = async {
        tokio::time::sleep_until(begun.into()).await;
        let used = usage::of(gateway.pid());
        (used, stage.book.totals().answered, stage.vendor.receipts_acknowledged())
    };
    let ((used, answered_before, receipts_before), ()) =
        tokio::join!(warmed, load::run(load, &stage.book, &stage.postman));
    let unanswered = stage.book.settle(LAST_ANSWERS).await;
    let (usage, used, lasted) = (usage::of(gateway.pid())?, used?, begun.elapsed());
    let receipts = stage.vendor.receipts_acknowledged().zip(receipts_before);
    let totals = stage.book.totals();
    let (acknowledgement, answer) = stage.book.times();
    let commits = metric(stage.address(), COMMITS).await;
    gateway.stop().await?;
    Ok(Played {
        begun,
        totals,
        acknowledgement,
        answer,
        unanswered,
        commits,
        cpu: usage.cpu.saturating_sub(used.cpu),
        answers: totals.answered - answered_before,
        usage,
        receipts: receipts.map(|(after, before)| float(after - before) / lasted.as_secs_f64()),
    })
}

impl Played {
    fn answers_per_second(&self) -> f64 {
        per_second(self.totals.measured_answered, self.begun, self.totals.last_answer)
    }

    fn acknowledged_per_second(&self) -> f64 {
        per_second(self.totals.measured_acknowledged, self.begun, self.totals.last_acknowledgement)
    }

    fn cpu_per_thousand(&self) -> f64 {
        self.cpu.as_secs_f64() * 1_000.0 / float(self.answers.max(1))
    }

    /// Middle and slow end of acknowledgement and answer, in this order, with their targets in milliseconds.
    fn times(&self, measurement: &'static str, targets: Option<[f64; 4]>) -> Vec<Row> {
        let times = [
            ("acknowledgement p50", self.acknowledgement.p50),
            ("acknowledgement p99", self.acknowledgement.p99),
            ("answer p50", self.answer.p50),
            ("answer p99", self.answer.p99),
        ];
        let targets = targets.map_or([None; 4], |targets| targets.map(Some));
        let rows = times.into_iter().zip(targets).map(|((what, time), target)| {
            let millis = time.as_secs_f64() * 1_000.0;
            match target {
                Some(target) => Row::at_most(measurement, what, millis, target, "ms"),
                None => Row::plain(measurement, what, millis, "ms"),
            }
        });
        rows.collect()
    }

    /// Memory, and whatever went wrong.
    fn rest(&self, measurement: &'static str) -> Vec<Row> {
        let mut rows = vec![Row::plain(measurement, "peak memory", float(self.usage.peak_kib) / 1024.0, "MiB")];
        rows.extend(self.commits.map(|commits| {
            let per_thousand = commits * 1_000.0 / float(self.totals.answered.max(1));
            Row::plain(measurement, "commits per 1,000 messages", per_thousand, "")
        }));
        let unanswered = u64::try_from(self.unanswered).unwrap_or(u64::MAX);
        let faults = [
            ("texts not acknowledged", self.totals.refused),
            ("texts acknowledged and not answered", unanswered),
            ("answers beyond the first", self.totals.unexpected),
        ];
        let wrong = faults.into_iter().filter(|(_, count)| *count > 0);
        rows.extend(wrong.map(|(what, count)| Row::at_most(measurement, what, float(count), 0.0, "")));
        rows
    }
}

fn per_second(count: u64, begun: Instant, last: Option<Instant>) -> f64 {
    let lasted = last.map_or(0.0, |last| last.saturating_duration_since(begun).as_secs_f64());
    if lasted > 0.0 { float(count) / lasted } else { 0.0 }
}

/// Counts of a measurement are far below what a float holds exactly.
pub fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
