//! The shape of the file: workspaces with their agents, knowledge, channels and keys, checked as far as the file alone
//! can be checked. What is already stored is looked at later.

use std::io;
use std::path::Path;

use serde_json::{Map, Value};
use switchboard_channels::Kind;
use switchboard_channels::contract::credentials::Secret;

use crate::domain::agents::AgentSettings;
use crate::domain::api_keys;
use crate::domain::errors::FieldProblem;
use crate::domain::plans::Plans;
use crate::llm::endpoint::Endpoint;
use crate::llm::{Model, ModelNameError};
use crate::usecases::actions;
use crate::usecases::knowledge::{Document, Markup};
use crate::usecases::vendors::settings::{self as vendors, Accepted};

use super::expiry;
use super::fields::{Fields, unique};

/// The name of the channel that every workspace has for its HTTP API.
pub const API_CHANNEL: &str = "api";

/// Numbers of an agent's settings that may be zero.
const MAY_BE_ZERO: [&str; 5] = ["queue", "passages", "max_tool_rounds", "max_tool_calls", "max_answers"];

/// A workspace as the file wants it.
pub struct Workspace {
    pub path: String,
    pub name: String,
    pub plan: String,
    pub agents: Vec<Agent>,
    pub channels: Vec<Channel>,
    pub api_keys: Vec<ApiKey>,
}

/// An agent as the file wants it.
pub struct Agent {
    pub path: String,
    pub name: String,
    pub model: String,
    pub instructions: String,
    pub settings: AgentSettings,
    pub api_key: Option<Secret>,
    pub knowledge: Vec<Document>,
}

/// A channel as the file wants it.
pub struct Channel {
    pub path: String,
    pub name: String,
    pub kind: Kind,
    pub agent: Option<String>,
    pub accepted: Accepted,
}

/// A key as the file wants it; without a secret one is made.
pub struct ApiKey {
    pub path: String,
    pub name: String,
    pub secret: Option<Secret>,
    pub agent: Option<String>,
    pub expires_at: Option<i64>,
}

/// What reading a file needs besides its text.
pub struct Reading<'a> {
    /// Reads a file that the file names, by its path in it.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The plans that exist.
    pub plans: &'a Plans,
    /// Everything that is wrong so far.
    pub problems: Vec<FieldProblem>,
}

impl Reading<'_> {
    /// The workspaces of a file.
    pub fn workspaces(&mut self, file: Map<String, Value>) -> Vec<Workspace> {
        let mut root = Fields::root(file);
        let tables = root.tables("workspaces", &mut self.problems);
        root.finish(&mut self.problems);
        let workspaces: Vec<Workspace> = tables.into_iter().map(|table| self.workspace(table)).collect();
        unique(workspaces.iter().map(|one| (one.name.as_str(), format!("{}.name", one.path))), &mut self.problems);
        let channels = || workspaces.iter().flat_map(|workspace| &workspace.channels);
        let accounts: Vec<(String, String)> = channels()
            .filter_map(|channel| {
                let account = channel.accepted.account.as_ref()?;
                Some((
                    format!("{} {account}", channel.kind.as_str()),
                    format!("{} (the vendor's account)", channel.path),
                ))
            })
            .collect();
        unique(accounts.iter().map(|(account, path)| (account.as_str(), path.clone())), &mut self.problems);
        let keys = workspaces.iter().flat_map(|workspace| &workspace.api_keys);
        let secrets = keys.filter_map(|key| Some((key.secret.as_ref()?.reveal(), format!("{}.key", key.path))));
        unique(secrets, &mut self.problems);
        workspaces
    }

    fn workspace(&mut self, mut table: Fields) -> Workspace {
        let path = table.path("").trim_end_matches('.').to_owned();
        let name = table.name(&mut self.problems);
        let plan = table.optional_text("plan", &mut self.problems).unwrap_or_else(|| "free".to_owned());
        if self.plans.get(&plan).is_none() {
            let names: Vec<&str> = self.plans.names().collect();
            self.problems.push(FieldProblem::new(table.path("plan"), format!("one of the plans {}", names.join(", "))));
        }
        if table.has("members") {
            let expected = "nothing: members are not built yet, so leave them out";
            self.problems.push(FieldProblem::new(table.path("members"), expected));
            let _ = table.tables("members", &mut Vec::new());
        }
        let agents: Vec<Agent> =
            table.tables("agents", &mut self.problems).into_iter().map(|agent| self.agent(agent)).collect();
        let channels: Vec<Channel> = table
            .tables("channels", &mut self.problems)
            .into_iter()
            .filter_map(|channel| self.channel(channel))
            .collect();
        let api_keys: Vec<ApiKey> =
            table.tables("api_keys", &mut self.problems).into_iter().map(|key| self.api_key(key)).collect();
        table.finish(&mut self.problems);
        let names = |path: &str| format!("{path}.name");
        unique(agents.iter().map(|one| (one.name.as_str(), names(&one.path))), &mut self.problems);
        unique(channels.iter().map(|one| (one.name.as_str(), names(&one.path))), &mut self.problems);
        unique(api_keys.iter().map(|one| (one.name.as_str(), names(&one.path))), &mut self.problems);
        Workspace { path, name, plan, agents, channels, api_keys }
    }

    fn agent(&mut self, mut table: Fields) -> Agent {
        let path = table.path("").trim_end_matches('.').to_owned();
        let name = table.name(&mut self.problems);
        let model = table.text("model", "builtin/knowledge, builtin/echo or a model's name", &mut self.problems);
        let instructions = table.optional_text("instructions", &mut self.problems).unwrap_or_default();
        let api_key = table.optional_text("api_key", &mut self.problems).map(Secret::new);
        if api_key.as_ref().is_some_and(|key| !is_token(key.reveal())) {
            self.problems.push(FieldProblem::new(table.path("api_key"), "a key of visible ASCII characters"));
        }
        let documents = table.tables("knowledge", &mut self.problems);
        let places: Vec<String> = documents.iter().map(|document| document.path("source")).collect();
        let knowledge: Vec<Document> = documents.into_iter().map(|document| self.document(document)).collect();
        unique(knowledge.iter().map(|one| one.source.as_str()).zip(places), &mut self.problems);
        let settings = self.agent_settings(table);
        let endpoint = settings.base_url.as_deref().map(Endpoint::new);
        for name in
            [Some(&model), settings.fallback_model.as_ref()].into_iter().flatten().filter(|name| !name.is_empty())
        {
            let complaint = Model::parse(name, endpoint.as_ref()).err();
            // The workspace's account with that provider says where its models are served.
            let told_elsewhere = |complaint: &ModelNameError| {
                matches!(complaint, ModelNameError::NoEndpoint(_)) && name.starts_with("compatible/")
            };
            let complaint = complaint.filter(|complaint| !told_elsewhere(complaint));
            self.problems.extend(complaint.map(|complaint| model_problem(&path, &complaint)));
        }
        Agent { path, name, model, instructions, settings, api_key, knowledge }
    }

    fn agent_settings(&mut self, table: Fields) -> AgentSettings {
        let (path, members) = table.rest();
        let defaults = serde_json::to_value(AgentSettings::default()).unwrap_or_default();
        let mut fitting = Map::new();
        for (name, value) in members {
            let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
            let expected = match (defaults.get(&name), serde_json::from_value::<AgentSettings>(alone).is_ok()) {
                (None, _) => "nothing: there is no such field",
                (Some(Value::Number(_)), false) => "a whole number, not negative",
                (Some(Value::Array(_)), false) => "a list of texts",
                (Some(Value::Bool(_)), false) => "true or false",
                (Some(_), false) => "a text",
                (Some(Value::Array(_)), true) if !only_known_tools(&value) => "names of actions, or * for all of them",
                (Some(Value::Number(_)), true)
                    if value.as_u64() == Some(0) && !MAY_BE_ZERO.contains(&name.as_str()) =>
                {
                    "a number above zero"
                }
                (Some(_), true) => {
                    fitting.insert(name, value);
                    continue;
                }
            };
            self.problems.push(FieldProblem::new(format!("{path}.{name}"), expected));
        }
        serde_json::from_value(Value::Object(fitting)).unwrap_or_default()
    }

    fn document(&mut self, mut table: Fields) -> Document {
        let title = table.text("title", "the document's title", &mut self.problems);
        let source = table.optional_text("source", &mut self.problems);
        let inline = table.optional_text("text", &mut self.problems);
        let file = table.optional_text("path", &mut self.problems);
        let (text, markup) = match (inline, &file) {
            (Some(text), None) => (text, Markup::Markdown),
            (None, Some(file)) => match (self.read)(Path::new(file)) {
                Ok(text) => (text, markup_of(file)),
                Err(error) => {
                    let expected = format!("a text file that can be read ({file}: {error})");
                    self.problems.push(FieldProblem::new(table.path("path"), expected));
                    (String::new(), Markup::Plain)
                }
            },
            _ => {
                let expected = "either the document's text, or the path of its file relative to this one";
                self.problems.push(FieldProblem::new(table.path("text"), expected));
                (String::new(), Markup::Plain)
            }
        };
        let source = source.or(file).unwrap_or_else(|| title.clone());
        let told = self.problems.iter().any(|problem| problem.field.starts_with(&table.path("")));
        if !told && text.trim().is_empty() {
            self.problems.push(FieldProblem::new(table.path("text"), "a document that is not empty"));
        }
        table.finish(&mut self.problems);
        Document { title, source, text, markup }
    }

    fn channel(&mut self, mut table: Fields) -> Option<Channel> {
        let path = table.path("").trim_end_matches('.').to_owned();
        let name = table.name(&mut self.problems);
        if name == API_CHANNEL {
            let expected = "another name: every workspace has a channel of this name for its HTTP API";
            self.problems.push(FieldProblem::new(table.path("name"), expected));
        }
        let word = table.text("kind", "whatsapp or widget", &mut self.problems);
        let agent = table.optional_text("agent", &mut self.problems);
        let Some(kind) = Kind::from_word(&word).filter(|kind| *kind != Kind::Api) else {
            if !word.is_empty() {
                self.problems.push(FieldProblem::new(format!("{path}.kind"), "whatsapp or widget"));
            }
            return None;
        };
        let (path, entered) = table.rest();
        match vendors::check_settings(kind, &entered) {
            Ok(accepted) => Some(Channel { path, name, kind, agent, accepted }),
            Err(problems) => {
                let at =
                    |problem: FieldProblem| FieldProblem::new(format!("{path}.{}", problem.field), problem.expected);
                self.problems.extend(problems.into_iter().map(at));
                None
            }
        }
    }

    fn api_key(&mut self, mut table: Fields) -> ApiKey {
        let path = table.path("").trim_end_matches('.').to_owned();
        let name = table.name(&mut self.problems);
        let secret = table.optional_text("key", &mut self.problems).map(Secret::new);
        if secret.as_ref().is_some_and(|key| key.reveal().len() < api_keys::SHORTEST || !is_token(key.reveal())) {
            let expected = "at least 32 visible ASCII characters, or nothing to have a key made";
            self.problems.push(FieldProblem::new(table.path("key"), expected));
        }
        let agent = table.optional_text("agent", &mut self.problems);
        let expiry = table.optional_text("expires_at", &mut self.problems);
        let expires_at = expiry.as_deref().and_then(expiry::unix_millis);
        if expiry.is_some() && expires_at.is_none() {
            let expected = "a date such as 2027-01-31 or 2027-01-31T18:00:00Z";
            self.problems.push(FieldProblem::new(table.path("expires_at"), expected));
        }
        table.finish(&mut self.problems);
        ApiKey { path, name, secret, agent, expires_at }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn markup_of(file: &str) -> Markup {
    let ending = Path::new(file).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if matches!(ending.to_ascii_lowercase().as_str(), "md" | "markdown") { Markup::Markdown } else { Markup::Plain }
}

fn model_problem(path: &str, complaint: &ModelNameError) -> FieldProblem {
    match complaint {
        ModelNameError::Empty | ModelNameError::UnknownBuiltin(_) => {
            FieldProblem::new(format!("{path}.model"), "builtin/knowledge, builtin/echo or a model's name")
        }
        ModelNameError::NoEndpoint(_) => {
            FieldProblem::new(format!("{path}.base_url"), "the address of the endpoint that serves the model")
        }
        ModelNameError::BaseAddress(_) => FieldProblem::new(format!("{path}.base_url"), "an http or https address"),
    }
}

fn only_known_tools(names: &Value) -> bool {
    names.as_array().is_some_and(|names| names.iter().filter_map(Value::as_str).all(actions::is_known))
}
