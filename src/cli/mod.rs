//! The command line: what can be asked of the binary, and what it prints. Answers go to standard output, everything
//! else to standard error.

mod arguments;
mod database;
mod declare;
mod doctor;
mod documents;
mod reading;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::boot;
use crate::config::{self, Mode, Settings, SettingsError, environment};
use crate::telemetry::logs;

use arguments::{Arguments, Command};

/// Why a command did not do what it was asked.
enum Refusal {
    /// With these words on standard error.
    Words(String),
    /// It has said so itself.
    Said,
}

impl<T: Display> From<T> for Refusal {
    fn from(words: T) -> Self {
        Self::Words(words.to_string())
    }
}

/// Does what the arguments of this process ask for.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal::Said) => ExitCode::FAILURE,
        Err(Refusal::Words(words)) => {
            // Where standard error is gone, the exit code still tells.
            let _ = writeln!(std::io::stderr().lock(), "switchboard: {words}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<(), Refusal> {
    let load = || Settings::load(&arguments.flags(), &environment());
    match &arguments.command {
        Command::Dev => serve(load()?, boot::Mode::Dev),
        Command::Serve => serve(load()?, boot::Mode::Serve),
        Command::Apply { file, dry_run } => declare::apply(&sealed(load()?)?, file, *dry_run),
        Command::RotateKey => database::rotate_key(&sealed(load()?)?),
        Command::Migrate => database::migrate(&load()?),
        Command::Doctor => doctor::examine(load()?),
        Command::Openapi => print(&crate::api::openapi_json()),
        Command::Errors => print(&documents::errors()),
        Command::ConfigReference => print(&config::reference()),
        Command::ReadDocument { format, charset } => reading::read(format, charset.as_deref()),
    }
}

fn serve(mut settings: Settings, mode: boot::Mode) -> Result<(), Refusal> {
    let check = match mode {
        boot::Mode::Dev => {
            settings.ensure_development_key().map_err(|problem| SettingsError(vec![problem]))?;
            Mode::Dev
        }
        boot::Mode::Serve => Mode::Serve,
    };
    refuse(settings.check(check))?;
    let _ = logs::init(&settings.logs());
    #[cfg(feature = "failpoints")]
    if let Some(points) = environment().get("SWITCHBOARD_CRASH") {
        crate::telemetry::crash::arm(points)?;
    }
    wait_for(boot::serve(settings, mode))?;
    Ok(())
}

/// The settings with what it takes to open the secrets in the database.
fn sealed(mut settings: Settings) -> Result<Settings, Refusal> {
    settings.adopt_development_key().map_err(|problem| SettingsError(vec![problem]))?;
    refuse(settings.check(Mode::Serve))?;
    let _ = logs::init(&settings.logs());
    Ok(settings)
}

fn refuse(problems: Vec<config::Problem>) -> Result<(), SettingsError> {
    if problems.is_empty() { Ok(()) } else { Err(SettingsError(problems)) }
}

/// Runs a task on a runtime of its own, the kind that the HTTP server needs.
fn wait_for<T>(task: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(task)
}

/// Prints an answer, with a line's end where it has none.
fn print(answer: &str) -> Result<(), Refusal> {
    let end = if answer.ends_with('\n') { "" } else { "\n" };
    match write!(std::io::stdout().lock(), "{answer}{end}") {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|error| format!("the answer cannot be printed: {error}").into()),
    }
}
