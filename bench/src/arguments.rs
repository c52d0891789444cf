//! The arguments and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::Outcome;
use crate::vendor;

/// Runs the gateway, a vendor and a loader on loopback and prints what was measured as a Markdown table.
#[derive(Debug, Clone, Parser)]
#[command(name = "switchboard-bench", max_term_width = 110)]
pub struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    pub measurement: Measurement,
    /// The gateway's program [default: `switchboard` beside this one]. Build it first, in release mode.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
    /// Folder for databases; it must be on a real disk, or durability costs nothing.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    pub folder: PathBuf,
    /// Another database than SQLite in the folder: postgres://user:password@host/name.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// What stands in for the vendor; the full simulator needs about as much processor as the gateway itself.
    #[arg(long, value_enum, default_value = "minimal")]
    pub simulator: vendor::Kind,
    /// Seconds that a load is measured.
    #[arg(long, default_value_t = 15)]
    pub seconds: u64,
    /// Seconds of load before that.
    #[arg(long, default_value_t = 3)]
    pub warm_up: u64,
    /// Lines that the loader holds open.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Customers who write; each writes again when the answer has come.
    #[arg(long, default_value_t = 1_000)]
    pub customers: u32,
    /// Messages a second of `rate`.
    #[arg(long, default_value_t = 1_000)]
    pub per_second: u64,
    /// Stored messages of `restart`; half of them are customers' texts, the other half their answers.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Live conversations and sockets of `idle`.
    #[arg(long, default_value_t = 10_000)]
    pub idle: u32,
    /// Folder in which `all` keeps the table, by the commit's name.
    #[arg(long, value_name = "FOLDER", default_value = "bench/results")]
    pub results: PathBuf,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    /// Everything below, kept as a file.
    All,
    /// As many messages as the gateway takes.
    Saturate,
    /// A fixed number of messages a second.
    Rate,
    /// As `saturate`, and each answer has its receipts: sent, delivered, read.
    Receipts,
    /// How often data is forced to the disk under `saturate`, by strace where it is installed.
    Fsyncs,
    /// Start-up, memory at rest, and memory per idle conversation and socket.
    Idle,
    /// Killed under load with many stored messages: the time to the first acknowledgement.
    Restart,
}

impl Arguments {
    /// The gateway's program.
    ///
    /// # Errors
    /// There is none where it was looked for.
    pub fn gateway(&self) -> Outcome<PathBuf> {
        let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("switchboard"));
        let binary = self.binary.clone().map_or_else(beside, Ok)?;
        let missing = |error| {
            format!(
                "{}: {error}; build it by `cargo build --release -p switchboard`, or name it by --binary",
                binary.display()
            )
        };
        Ok(binary.canonicalize().map_err(missing)?)
    }

    /// How long a load is measured.
    #[must_use]
    pub fn measured(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How long a load runs before that.
    #[must_use]
    pub fn warming(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }
}
