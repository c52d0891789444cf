//! Freshness: the documents in `docs/` that the binary writes are what it writes now. The binary is asked itself, so
//! that what stands in the documentation is what a user would get from the same command.

use std::process::Command;

/// Each generated document, and the command of the binary that prints it.
pub const DOCUMENTS: [(&str, &str); 3] =
    [("docs/openapi.json", "openapi"), ("docs/errors.md", "errors"), ("docs/configuration.md", "config-reference")];

/// What the binary prints for a command, in an empty environment: no setting may leak into the documents.
pub fn generate(binary: &str, command: &str) -> String {
    let output = Command::new(binary).arg(command).env_clear().output().expect("the binary can be started");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`switchboard {command}` failed: {complaint}");
    String::from_utf8(output.stdout).expect("documents are UTF-8")
}

/// Where the document and what the binary made of it first differ.
pub fn compare(path: &str, command: &str, kept: &str, made: &str) -> Vec<String> {
    let remedy = format!("run `cargo run -- {command} > {path}`");
    if made.trim().is_empty() {
        return vec![format!("`switchboard {command}` prints nothing")];
    }
    if kept == made {
        return Vec::new();
    }
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(made.lines().count())) + 1;
    vec![format!("{path} is stale from line {line} on: {remedy}")]
}

#[test]
fn a_stale_document_is_found() {
    let breaches = |kept, made| compare("docs/errors.md", "errors", kept, made);
    assert_eq!(breaches("a\nb\n", "a\nb\n"), Vec::<String>::new());
    for (kept, made, line) in [("a\nb\n", "a\nc\n", 2), ("", "a\n", 1), ("a\n", "a\nb\n", 2), ("a", "a\n", 2)] {
        let found = breaches(kept, made);
        assert!(found.iter().any(|breach| breach.contains(&format!("line {line} "))), "{found:?}");
    }
    assert_eq!(breaches("", "").len(), 1, "an empty document agrees with everything");
}
