//! One declarative file says which workspaces, agents, knowledge, channels and keys there are; applying it creates and
//! updates, deletes nothing, and changes nothing the second time. Everything is checked before anything is written.

mod expiry;
mod fields;
mod file;
mod keeping;
mod members;
mod planning;
#[cfg(test)]
mod tests;
mod variables;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde_json::Value;
use switchboard_channels::contract::credentials::Secret;

use crate::domain::errors::FieldProblem;
use crate::domain::plans::Plans;
use crate::store::StoreError;

pub use file::API_CHANNEL;
pub use planning::plan;
pub use writing::apply;

/// What reading a file needs.
pub struct Input<'a> {
    /// The file's text: TOML.
    pub text: &'a str,
    /// Values for `${NAME}`.
    pub environment: &'a BTreeMap<String, String>,
    /// Reads a document that the file names, by its path in it.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The plans that exist.
    pub plans: &'a Plans,
}

/// A file that makes sense by itself.
pub struct File {
    workspaces: Vec<file::Workspace>,
}

/// Why a file cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file is no TOML: where, and what the parser says. The line itself is not shown, it may hold a secret.
    #[error("line {line} is no TOML: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Everything in the file that cannot work.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldProblem>),
    /// The database is not available, or holds something that cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system has no randomness to give for a key.
    #[error("no key can be made: {0}")]
    Chance(String),
}

fn list(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}: expected {}", problem.field, problem.expected)).collect();
    lines.join("\n")
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Create,
    /// It is there and changes.
    Update,
    /// It is there as the file wants it.
    Unchanged,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    /// What happens.
    pub action: Action,
    /// To what, for example `agent Acme / Echo`.
    pub what: String,
    /// What of it changes, by name and never by value; empty when there is nothing to say.
    pub detail: String,
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Create => "create   ",
            Action::Update => "update   ",
            Action::Unchanged => "unchanged",
        };
        write!(formatter, "{action}  {}", self.what)?;
        if self.detail.is_empty() { Ok(()) } else { write!(formatter, " ({})", self.detail) }
    }
}

/// What applying a file would do.
pub struct Plan {
    /// For people, in the order of the file.
    pub changes: Vec<ChangeLine>,
    writes: Vec<writing::Write>,
}

impl Plan {
    /// Whether there is anything to write.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        !self.writes.is_empty()
    }
}

/// A key that was made because the file gives none. It is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKey {
    /// Name of its workspace.
    pub workspace: String,
    /// Its name.
    pub name: String,
    /// The key itself.
    pub key: Secret,
}

/// Reads a file and checks all that can be checked without the store.
///
/// # Errors
/// [`ApplyError::Syntax`], or [`ApplyError::Invalid`] with every problem.
pub fn read(input: &Input<'_>) -> Result<File, ApplyError> {
    let table: toml::Table = toml::from_str(input.text).map_err(|error| {
        let before = error.span().and_then(|span| input.text.get(..span.start)).unwrap_or_default();
        ApplyError::Syntax { line: before.matches('\n').count() + 1, message: error.message().to_owned() }
    })?;
    let mut problems = Vec::new();
    let filled = variables::fill(toml::Value::Table(table), "", input.environment, &mut problems);
    let Value::Object(members) = filled else { return Ok(File { workspaces: Vec::new() }) };
    let mut reading = file::Reading { read: input.read, plans: input.plans, problems };
    let workspaces = reading.workspaces(members);
    let problems = first_of_each(reading.problems);
    if problems.is_empty() { Ok(File { workspaces }) } else { Err(ApplyError::Invalid(problems)) }
}

/// A field that could not be filled in is not complained about a second time for being empty.
fn first_of_each(problems: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let mut seen = std::collections::BTreeSet::new();
    problems.into_iter().filter(|problem| seen.insert(problem.field.clone())).collect()
}
