//! Reads the tables of a file member by member, and collects every problem with its path. A value is never repeated in
//! a problem: it may be a secret.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::domain::errors::FieldProblem;

/// The longest name.
const LONGEST_NAME: usize = 200;

/// A table of the file. What was read is taken out, so that the unknown is left.
pub struct Fields {
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The whole file.
    pub fn root(members: Map<String, Value>) -> Self {
        Self { path: String::new(), members }
    }

    /// The path of a member.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A text, where it is given.
    pub fn optional_text(&mut self, name: &str, problems: &mut Vec<FieldProblem>) -> Option<String> {
        match self.members.remove(name)? {
            Value::String(text) => Some(text),
            // A variable that could not be filled in was told already.
            Value::Null => None,
            _ => {
                problems.push(FieldProblem::new(self.path(name), "a text"));
                None
            }
        }
    }

    /// A list of texts, where it is given.
    pub fn texts(&mut self, name: &str, problems: &mut Vec<FieldProblem>) -> Option<Vec<String>> {
        let texts = match self.members.remove(name)? {
            Value::Array(items) => {
                items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        if texts.is_none() {
            problems.push(FieldProblem::new(self.path(name), "a list of texts"));
        }
        texts
    }

    /// A number within these bounds, where it is given.
    pub fn limit(
        &mut self,
        name: &str,
        bounds: RangeInclusive<u32>,
        expected: &str,
        problems: &mut Vec<FieldProblem>,
    ) -> Option<u32> {
        let given = self.members.remove(name).filter(|value| !value.is_null())?;
        let limit = given.as_u64().and_then(|limit| u32::try_from(limit).ok()).filter(|limit| bounds.contains(limit));
        if limit.is_none() {
            problems.push(FieldProblem::new(self.path(name), expected));
        }
        limit
    }

    /// A text that must be there; the empty text stands in for one that is not.
    pub fn text(&mut self, name: &str, expected: &str, problems: &mut Vec<FieldProblem>) -> String {
        if !self.members.contains_key(name) {
            problems.push(FieldProblem::new(self.path(name), expected));
        }
        self.optional_text(name, problems).unwrap_or_default()
    }

    /// The table's `name`.
    pub fn name(&mut self, problems: &mut Vec<FieldProblem>) -> String {
        const EXPECTED: &str = "a name of 1 to 200 characters, without blanks at its ends";
        let given = self.members.get("name").is_some_and(Value::is_string);
        let name = self.text("name", EXPECTED, problems);
        let fine = (1..=LONGEST_NAME).contains(&name.chars().count())
            && name.trim().len() == name.len()
            && !name.chars().any(char::is_control);
        if given && !fine {
            problems.push(FieldProblem::new(self.path("name"), EXPECTED));
        }
        name
    }

    /// A value as it stands, where it is given.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// A table, where it is given.
    pub fn table(&mut self, name: &str, problems: &mut Vec<FieldProblem>) -> Option<Self> {
        let path = self.path(name);
        match self.take(name)? {
            Value::Object(members) => Some(Self { path, members }),
            _ => {
                problems.push(FieldProblem::new(path, "a table"));
                None
            }
        }
    }

    /// A list of tables.
    pub fn tables(&mut self, name: &str, problems: &mut Vec<FieldProblem>) -> Vec<Self> {
        let path = self.path(name);
        let items = match self.members.remove(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                problems.push(FieldProblem::new(path, "a list of tables"));
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item {
                Value::Object(members) => tables.push(Self { path, members }),
                _ => problems.push(FieldProblem::new(path, "a table")),
            }
        }
        tables
    }

    /// All that was not read, with the path of the table.
    pub fn rest(self) -> (String, Map<String, Value>) {
        let told = |value: &Value| !value.is_null();
        (self.path, self.members.into_iter().filter(|(_, value)| told(value)).collect())
    }

    /// Complains about all that was not read.
    pub fn finish(self, problems: &mut Vec<FieldProblem>) {
        let unknown =
            self.members.keys().map(|name| FieldProblem::new(self.path(name), "nothing: there is no such field"));
        problems.extend(unknown.collect::<Vec<_>>());
    }
}

/// Complains about the second and later of equal names.
pub fn unique<'a>(names: impl Iterator<Item = (&'a str, String)>, problems: &mut Vec<FieldProblem>) {
    let mut seen = std::collections::BTreeSet::new();
    for (name, path) in names {
        if !name.is_empty() && !seen.insert(name) {
            problems.push(FieldProblem::new(path, "a value that stands only once in the file"));
        }
    }
}
