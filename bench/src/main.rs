//! Measures the gateway on loopback: starts it as a process of its own beside a vendor and a loader, and prints a table.
//! It builds nothing and knows nothing of the gateway but its command line and its wire.

mod arguments;
mod book;
mod gateway;
mod http;
mod load;
mod measurements;
mod report;
mod stage;
mod usage;
mod vendor;
mod webhook;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use arguments::{Arguments, Measurement};
use report::Row;

/// What comes of a step, or why it failed.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("switchboard-bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    let binary = arguments.gateway()?;
    raise_file_limit();
    // One thread for vendor and loader: whatever they take is missing from the gateway on a small machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let load_before = report::load_average();
    let rows = runtime.block_on(measure(arguments))?;
    let vendor = match arguments.simulator {
        vendor::Kind::Minimal => "a minimal stand-in in the loader's process",
        vendor::Kind::Full => "the full simulator in the loader's process",
    };
    let database = if arguments.database.is_some() { "PostgreSQL" } else { "SQLite" };
    let text = format!(
        "{}\nDatabase {database}; the vendor is {vendor}.\n\n{}",
        report::circumstances(&binary, &load_before),
        report::table(&rows)
    );
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    if arguments.measurement == Measurement::All {
        std::fs::create_dir_all(&arguments.results)?;
        let file = arguments.results.join(format!("{}.md", report::commit()));
        std::fs::write(&file, format!("# Results\n\n{text}"))?;
        writeln!(out, "kept as {}", file.display())?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let one = [arguments.measurement];
    let all = [
        Measurement::Saturate,
        Measurement::Rate,
        Measurement::Receipts,
        Measurement::Fsyncs,
        Measurement::Idle,
        Measurement::Restart,
    ];
    let chosen: &[Measurement] = if arguments.measurement == Measurement::All { &all } else { &one };
    let mut rows = Vec::new();
    for measurement in chosen {
        say(&format!("measuring {measurement:?} …").to_lowercase());
        rows.extend(match measurement {
            Measurement::Saturate => measurements::loads::saturate(arguments).await?,
            Measurement::Rate => measurements::loads::rate(arguments).await?,
            Measurement::Receipts => measurements::loads::receipts(arguments).await?,
            Measurement::Fsyncs => measurements::fsyncs::count(arguments).await?,
            Measurement::Idle => measurements::idle::measure(arguments).await?,
            Measurement::Restart => measurements::restart::measure(arguments).await?,
            Measurement::All => Vec::new(),
        });
    }
    Ok(rows)
}

/// Lets this process and the gateway open as many files as the system allows: ten thousand sockets are as many files.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, the measurement of sockets says how many it could open.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Tells people how far it has come; standard output is for the table.
fn say(words: &str) {
    // Where nobody reads, the measurement goes on.
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}
