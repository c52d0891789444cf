//! The layers of the settings: defaults, file, environment, flags, each later one winning. Every problem is told at
//! once, with the key and the layer it comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::Settings;
use super::keys::{self, Form, KEYS};
use super::problem::{Problem, SettingsError};
use super::span::{self, Span};

/// Variables of the environment that are settings start with this.
const PREFIX: &str = "SWITCHBOARD__";
/// Where the file is looked for when no flag names it.
const FILES: [&str; 2] = ["config/switchboard.toml", "switchboard.toml"];

/// What the command line says about the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--database`.
    pub database: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<String>,
}

/// Values of one source.
struct Layer {
    source: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Settings {
    /// Reads the settings of this process; looks for the file in the working directory.
    ///
    /// # Errors
    /// Everything that is wrong, each with its key and source.
    pub fn load(flags: &Flags, environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        Self::load_in(Path::new(""), flags, environment)
    }

    /// Reads the settings, looking for the file in this folder unless a flag names it.
    pub(super) fn load_in(
        folder: &Path,
        flags: &Flags,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        let mut problems = Vec::new();
        let found = || FILES.iter().map(|file| folder.join(file)).find(|file| file.is_file());
        if let Some(path) = flags.config.clone().or_else(found) {
            match file(&path) {
                Ok(layer) => figment = figment.merge(layer),
                Err(problem) => problems.push(problem),
            }
        }
        for (name, text) in environment {
            if let Some(key) = name.strip_prefix(PREFIX) {
                let key = key.to_ascii_lowercase().replace("__", ".");
                figment = figment.merge(single(format!("environment variable {name}"), &key, text));
            }
        }
        let given = [("listen", &flags.listen), ("database", &flags.database), ("data_dir", &flags.data_dir)];
        for (key, text) in given {
            if let Some(text) = text {
                figment = figment.merge(single(format!("flag --{}", key.replace('_', "-")), key, text));
            }
        }
        problems.extend(judge(&figment));
        if !problems.is_empty() {
            return Err(SettingsError(problems));
        }
        figment.extract().map_err(|errors| {
            let tell = |error: figment::Error| {
                let key = error.path.join(".");
                Problem::new(&key, format!("cannot be used ({}){}", error.kind, origin(&figment, &key)))
            };
            SettingsError(errors.into_iter().map(tell).collect())
        })
    }
}

fn file(path: &Path) -> Result<Layer, Problem> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(&name, format!("the file cannot be read: {error}")))?;
    // The parser's own message would quote the line, which may hold a secret.
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Problem::new(&name, format!("line {line} is no TOML: {}", error.message()))
    })?;
    let value = Value::serialize(table).map_err(|error| Problem::new(&name, error.kind.to_string()))?;
    Ok(Layer { values: value.into_dict().unwrap_or_default(), source: name })
}

/// One value from a text, read as its key wants it. A text that does not fit stays a text, so that the check says so.
fn single(source: String, key: &str, text: &str) -> Layer {
    let text = text.trim();
    let as_text = || Value::from(text);
    let value = match keys::find(key).map(|key| key.form) {
        Some(Form::Number) => text.replace('_', "").parse::<u64>().map_or_else(|_| as_text(), Value::from),
        Some(Form::Flag) => match text {
            "true" | "1" => Value::from(true),
            "false" | "0" => Value::from(false),
            _ => as_text(),
        },
        _ => as_text(),
    };
    Layer { source, values: figment::util::nest(key, value).into_dict().unwrap_or_default() }
}

/// Every unknown key and every value of the wrong form.
fn judge(figment: &Figment) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut leaves = Vec::new();
    if let Ok(all) = figment.extract::<Dict>() {
        flatten("", &all, &mut leaves);
    }
    for leaf in leaves.iter().filter(|leaf| keys::find(leaf).is_none()) {
        let near = nearest(leaf).map(|key| format!("; did you mean `{key}`?")).unwrap_or_default();
        problems.push(Problem::new(leaf, format!("there is no such setting{}{near}", origin(figment, leaf))));
    }
    for key in KEYS {
        let Ok(value) = figment.find_value(key.name) else { continue };
        if let Some(expected) = unfit(key.form, &value) {
            problems.push(Problem::new(key.name, format!("must be {expected}{}", origin(figment, key.name))));
        }
    }
    problems
}

/// Where a value comes from, as the end of a sentence.
fn origin(figment: &Figment, key: &str) -> String {
    figment.find_metadata(key).map(|from| format!(" (from {})", from.name)).unwrap_or_default()
}

fn flatten(prefix: &str, dict: &Dict, leaves: &mut Vec<String>) {
    for (name, value) in dict {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value.as_dict() {
            Some(inner) if keys::find(&path).is_none() && !inner.is_empty() => flatten(&path, inner, leaves),
            Some(_) if KEYS.iter().any(|key| key.name.starts_with(&format!("{path}."))) => {}
            _ => leaves.push(path),
        }
    }
}

/// What the key wants, where the value is something else. An optional key without a value is fine.
fn unfit(form: Form, value: &Value) -> Option<String> {
    if matches!(value, Value::Empty(..)) {
        return None;
    }
    let (fits, expected) = match form {
        Form::Text | Form::Path | Form::Secret => {
            (value.as_str().is_some_and(|text| !text.trim().is_empty()), "a text in quotes, not empty".to_owned())
        }
        Form::Address => (
            value.as_str().is_some_and(|text| text.parse::<std::net::SocketAddr>().is_ok()),
            "an IP address and a port such as \"127.0.0.1:8080\"".to_owned(),
        ),
        Form::Number => (value.deserialize::<u64>().is_ok(), "a whole number, not negative".to_owned()),
        Form::Flag => (value.to_bool().is_some(), "true or false".to_owned()),
        Form::Span => (value.deserialize::<Span>().is_ok(), span::EXPECTED.to_owned()),
        Form::Choice(words) => {
            (value.as_str().is_some_and(|text| words.contains(&text)), format!("one of {}", words.join(", ")))
        }
    };
    (!fits).then_some(expected)
}

/// The known key that ends like the unknown one, or shares most of its letters.
fn nearest(unknown: &str) -> Option<&'static str> {
    let last = unknown.rsplit('.').next().unwrap_or(unknown);
    let same_end = KEYS.iter().find(|key| key.name.rsplit('.').next() == Some(last));
    let starts_alike = || KEYS.iter().find(|key| common_prefix(key.name, unknown) + 3 >= key.name.len());
    same_end.or_else(starts_alike).map(|key| key.name)
}

fn common_prefix(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}
