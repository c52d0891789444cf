//! The ledger: every operation of the OpenAPI document stands in `tests/ledger.toml` with what a stranger, another
//! workspace and too small a role get, and with the scenario that shows it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::source::{Source, identifiers};

/// The words of a path item that are operations; the others describe it.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// What the ledger says of one operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// 401, or "public" where anyone may call.
    anonymous: Answer,
    /// 404, or "n/a" where nothing of a workspace is named.
    other_workspace: Answer,
    /// 403, or "n/a" where every role may call: 403 goes with `needs`.
    too_small_role: Answer,
    /// `tests/it/api/<surface>/<column>.rs::<function>`.
    scenario: String,
    /// The permission that it needs, as the document's `x-permission` says; absent where none is needed.
    needs: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Answer {
    Status(u16),
    Word(String),
}

impl Answer {
    fn is(&self, status: u16, word: &str) -> bool {
        match self {
            Self::Status(own) => *own == status,
            Self::Word(own) => own == word,
        }
    }
}

/// Where ledger, document and scenarios differ. `find` gives the text of a file of the house, if it exists.
pub fn check<'a>(document: &str, ledger: &str, find: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let document: Value = match serde_json::from_str(document) {
        Ok(document) => document,
        Err(error) => return vec![format!("docs/openapi.json is not JSON: {error}")],
    };
    let ledger: BTreeMap<String, Entry> = match toml::from_str(ledger) {
        Ok(ledger) => ledger,
        Err(error) => return vec![format!("tests/ledger.toml: {error}")],
    };
    let operations = operations(&document);
    if operations.is_empty() {
        return vec!["docs/openapi.json has no operation".to_owned()];
    }
    let known: BTreeSet<&String> = operations.keys().collect();
    let kept: BTreeSet<&String> = ledger.keys().collect();
    let mut breaches: Vec<String> =
        known.difference(&kept).map(|name| format!("{name} is not in the ledger")).collect();
    breaches.extend(kept.difference(&known).map(|name| format!("{name} is in the ledger, but is no operation")));
    for (name, entry) in &ledger {
        let public = operations.get(name).map(|operation| operation.public);
        if let Some(operation) = operations.get(name)
            && operation.needs != entry.needs
        {
            breaches.push(format!("{name}: `x-permission` of the document and `needs` differ"));
        }
        breaches.extend(problems(entry, public, &find).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    breaches
}

/// What the document says of one operation.
struct Operation {
    /// Whether anyone may call it.
    public: bool,
    /// Its `x-permission`.
    needs: Option<String>,
}

/// The operations as "METHOD path".
fn operations(document: &Value) -> BTreeMap<String, Operation> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                let security = operation.get("security").or_else(|| document.get("security"));
                let needs = operation.get("x-permission").and_then(Value::as_str).map(str::to_owned);
                let said = Operation { public: is_public(security), needs };
                found.insert(format!("{} {path}", method.to_uppercase()), said);
            }
        }
    }
    found
}

/// By the specification: no requirement at all, or one that asks for nothing.
fn is_public(security: Option<&Value>) -> bool {
    let requirements = security.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    requirements.is_empty() || requirements.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty))
}

fn problems<'a>(entry: &Entry, public: Option<bool>, find: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let mut found = Vec::new();
    let mut demand = |holds: bool, problem: &str| {
        if !holds {
            found.push(problem.to_owned());
        }
    };
    demand(entry.anonymous.is(401, "public"), "anonymous is 401 or \"public\"");
    demand(entry.other_workspace.is(404, "n/a"), "other_workspace is 404 or \"n/a\"");
    demand(entry.too_small_role.is(403, "n/a"), "too_small_role is 403 or \"n/a\"");
    let said_public = entry.anonymous == Answer::Word("public".to_owned());
    demand(public.is_none_or(|public| public == said_public), "`security` of the document and `anonymous` differ");
    demand(entry.needs.is_some() == entry.too_small_role.is(403, ""), "`needs` goes with too_small_role = 403");
    demand(!said_public || entry.too_small_role.is(0, "n/a"), "what anyone may call needs no role");
    match entry.scenario.split_once("::") {
        Some((path, function)) => match find(path) {
            Some(text) => demand(defines(path, text, function), "the scenario's file has no such function"),
            None => demand(false, "the scenario's file does not exist"),
        },
        None => demand(false, "scenario is `<file>::<function>`"),
    }
    demand(entry.scenario.starts_with("tests/it/"), "the scenario lies outside tests/it/");
    found
}

/// Whether a file defines a function, as an item or within a macro call.
fn defines(path: &str, text: &str, function: &str) -> bool {
    let words = identifiers(Source::parse(path, text).tokens());
    words.windows(2).any(|pair| pair[0].0 == "fn" && pair[1].0 == function)
}

#[cfg(test)]
mod samples {
    use super::*;

    const DOCUMENT: &str = r#"{"security": [{"key": []}], "paths": {
        "/api/agents/{id}": {"summary": "x", "parameters": [], "get": {"x-permission": "read"}},
        "/health": {"get": {"security": []}}
    }}"#;
    const LEDGER: &str = r#"
["GET /api/agents/{id}"]
anonymous = 401
other_workspace = 404
too_small_role = 403
needs = "read"
scenario = "tests/it/api/platform/agents.rs::reads_one"
["GET /health"]
anonymous = "public"
other_workspace = "n/a"
too_small_role = "n/a"
scenario = "tests/it/api/health.rs::is_well"
"#;

    fn breaches(document: &str, ledger: &str) -> Vec<String> {
        check(document, ledger, |path| match path {
            "tests/it/api/platform/agents.rs" => Some("on_both_databases! { async fn reads_one() {} }"),
            "tests/it/api/health.rs" => Some("#[test] fn is_well() {}"),
            "src/health.rs" => Some("fn is_well() {}"),
            _ => None,
        })
    }

    #[test]
    fn a_complete_ledger_holds() {
        assert_eq!(breaches(DOCUMENT, LEDGER), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_or_too_much_is_found() {
        assert_eq!(breaches(DOCUMENT, &LEDGER[LEDGER.find("[\"GET /health").expect("it is there")..]).len(), 1);
        assert_eq!(breaches(&DOCUMENT.replace("/health", "/health/live"), LEDGER).len(), 2);
        assert_eq!(breaches(&DOCUMENT.replace("\"get\": {\"x", "\"patch\": {}, \"get\": {\"x"), LEDGER).len(), 1);
        assert_eq!(breaches("{\"paths\": {}}", LEDGER), ["docs/openapi.json has no operation"]);
        assert_eq!(breaches("", LEDGER).len(), 1);
    }

    #[test]
    fn a_wrong_answer_is_found() {
        for (right, wrong) in [
            ("anonymous = 401", "anonymous = 200"),
            ("anonymous = 401", "anonymous = \"n/a\""),
            ("anonymous = 401", "anonymous = 401\nnote = \"x\""),
            ("other_workspace = 404", "other_workspace = 403"),
            ("too_small_role = 403\n", ""),
            ("needs = \"read\"", "needs = \"write\""),
            ("too_small_role = 403\nneeds = \"read\"", "too_small_role = \"n/a\"\nneeds = \"read\""),
            ("anonymous = \"public\"", "anonymous = 401"),
        ] {
            assert!(LEDGER.contains(right));
            assert_eq!(breaches(DOCUMENT, &LEDGER.replacen(right, wrong, 1)).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_scenario_that_is_not_there_is_found() {
        for (right, wrong) in [
            ("::reads_one", "::reads_two"),
            ("::reads_one", ""),
            ("platform/agents.rs", "platform/none.rs"),
            ("tests/it/api/health.rs", "src/health.rs"),
        ] {
            assert_eq!(breaches(DOCUMENT, &LEDGER.replacen(right, wrong, 1)).len(), 1, "{wrong}");
        }
    }
}
