//! The references' own examples, as data in `tests/dialects/<surface>/`: each request as it is published, and what the
//! answer must hold. A file is a scenario; its steps share what they keep.
//!
//! In an expected answer an object holds at least the given members, `"..."` after an element of a list means one or more
//! like it, and `"<uuid>"`, `"<time>"`, `"<date>"`, `"<text>"`, `"<number>"`, `"<bool>"` and `"<any>"` stand for values.
//! `{name}` stands for what was kept under the name; `key`, `agent_key`, `agent_id`, `session` and `workspace_id` are known
//! from the start.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::support::gateway::{Gateway, scenario};

/// A published request and what its answer must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Which sentence of the reference it is.
    name: String,
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    /// HTTP status.
    status: u16,
    /// The beginning of the answer's `Content-Type`.
    #[serde(default = "json_type")]
    r#type: String,
    /// What the answer holds: its JSON, or the list of the values of a stream.
    #[serde(default)]
    answer: Value,
    /// Names of headers that the answer has.
    #[serde(default)]
    answer_headers: Vec<String>,
    /// Name of what is kept, by its JSON pointer in the answer; `cookie:NAME` keeps a cookie.
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

fn json_type() -> String {
    "application/json".to_owned()
}

macro_rules! dialects {
    ($($surface:ident)+) => { $(
        #[test]
        fn $surface() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects").join(stringify!($surface));
            let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            assert!(!files.is_empty());
            for file in files {
                let steps: Vec<Step> = serde_json::from_slice(&std::fs::read(&file).unwrap())
                    .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                scenario(|gateway| async move { play(&gateway, &file, steps).await });
            }
        }
    )+ };
}

dialects! { functions assistant platform }

async fn play(gateway: &Gateway, file: &Path, steps: Vec<Step>) {
    let mut kept = BTreeMap::from([
        ("key".to_owned(), gateway.acme.key.clone()),
        ("agent_key".to_owned(), gateway.acme.agent_key.clone()),
        ("agent_id".to_owned(), gateway.acme.agent.id.clone()),
        ("session".to_owned(), gateway.acme.session.clone()),
        ("workspace_id".to_owned(), gateway.acme.workspace.id.clone()),
    ]);
    for step in steps {
        let place = format!("{}: {}", file.display(), step.name);
        let mut request = gateway.ask(&step.method, &filled(&step.path, &kept));
        for (name, value) in &step.headers {
            request = request.header(name, filled(value, &kept));
        }
        if let Some(body) = &step.body {
            let text = filled(&body.to_string(), &kept);
            request = request.header("content-type", "application/json").body(text);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        assert_eq!(status, step.status, "{place}: {text}");
        let kind = headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
        if status != 204 {
            assert!(kind.starts_with(&step.r#type), "{place}: {kind}");
        }
        for name in &step.answer_headers {
            assert!(headers.contains_key(name), "{place}: the answer has no {name}");
        }
        let answer = read(kind, &text);
        let expected: Value = serde_json::from_str(&filled(&step.answer.to_string(), &kept)).unwrap();
        if let Err(difference) = holds(&expected, &answer, "") {
            panic!("{place}: {difference} in {answer:#}");
        }
        for (name, source) in step.keep {
            let found = match source.strip_prefix("cookie:") {
                Some(cookie) => headers.get_all("set-cookie").iter().find_map(|value| {
                    let (name, rest) = value.to_str().unwrap().split_once('=')?;
                    (name == cookie).then(|| rest.split(';').next().unwrap_or_default().to_owned())
                }),
                None => answer.pointer(&source).map(|value| value.as_str().map_or(value.to_string(), str::to_owned)),
            };
            kept.insert(name, found.unwrap_or_else(|| panic!("{place}: there is no {source} in {answer:#}")));
        }
    }
}

fn filled(text: &str, kept: &BTreeMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// The answer as one value: a stream is the list of its values.
fn read(kind: &str, text: &str) -> Value {
    let lines = |prefix: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix)).filter(|line| !line.trim().is_empty());
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    };
    match kind.split(';').next().unwrap_or_default() {
        "text/event-stream" => lines("data: "),
        "application/x-ndjson" => lines(""),
        _ => serde_json::from_str(text).unwrap_or_default(),
    }
}

fn holds(expected: &Value, found: &Value, place: &str) -> Result<(), String> {
    let differs = || Err(format!("{place}: expected {expected}, found {found}"));
    match (expected, found) {
        (Value::String(text), _) if text.starts_with('<') && text.ends_with('>') => {
            if stands_for(text, found) {
                Ok(())
            } else {
                differs()
            }
        }
        (Value::Object(members), Value::Object(own)) => members.iter().try_for_each(|(name, member)| {
            let at = format!("{place}/{name}");
            own.get(name).map_or_else(|| Err(format!("{at} is missing")), |found| holds(member, found, &at))
        }),
        (Value::Array(elements), Value::Array(own)) => list_holds(elements, own, place),
        _ if expected == found => Ok(()),
        _ => differs(),
    }
}

fn list_holds(elements: &[Value], own: &[Value], place: &str) -> Result<(), String> {
    let mut found = own.iter().enumerate().peekable();
    let mut elements = elements.iter().peekable();
    while let Some(element) = elements.next() {
        let Some((index, value)) = found.next() else { return Err(format!("{place}: {element} is missing")) };
        holds(element, value, &format!("{place}/{index}"))?;
        if elements.next_if(|next| *next == "...").is_some() {
            while found.next_if(|(_, value)| holds(element, value, "").is_ok()).is_some() {}
        }
    }
    found.next().map_or(Ok(()), |(index, value)| Err(format!("{place}/{index} is too much: {value}")))
}

fn stands_for(pattern: &str, found: &Value) -> bool {
    let text = found.as_str();
    match pattern {
        "<uuid>" => text.is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
        "<time>" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "<date>" => text.is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok()),
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        "<number>" => found.is_number(),
        "<bool>" => found.is_boolean(),
        "<any>" => true,
        _ => panic!("{pattern} stands for nothing"),
    }
}

#[test]
fn what_differs_is_found() {
    let answer: Map<String, Value> =
        serde_json::from_str(r#"{"a": [1, 2, "x"], "b": {"c": true, "d": null}}"#).unwrap();
    let answer = Value::Object(answer);
    for (expected, good) in [
        (r#"{"b": {"c": "<bool>"}}"#, true),
        (r#"{"a": ["<number>", "...", "x"]}"#, true),
        (r#"{"a": ["<number>", "x"]}"#, false),
        (r#"{"a": ["<number>", "..."]}"#, false),
        (r#"{"b": {"e": "<any>"}}"#, false),
        (r#"{"b": {"d": "<text>"}}"#, false),
    ] {
        assert_eq!(holds(&serde_json::from_str(expected).unwrap(), &answer, "").is_ok(), good, "{expected}");
    }
}
