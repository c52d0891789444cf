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
use crate::domain::principals::{Permission, Permissions};
use crate::domain::retention::Days;
use crate::usecases::agents::{is_token, model_problems, read_settings};
use crate::usecases::knowledge::{Document, Markup};
use crate::usecases::vendors::settings::{self as vendors, Accepted};

use super::expiry;
use super::fields::{Fields, unique};
use super::keeping;
use super::members::{self, Member};

/// The name of the channel that every workspace has for its HTTP API.
pub const API_CHANNEL: &str = "api";

/// A workspace as the file wants it.
pub struct Workspace {
    pub path: String,
    pub name: String,
    pub plan: String,
    /// Days by class; none: the file says nothing of it.
    pub retention: Option<Days>,
    pub members: Vec<Member>,
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
    /// Days by class, where they are not the workspace's; none: the file says nothing of it.
    pub retention: Option<Days>,
}

/// A key as the file wants it; without a secret one is made.
pub struct ApiKey {
    pub path: String,
    pub name: String,
    pub secret: Option<Secret>,
    pub agent: Option<String>,
    pub scopes: Permissions,
    pub requests_per_minute: Option<u32>,
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
        let retention = keeping::read(&mut table, false, &mut self.problems);
        let tables = table.tables("members", &mut self.problems);
        let members: Vec<Member> = tables.into_iter().map(|one| members::read(one, &mut self.problems)).collect();
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
        unique(members.iter().map(|one| (one.email.as_str(), format!("{}.email", one.path))), &mut self.problems);
        unique(agents.iter().map(|one| (one.name.as_str(), names(&one.path))), &mut self.problems);
        unique(channels.iter().map(|one| (one.name.as_str(), names(&one.path))), &mut self.problems);
        unique(api_keys.iter().map(|one| (one.name.as_str(), names(&one.path))), &mut self.problems);
        Workspace { path, name, plan, retention, members, agents, channels, api_keys }
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
        let (inside, members) = table.rest();
        let settings = read_settings(&inside, members, &mut self.problems);
        if !model.is_empty() {
            let places = (format!("{path}.model"), format!("{path}.base_url"));
            self.problems.extend(model_problems(&model, &settings, &places.0, &places.1));
        }
        Agent { path, name, model, instructions, settings, api_key, knowledge }
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
        let retention = keeping::read(&mut table, true, &mut self.problems);
        let Some(kind) = Kind::from_word(&word).filter(|kind| *kind != Kind::Api) else {
            if !word.is_empty() {
                self.problems.push(FieldProblem::new(format!("{path}.kind"), "whatsapp or widget"));
            }
            return None;
        };
        let (path, entered) = table.rest();
        match vendors::check_settings(kind, &entered) {
            Ok(accepted) => Some(Channel { path, name, kind, agent, accepted, retention }),
            Err(problems) => {
                let at =
                    |problem: FieldProblem| FieldProblem::new(format!("{path}.{}", problem.field), problem.expected);
                self.problems.extend(problems.into_iter().map(at));
                None
            }
        }
    }

    /// What a key may do: unless the file says otherwise all but what only an owner may, and with one agent only chat.
    fn scopes(&mut self, table: &mut Fields, of_agent: bool) -> Permissions {
        let chat = Permissions::of(&[Permission::Chat]);
        let (path, words) = (table.path("scopes"), table.texts("scopes", &mut self.problems));
        let all = words.iter().flatten().map(|word| Permission::parse(word)).collect::<Option<Vec<_>>>();
        let expected = match all {
            None => "words of chat, read, write, manage and own",
            Some(scopes) if of_agent && words.is_some() && Permissions::of(&scopes) != chat => {
                "chat alone, for a key of one agent"
            }
            Some(scopes) if words.is_some() => return Permissions::of(&scopes),
            Some(_) if of_agent => return chat,
            Some(_) => {
                let usual = [Permission::Chat, Permission::Read, Permission::Write, Permission::Manage];
                return Permissions::of(&usual);
            }
        };
        self.problems.push(FieldProblem::new(path, expected));
        chat
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
        let scopes = self.scopes(&mut table, agent.is_some());
        let limit = table.limit("requests_per_minute", api_keys::LIMITS, api_keys::LIMIT, &mut self.problems);
        let expiry = table.optional_text("expires_at", &mut self.problems);
        let expires_at = expiry.as_deref().and_then(expiry::unix_millis);
        if expiry.is_some() && expires_at.is_none() {
            let expected = "a date such as 2027-01-31 or 2027-01-31T18:00:00Z";
            self.problems.push(FieldProblem::new(table.path("expires_at"), expected));
        }
        table.finish(&mut self.problems);
        ApiKey { path, name, secret, agent, scopes, requests_per_minute: limit, expires_at }
    }
}

fn markup_of(file: &str) -> Markup {
    let ending = Path::new(file).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if matches!(ending.to_ascii_lowercase().as_str(), "md" | "markdown") { Markup::Markdown } else { Markup::Plain }
}
