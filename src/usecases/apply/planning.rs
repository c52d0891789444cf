//! What is stored against what the file wants: the difference, as lines for people and as writes. It writes nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use switchboard_channels::Kind;

use crate::domain::agents::Agent;
use crate::domain::api_keys;
use crate::domain::channels::{Channel, ChannelState, MADE, Origin, RETIRING};
use crate::domain::errors::FieldProblem;
use crate::domain::principals::Permissions;
use crate::domain::workspaces::Workspace;
use crate::store::agents::StoredAgent;
use crate::store::{Store, StoreError};
use crate::usecases::channels::api_channel;
use crate::usecases::knowledge::{self, Novelty};
use crate::usecases::passwords::Passwords;
use crate::usecases::vendors::rotation;

use super::file::{self, API_CHANNEL};
use super::keeping::Own;
use super::writing::{KeyWrite, Write};
use super::{Action, ApplyError, ChangeLine, File, Plan};

/// Says what applying the file would do, and writes nothing.
///
/// # Errors
/// [`ApplyError::Invalid`] where the file contradicts what is stored, or the store's errors.
pub async fn plan(store: &Store, file: File) -> Result<Plan, ApplyError> {
    let mut planning = Planning {
        store,
        passwords: Passwords::default(),
        plan: Plan { changes: Vec::new(), writes: Vec::new() },
        problems: Vec::new(),
    };
    for workspace in file.workspaces {
        planning.workspace(workspace).await?;
    }
    if planning.problems.is_empty() { Ok(planning.plan) } else { Err(ApplyError::Invalid(planning.problems)) }
}

pub(super) struct Planning<'a> {
    pub(super) store: &'a Store,
    pub(super) passwords: Passwords,
    pub(super) plan: Plan,
    pub(super) problems: Vec<FieldProblem>,
}

/// A workspace while its parts are planned.
pub(super) struct Context {
    pub(super) id: String,
    pub(super) name: String,
    /// Ids of its agents by name, those that are yet to be made included.
    agents: BTreeMap<String, String>,
}

impl Planning<'_> {
    fn note(&mut self, action: Action, what: String, detail: impl Into<String>) {
        self.plan.changes.push(ChangeLine { action, what, detail: detail.into() });
    }

    /// Notes what became of a thing: it is new, or these of its fields differ.
    pub(super) fn compare(&mut self, is_new: bool, what: String, fields: &[(&str, bool)]) -> bool {
        let differing: Vec<&str> = fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
        let action = match (is_new, differing.is_empty()) {
            (true, _) => Action::Create,
            (false, true) => Action::Unchanged,
            (false, false) => Action::Update,
        };
        self.note(action, what, if is_new { String::new() } else { differing.join(", ") });
        action != Action::Unchanged
    }

    async fn workspace(&mut self, wanted: file::Workspace) -> Result<(), StoreError> {
        let stored = self.store.workspace_named(&wanted.name).await?;
        let row = Workspace {
            id: stored.as_ref().map_or_else(|| self.store.clock().id(), |stored| stored.id.clone()),
            name: wanted.name,
            plan: wanted.plan,
            created_at: stored.as_ref().map_or_else(|| self.store.clock().now(), |stored| stored.created_at),
        };
        let plan_differs = stored.as_ref().is_some_and(|stored| stored.plan != row.plan);
        let mut context = Context { id: row.id.clone(), name: row.name.clone(), agents: BTreeMap::new() };
        if self.compare(stored.is_none(), format!("workspace {}", row.name), &[("plan", plan_differs)]) {
            self.plan.writes.push(Write::Workspace(row));
        }
        for member in wanted.members {
            self.member(&context, member).await?;
        }
        let stored = self.store.agents(&context.id).await?;
        context.agents.extend(stored.iter().map(|stored| (stored.agent.name.clone(), stored.agent.id.clone())));
        for agent in wanted.agents {
            let known = stored.iter().find(|stored| stored.agent.name == agent.name);
            self.agent(&mut context, known, agent).await?;
        }
        let stored = self.store.channels(&context.id).await?;
        self.api_channel(&context, &stored);
        let mut own = Vec::new();
        for mut channel in wanted.channels {
            let known = stored.iter().find(|stored| stored.name == channel.name);
            let (name, days) = (channel.name.clone(), channel.retention.take());
            let id = self.channel(&context, known, channel).await?;
            own.extend(id.zip(days).map(|(id, days)| Own { id, name, days }));
        }
        self.retention(&context, wanted.retention, own).await?;
        for key in wanted.api_keys {
            self.api_key(&context, key).await?;
        }
        Ok(())
    }

    async fn agent(
        &mut self,
        context: &mut Context,
        stored: Option<&StoredAgent>,
        wanted: file::Agent,
    ) -> Result<(), StoreError> {
        let id = stored.map_or_else(|| self.store.clock().id(), |stored| stored.agent.id.clone());
        context.agents.insert(wanted.name.clone(), id.clone());
        let what = format!("agent {} / {}", context.name, wanted.name);
        let agent = StoredAgent {
            agent: Agent {
                id: id.clone(),
                workspace_id: context.id.clone(),
                name: wanted.name,
                model: wanted.model,
                instructions: wanted.instructions,
                settings: wanted.settings,
                // The file does not say whether it answers.
                is_active: stored.is_none_or(|stored| stored.agent.is_active),
                created_at: stored.map_or_else(|| self.store.clock().now(), |stored| stored.agent.created_at),
            },
            api_key: wanted.api_key,
        };
        let differs = |part: fn(&StoredAgent, &StoredAgent) -> bool| stored.is_some_and(|stored| part(stored, &agent));
        let fields = [
            ("model", differs(|old, new| old.agent.model != new.agent.model)),
            ("instructions", differs(|old, new| old.agent.instructions != new.agent.instructions)),
            ("settings", differs(|old, new| old.agent.settings != new.agent.settings)),
            ("api_key", differs(|old, new| old.api_key != new.api_key)),
        ];
        if self.compare(stored.is_none(), what.clone(), &fields) {
            self.plan.writes.push(Write::Agent(Box::new(agent)));
        }
        for document in wanted.knowledge {
            let novelty = knowledge::novelty(self.store, &id, &document).await?;
            let action = match novelty {
                Novelty::New => Action::Create,
                Novelty::Changed => Action::Update,
                Novelty::Known => Action::Unchanged,
            };
            let detail = if novelty == Novelty::Changed { "text" } else { "" };
            self.note(action, format!("knowledge of {what}: {}", document.title), detail);
            if novelty != Novelty::Known {
                let (workspace_id, agent_id) = (context.id.clone(), id.clone());
                self.plan.writes.push(Write::Document { workspace_id, agent_id, document });
            }
        }
        Ok(())
    }

    /// Every workspace has a channel for its HTTP API, which no file needs to name.
    fn api_channel(&mut self, context: &Context, stored: &[Channel]) {
        let exists = stored.iter().any(|channel| channel.kind == Kind::Api);
        if self.compare(!exists, format!("channel {} / {API_CHANNEL}", context.name), &[]) {
            let channel = api_channel(self.store.clock().id(), context.id.clone());
            self.plan.writes.push(Write::Channel(Box::new(channel)));
        }
    }

    /// Gives its id, where it can be made.
    async fn channel(
        &mut self,
        context: &Context,
        stored: Option<&Channel>,
        wanted: file::Channel,
    ) -> Result<Option<String>, StoreError> {
        let agent_id = self.agent_named(context, wanted.agent.as_deref(), &wanted.path);
        if let Some(stored) = stored.filter(|stored| stored.kind != wanted.kind) {
            let expected =
                format!("{}, as the channel of this name is; another kind needs another name", stored.kind.as_str());
            self.problems.push(FieldProblem::new(format!("{}.kind", wanted.path), expected));
            return Ok(None);
        }
        let id = stored.map_or_else(|| self.store.clock().id(), |stored| stored.id.clone());
        if let Some(account) = &wanted.accepted.account
            && let Some(holder) = self.store.channel_by_account(wanted.kind, account).await?
            && holder.id != id
        {
            let expected = format!("an account that no other channel has; {} has it", holder.name);
            self.problems.push(FieldProblem::new(format!("{} (the vendor's account)", wanted.path), expected));
        }
        let what = format!("channel {} / {}", context.name, wanted.name);
        let mut channel = Channel {
            id,
            workspace_id: context.id.clone(),
            kind: wanted.kind,
            name: wanted.name,
            agent_id,
            account: wanted.accepted.account,
            business: wanted.accepted.business,
            state: stored.map_or(ChannelState::Active, |stored| stored.state),
            state_reason: stored.and_then(|stored| stored.state_reason.clone()),
            origin: Origin::Operator,
            settings: match stored {
                // What is on its way out was told through the API, and no file says it.
                Some(stored) => {
                    let retiring = rotation::retiring(&stored.settings, self.store.clock().now());
                    rotation::stored(wanted.accepted.settings, &stored.settings, &retiring)
                }
                None => wanted.accepted.settings,
            },
        };
        let changed_settings = stored.map(|stored| differing_members(&stored.settings, &channel.settings));
        let mut fields: Vec<(&str, bool)> = vec![
            ("agent", stored.is_some_and(|stored| stored.agent_id != channel.agent_id)),
            ("origin", stored.is_some_and(|stored| stored.origin != channel.origin)),
        ];
        let changed_settings = changed_settings.unwrap_or_default();
        fields.extend(changed_settings.iter().map(|name| (name.as_str(), true)));
        if !changed_settings.is_empty() && channel.state == ChannelState::Stopped {
            // The vendor refused the settings as they were; these deserve a try.
            channel.state = ChannelState::Active;
            channel.state_reason = None;
        }
        let id = channel.id.clone();
        if self.compare(stored.is_none(), what, &fields) {
            self.plan.writes.push(Write::Channel(Box::new(channel)));
        }
        Ok(Some(id))
    }

    async fn api_key(&mut self, context: &Context, wanted: file::ApiKey) -> Result<(), StoreError> {
        let agent_id = self.agent_named(context, wanted.agent.as_deref(), &wanted.path);
        let stored = self.store.stored_api_key(&context.id, &wanted.name).await?;
        let hash = wanted.secret.as_ref().map(|secret| api_keys::hash(secret.reveal()));
        if let Some(hash) = &hash
            && let Some(holder) = self.store.api_key_holder(hash).await?
            && stored.as_ref().is_none_or(|stored| stored.id != holder)
        {
            let expected = "a key that no other entry has; this one is in use already";
            self.problems.push(FieldProblem::new(format!("{}.key", wanted.path), expected));
        }
        let new_secret = stored.as_ref().is_some_and(|stored| hash.as_ref().is_some_and(|hash| *hash != stored.hash));
        let what = format!("API key {} / {}", context.name, wanted.name);
        if !new_secret && stored.as_ref().is_some_and(|stored| stored.revoked_at.is_some()) {
            self.note(Action::Unchanged, what, "revoked; only another secret brings it back");
            return Ok(());
        }
        let fields = [
            ("key", new_secret),
            ("agent", stored.as_ref().is_some_and(|stored| stored.agent_id != agent_id)),
            ("scopes", stored.as_ref().is_some_and(|stored| Permissions::of_words(&stored.scopes) != wanted.scopes)),
            (
                "requests_per_minute",
                stored
                    .as_ref()
                    .is_some_and(|stored| stored.requests_per_minute != wanted.requests_per_minute.map(i64::from)),
            ),
            ("expires_at", stored.as_ref().is_some_and(|stored| stored.expires_at != wanted.expires_at)),
        ];
        if self.compare(stored.is_none(), what, &fields) {
            self.plan.writes.push(Write::ApiKey(Box::new(KeyWrite {
                id: stored.as_ref().map_or_else(|| self.store.clock().id(), |stored| stored.id.clone()),
                workspace_id: context.id.clone(),
                workspace: context.name.clone(),
                agent_id,
                name: wanted.name,
                scopes: wanted.scopes,
                requests_per_minute: wanted.requests_per_minute,
                expires_at: wanted.expires_at,
                secret: wanted.secret,
                stored: stored.map(|stored| (stored.prefix, stored.hash)),
            })));
        }
        Ok(())
    }

    fn agent_named(&mut self, context: &Context, name: Option<&str>, path: &str) -> Option<String> {
        let name = name?;
        let id = context.agents.get(name).cloned();
        if id.is_none() {
            let expected = format!("the name of an agent of the workspace {}", context.name);
            self.problems.push(FieldProblem::new(format!("{path}.agent"), expected));
        }
        id
    }
}

/// Names of the members that differ between two objects.
fn differing_members(old: &Value, new: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let names = names.into_iter().filter(|name| ![RETIRING, MADE].contains(&name.as_str()));
    names.filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}
