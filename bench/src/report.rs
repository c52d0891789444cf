//! What was measured, as a Markdown table. It measures nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    measurement: &'static str,
    what: String,
    result: String,
    target: Option<(String, bool)>,
}

impl Row {
    /// A result in words, for which no target is set.
    #[must_use]
    pub fn note(measurement: &'static str, what: impl Into<String>, result: impl Into<String>) -> Self {
        Self { measurement, what: what.into(), result: result.into(), target: None }
    }

    /// A number with its unit, for which no target is set.
    #[must_use]
    pub fn plain(measurement: &'static str, what: impl Into<String>, value: f64, unit: &str) -> Self {
        Self::note(measurement, what, number(value, unit))
    }

    /// A number that should be no smaller than its target.
    #[must_use]
    pub fn at_least(measurement: &'static str, what: &str, value: f64, target: f64, unit: &str) -> Self {
        let target = Some((format!("≥ {}", number(target, unit)), value >= target));
        Self { target, ..Self::plain(measurement, what, value, unit) }
    }

    /// A number that should be no larger than its target.
    #[must_use]
    pub fn at_most(measurement: &'static str, what: &str, value: f64, target: f64, unit: &str) -> Self {
        let target = Some((format!("≤ {}", number(target, unit)), value <= target));
        Self { target, ..Self::plain(measurement, what, value, unit) }
    }
}

/// A number with as many digits as can be read.
fn number(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

/// The table of these rows.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = "| Measurement | What | Result | Target | Met |\n|---|---|---:|---:|---|\n".to_owned();
    for Row { measurement, what, result, target } in rows {
        let (target, met) = match target {
            Some((target, true)) => (target.as_str(), "yes"),
            Some((target, false)) => (target.as_str(), "**no**"),
            None => ("", ""),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {measurement} | {what} | {result} | {target} | {met} |");
    }
    text
}

/// What the results hold for: the commit, the machine and what else it did.
#[must_use]
pub fn circumstances(binary: &Path, load_before: &str) -> String {
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let modified = if git(&["status", "--porcelain"]).is_empty() { "" } else { " with changes" };
    let name = binary.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!(
        "Commit {}{modified} is checked out (the program `{name}` may be of another), {processors} processors, load average of the machine before {load_before}, \
         after {}.",
        commit(),
        load_average()
    )
}

/// The short name of the commit that is checked out.
#[must_use]
pub fn commit() -> String {
    let name = git(&["rev-parse", "--short=10", "HEAD"]);
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// How many programs wanted a processor in the last 1, 5 and 15 minutes.
#[must_use]
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_or_not() {
        let rows = [
            Row::at_least("saturate", "messages", 4_100.4, 4_000.0, "/s"),
            Row::at_most("rate", "p99", 12.34, 10.0, "ms"),
            Row::note("fsyncs", "fsyncs", "n/a"),
        ];
        let expected = "| Measurement | What | Result | Target | Met |\n|---|---|---:|---:|---|\n\
            | saturate | messages | 4100 /s | ≥ 4000 /s | yes |\n\
            | rate | p99 | 12.3 ms | ≤ 10 ms | **no** |\n\
            | fsyncs | fsyncs | n/a |  |  |\n";
        assert_eq!(table(&rows), expected);
    }
}
