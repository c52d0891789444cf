//! What agents and workflows can do to the product: a table of actions, one file for a column. An action is a sentence
//! of the product with its name, its schema and the permission it needs; it decides nothing that the sentence does not.
//!
//! To add one: a constant `Entry` in the file of its column, and its name in `ENTRIES`.

mod contacts;
mod days;
mod follow_ups;
mod handover;
mod leads;
mod memories;
mod tasks;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Switchboard;
use super::once::Refused;
use crate::domain::actions::{Action, ActionError, Actions, Call, Occasion, Outcome};
use crate::domain::contacts::Person;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::principals::Permission;
use crate::net::Client;
use crate::store::StoreError;

/// Every action, in the order in which catalogues show them.
const ENTRIES: &[Entry] = &[
    contacts::SEARCH,
    contacts::READ_TIMELINE,
    contacts::CREATE,
    contacts::UPDATE,
    tasks::LIST,
    tasks::CREATE,
    tasks::COMPLETE,
    follow_ups::LIST,
    follow_ups::SET,
    days::READ,
    memories::SEARCH,
    memories::REMEMBER,
    leads::CAPTURE,
    handover::HAND_OVER,
];

/// The word in an agent's settings that stands for every action.
const EVERY: &str = "*";

/// An action and how it is done.
struct Entry {
    name: &'static str,
    description: &'static str,
    /// JSON Schema of the arguments.
    parameters: fn() -> Value,
    /// What whoever acts must be allowed to do.
    permission: Permission,
    /// It tells of all the workspace's people at once, so it is for those of the workspace alone.
    team_only: bool,
    run: for<'a> fn(&'a Tools, &'a Occasion, Call) -> BoxFuture<'a, Result<Outcome, ActionError>>,
}

impl Entry {
    fn action(&self) -> Action {
        Action { name: self.name.to_owned(), description: self.description.to_owned(), parameters: (self.parameters)() }
    }
}

/// Whether an agent may have an action of this name: one of the table, or the word for all of them.
#[must_use]
pub fn is_known(name: &str) -> bool {
    words().any(|word| word == name)
}

/// The names of all actions, and the word for all of them.
pub fn words() -> impl Iterator<Item = &'static str> {
    std::iter::once(EVERY).chain(ENTRIES.iter().map(|entry| entry.name))
}

/// The actions that the agent of an occasion is given and that its permissions allow.
async fn allowed(switchboard: &Switchboard, occasion: &Occasion) -> Result<Vec<&'static Entry>, ActionError> {
    let agent = match &occasion.agent_id {
        None => None,
        Some(id) => {
            let agent = switchboard.directory.agent(id).await?;
            let agent = agent.filter(|agent| agent.workspace_id == occasion.workspace_id);
            Some(agent.ok_or_else(|| ActionError::unknown("agent"))?)
        }
    };
    let given = |entry: &&Entry| {
        let listed = |agent: &crate::domain::agents::Agent| {
            agent.settings.tools.iter().any(|tool| tool == EVERY || tool == entry.name)
        };
        let reaches = !entry.team_only || occasion.only_person().is_none();
        reaches && occasion.permissions.has(entry.permission) && agent.as_deref().is_none_or(listed)
    };
    Ok(ENTRIES.iter().filter(given).collect())
}

/// The doing of actions: the product, and the way out for what is read elsewhere.
pub struct Tools {
    switchboard: Switchboard,
    client: Client,
}

impl Tools {
    /// Actions of this product, with this way out.
    #[must_use]
    pub const fn new(switchboard: Switchboard, client: Client) -> Self {
        Self { switchboard, client }
    }
}

impl Actions for Tools {
    fn catalogue<'a>(&'a self, occasion: &'a Occasion) -> BoxFuture<'a, Result<Vec<Action>, ActionError>> {
        Box::pin(
            async move { Ok(allowed(&self.switchboard, occasion).await?.into_iter().map(Entry::action).collect()) },
        )
    }

    fn invoke<'a>(&'a self, occasion: &'a Occasion, call: Call) -> BoxFuture<'a, Result<Outcome, ActionError>> {
        Box::pin(async move {
            let entry = allowed(&self.switchboard, occasion).await?.into_iter().find(|entry| entry.name == call.name);
            let entry = entry.ok_or_else(|| ActionError::unknown("action"))?;
            entry.action().judge(&call.arguments)?;
            (entry.run)(self, occasion, call).await
        })
    }
}

/// The arguments of a call, which its schema has judged already.
fn arguments<T: DeserializeOwned>(call: &Call) -> Result<T, ActionError> {
    serde_json::from_value(call.arguments.clone())
        .map_err(|error| ActionError::new(Code::InvalidRequest, error.to_string()))
}

/// Whom a call is about: the contact that it names, else the person of the conversation, of whom a call for the team is
/// not by itself, for its conversation is somebody's with their assistant.
async fn subject(
    switchboard: &Switchboard,
    occasion: &Occasion,
    named: Option<String>,
) -> Result<Option<String>, ActionError> {
    match (named, occasion.only_person()) {
        (None, Some(only)) => Ok(Some(only.to_owned())),
        (None, None) if occasion.agent_id.is_some() => Ok(None),
        (None, None) => Ok(occasion.contact_id.clone()),
        (Some(id), _) => Ok(Some(person(switchboard, occasion, Some(id)).await?.id)),
    }
}

/// The person whom a call names, else the one of the conversation. Somebody else than the one person of the occasion is
/// nobody.
async fn person(
    switchboard: &Switchboard,
    occasion: &Occasion,
    contact_id: Option<String>,
) -> Result<Person, ActionError> {
    let unknown = || ActionError::unknown("contact");
    let id = contact_id.or_else(|| occasion.contact_id.clone());
    let id = id.ok_or_else(|| ActionError::fields(vec![FieldProblem::new("contact_id", "a contact")]))?;
    let id = id.to_ascii_lowercase();
    let person = switchboard.store.person(&occasion.workspace_id, &id).await?.ok_or_else(unknown)?;
    if let Some(only) = occasion.only_person() {
        let only = switchboard.store.person(&occasion.workspace_id, only).await?.ok_or_else(unknown)?;
        return if only.id == person.id { Ok(person) } else { Err(unknown()) };
    }
    Ok(person)
}

/// How a schema says whom a call is about.
fn about() -> Value {
    serde_json::json!({
        "type": "string", "maxLength": 64,
        "description": "The person it is about, as search_contacts names them; without it the customer you talk with, if any.",
    })
}

/// Why something that is made once was not.
fn once(refused: Refused) -> ActionError {
    match refused {
        Refused::Unknown => ActionError::unknown("task, person or conversation"),
        Refused::Fields(problems) => ActionError::fields(problems),
        Refused::KeyMismatch | Refused::Gone => {
            ActionError::new(Code::Conflict, "this call has made something else before")
        }
        Refused::Store(error) => error.into(),
    }
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "an action could not be done");
        Self::new(Code::Unavailable, "this cannot be done just now")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_and_a_schema_that_closes_its_arguments() {
        let mut names = HashSet::new();
        for entry in ENTRIES {
            assert!(names.insert(entry.name), "{} twice", entry.name);
            assert!(entry.name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'));
            assert!(entry.name.len() <= 64 && !entry.description.is_empty());
            let action = entry.action();
            assert_eq!(action.parameters["type"], "object", "{}", entry.name);
            assert_eq!(action.parameters["additionalProperties"], false, "{}", entry.name);
            let refused = action.judge(&serde_json::json!({ "nobody knows this": 1 })).unwrap_err();
            assert_eq!(refused.code, Code::InvalidRequest, "{}", entry.name);
            assert!(is_known(entry.name));
        }
        assert!(is_known("*") && !is_known("drop_tables"));
    }
}
