//! Logs: one line an event on standard error, for people on a terminal and as JSON for machines.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// How and what to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How lines look.
    pub format: Format,
    /// A level or directives, for example `info,switchboard::jobs=debug`.
    pub level: String,
}

/// Whether this is a level or directives.
#[must_use]
pub fn is_level(text: &str) -> bool {
    !text.trim().is_empty() && EnvFilter::try_new(text).is_ok()
}

/// Begins to log. Gives `false` when this process logs already; then nothing changes.
#[must_use]
pub fn init(options: &Options) -> bool {
    let filter = EnvFilter::try_new(&options.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let pretty = match options.format {
        Format::Auto => terminal,
        Format::Pretty => true,
        Format::Json => false,
    };
    let begun = if pretty {
        lines.with_ansi(terminal).try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    begun.is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Format, Options, init, is_level};

    #[test]
    fn levels_and_directives_are_told_from_nonsense() {
        for level in ["info", "warn,switchboard=debug", "switchboard::jobs=trace"] {
            assert!(is_level(level), "{level}");
        }
        for level in ["", "a=b=c", "switchboard=loud"] {
            assert!(!is_level(level), "{level}");
        }
    }

    #[test]
    fn a_second_beginning_changes_nothing() {
        let options = Options { format: Format::Json, level: "error".to_owned() };
        let _ = init(&options);
        assert!(!init(&options));
    }
}
