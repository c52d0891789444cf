//! A workspace's own agents: made, changed and removed. The rules for what an agent may be are the same here and in
//! the file that `apply` reads. A model's key goes in and never comes out again.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use switchboard_channels::contract::credentials::Secret;

use super::{Switchboard, actions};
use crate::domain::agents::{Agent, AgentSettings};
use crate::domain::changes::Idempotency;
use crate::domain::channels::{LONGEST_NAME, is_name};
use crate::domain::errors::FieldProblem;
use crate::llm::endpoint::Endpoint;
use crate::llm::{Model, ModelNameError};
use crate::store::StoreError;
use crate::store::agents::{Removed, StoredAgent};

/// Longest instructions, in characters.
const LONGEST_INSTRUCTIONS: usize = 100_000;

/// What of an agent shall be so; what is none stays, or has its default in a new one.
#[derive(Debug, Default)]
pub struct AgentWish {
    /// Its name.
    pub name: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// What it is told about itself.
    pub instructions: Option<String>,
    /// Settings, member by member: null gives the default back, what is not named stays.
    pub settings: Map<String, Value>,
    /// Key of its model's endpoint; inside, none: without one.
    pub api_key: Option<Option<Secret>>,
    /// Whether it answers.
    pub is_active: Option<bool>,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum Unmade {
    /// There is no such agent in this workspace.
    Unknown,
    /// These fields cannot work.
    Fields(Vec<FieldProblem>),
    /// Something else stands in the way.
    Conflict(&'static str),
    /// The idempotency key was used for something else.
    KeyMismatch,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for Unmade {
    fn from(error: StoreError) -> Self {
        if error.is_taken() {
            Self::Conflict("another agent of the workspace has this name")
        } else {
            Self::Store(error)
        }
    }
}

impl Switchboard {
    /// Makes an agent of the workspace, once for each key. Gives it, and whether it was made before under the same key.
    ///
    /// # Errors
    /// See [`Unmade`].
    pub async fn create_agent(
        &self,
        workspace_id: &str,
        wish: AgentWish,
        key: Option<String>,
    ) -> Result<(Agent, bool), Unmade> {
        let blank = StoredAgent {
            agent: Agent {
                id: self.store.clock().id(),
                workspace_id: workspace_id.to_owned(),
                name: String::new(),
                model: String::new(),
                instructions: String::new(),
                settings: AgentSettings::default(),
                is_active: true,
                created_at: self.now(),
            },
            api_key: None,
        };
        let asked = json!([
            "agent",
            wish.name,
            wish.model,
            wish.instructions,
            wish.settings,
            wish.is_active,
            wish.api_key.as_ref().map(|key| key.as_ref().map(Secret::reveal))
        ]);
        let stored = wish.laid_over(blank)?;
        let key = key.map(|key| Idempotency {
            key,
            request_hash: self.keyed_hash(&asked.to_string()),
            result_id: stored.agent.id.clone(),
        });
        let added = match self.store.add_agent(&stored, key.as_ref()).await {
            // The same request may just have been first.
            Err(error) if error.is_taken() && key.is_some() => self.store.add_agent(&stored, key.as_ref()).await?,
            added => added?,
        };
        match added {
            None => {
                self.directory.forget_agent(&stored.agent.id);
                Ok((stored.agent, false))
            }
            Some(earlier) if key.is_some_and(|key| key.request_hash != earlier.request_hash) => {
                Err(Unmade::KeyMismatch)
            }
            Some(earlier) => {
                let found = self.store.agent_by_id(&earlier.result_id).await?;
                let found = found.filter(|found| found.agent.workspace_id == workspace_id);
                found.map(|found| (found.agent, true)).ok_or(Unmade::KeyMismatch)
            }
        }
    }

    /// Changes an agent of the workspace member by member.
    ///
    /// # Errors
    /// See [`Unmade`].
    pub async fn amend_agent(&self, workspace_id: &str, id: &str, wish: AgentWish) -> Result<Agent, Unmade> {
        let changed = self.store.change_agent(workspace_id, id, |stored| wish.laid_over(stored)).await?;
        let changed = changed.ok_or(Unmade::Unknown)??;
        self.directory.forget_agent(id);
        Ok(changed.agent)
    }

    /// Removes an agent of the workspace that no channel uses, with its documents and its own keys.
    ///
    /// # Errors
    /// See [`Unmade`].
    pub async fn remove_agent(&self, workspace_id: &str, id: &str) -> Result<(), Unmade> {
        match self.store.remove_agent(workspace_id, id).await? {
            Removed::Gone => {
                self.directory.forget_agent(id);
                Ok(())
            }
            Removed::Used => Err(Unmade::Conflict("channels use this agent; give them another one first")),
            Removed::Unknown => Err(Unmade::Unknown),
        }
    }

    /// A code over what is asked. It is keyed, because what is asked may hold a secret that can be guessed.
    fn keyed_hash(&self, asked: &str) -> String {
        let code = Hmac::<Sha256>::new_from_slice(&self.options.token_key);
        code.map(|mac| hex::encode(mac.chain_update(asked.as_bytes()).finalize().into_bytes())).unwrap_or_default()
    }
}

impl AgentWish {
    /// The agent as it shall be.
    fn laid_over(self, stored: StoredAgent) -> Result<StoredAgent, Unmade> {
        let mut problems = Vec::new();
        let StoredAgent { agent, api_key } = stored;
        let base_url = agent.settings.base_url.clone();
        let settings = match self.settings.is_empty() {
            true => agent.settings,
            false => {
                let mut members = match serde_json::to_value(&agent.settings) {
                    Ok(Value::Object(members)) => members,
                    _ => Map::new(),
                };
                members.extend(self.settings);
                members.retain(|_, value| !value.is_null());
                read_settings("settings", members, &mut problems)
            }
        };
        if settings.base_url != base_url && api_key.is_some() && self.api_key.is_none() {
            let expected = "the key for the new settings.base_url, or null: the old key is not sent to another address";
            problems.push(FieldProblem::new("api_key", expected));
        }
        let api_key = self.api_key.unwrap_or(api_key);
        if api_key.as_ref().is_some_and(|key| !is_token(key.reveal())) {
            problems.push(FieldProblem::new("api_key", "a key of visible ASCII characters"));
        }
        let agent = Agent {
            name: self.name.unwrap_or(agent.name),
            model: self.model.unwrap_or(agent.model),
            instructions: self.instructions.unwrap_or(agent.instructions),
            is_active: self.is_active.unwrap_or(agent.is_active),
            settings,
            ..agent
        };
        if !is_name(&agent.name) {
            let expected = format!("a name of 1 to {LONGEST_NAME} characters, without blanks at its ends");
            problems.push(FieldProblem::new("name", expected));
        }
        if agent.instructions.chars().count() > LONGEST_INSTRUCTIONS || agent.instructions.contains('\0') {
            let expected = format!("at most {LONGEST_INSTRUCTIONS} characters, without NUL");
            problems.push(FieldProblem::new("instructions", expected));
        }
        problems.extend(model_problems(&agent.model, &agent.settings, "model", "settings.base_url"));
        if problems.is_empty() { Ok(StoredAgent { agent, api_key }) } else { Err(Unmade::Fields(problems)) }
    }
}

/// The largest number of a setting, which every program that reads it can hold.
const LARGEST_NUMBER: u64 = 2_147_483_647;
/// Settings whose zero means something.
const MAY_BE_ZERO: [&str; 5] = ["queue", "passages", "max_tool_rounds", "max_tool_calls", "max_answers"];

/// Reads settings member by member; what cannot be a setting is a problem under `path`.
pub fn read_settings(path: &str, members: Map<String, Value>, problems: &mut Vec<FieldProblem>) -> AgentSettings {
    let defaults = serde_json::to_value(AgentSettings::default()).unwrap_or_default();
    let mut fitting = Map::new();
    for (name, value) in members {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        let expected = match (defaults.get(&name), serde_json::from_value::<AgentSettings>(alone).is_ok()) {
            (None, _) => "nothing: there is no such field",
            (Some(Value::Number(_)), false) => "a whole number, not negative",
            (Some(Value::Number(_)), true) if value.as_u64().is_none_or(|number| number > LARGEST_NUMBER) => {
                "a whole number of at most 2147483647"
            }
            (Some(Value::Array(_)), false) => "a list of texts",
            (Some(Value::Bool(_)), false) => "true or false",
            (Some(_), false) => "a text",
            (Some(Value::Array(_)), true) if !only_known_tools(&value) => "names of actions, or * for all of them",
            (Some(Value::Number(_)), true) if value.as_u64() == Some(0) && !MAY_BE_ZERO.contains(&name.as_str()) => {
                "a number above zero"
            }
            (Some(_), true) => {
                fitting.insert(name, value);
                continue;
            }
        };
        problems.push(FieldProblem::new(format!("{path}.{name}"), expected));
    }
    serde_json::from_value(Value::Object(fitting)).unwrap_or_default()
}

fn only_known_tools(names: &Value) -> bool {
    names.as_array().is_some_and(|names| names.iter().filter_map(Value::as_str).all(actions::is_known))
}

/// What is wrong with a model, and with the one that stands in for it, under these settings; the two fields are called as
/// the caller calls them.
pub fn model_problems(model: &str, settings: &AgentSettings, field: &str, base_url: &str) -> Vec<FieldProblem> {
    let endpoint = settings.base_url.as_deref().map(Endpoint::new);
    let names = [Some(model), settings.fallback_model.as_deref().filter(|name| !name.is_empty())];
    let complaints = names.into_iter().flatten().filter_map(|name| {
        let complaint = Model::parse(name, endpoint.as_ref()).err()?;
        // The workspace's account with that provider says where its models are served.
        let told_elsewhere = matches!(complaint, ModelNameError::NoEndpoint(_)) && name.starts_with("compatible/");
        (!told_elsewhere).then_some(complaint)
    });
    let problems = complaints.map(|complaint| match complaint {
        ModelNameError::Empty | ModelNameError::UnknownBuiltin(_) => {
            FieldProblem::new(field, "builtin/knowledge, builtin/echo or a model's name")
        }
        ModelNameError::NoEndpoint(_) => {
            FieldProblem::new(base_url, "the address of the endpoint that serves the model")
        }
        ModelNameError::BaseAddress(_) => FieldProblem::new(base_url, "an http or https address"),
    });
    problems.collect()
}

/// Whether a text can be a key in a header.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
