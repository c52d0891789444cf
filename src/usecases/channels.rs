//! A workspace's own channels: made, changed, paused, rotated, tested and removed. What their settings may hold is their
//! vendor's affair, and no secret in them is ever given out.

mod testing;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use switchboard_channels::Kind;

use super::Switchboard;
use super::apply::API_CHANNEL;
use super::vendors::rotation;
use super::vendors::settings::{check_settings, is_place};
use crate::domain::changes::Idempotency;
use crate::domain::channels::{self, Channel, ChannelState, LONGEST_NAME, Origin, Retiring};
use crate::domain::errors::FieldProblem;
use crate::store::StoreError;

pub use testing::is_rehearsal;

/// A channel that somebody asks to make.
#[derive(Debug)]
pub struct NewChannel {
    /// What kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The agent that answers.
    pub agent_id: Option<String>,
    /// Its settings as entered.
    pub settings: Map<String, Value>,
    /// The caller's idempotency key.
    pub key: Option<String>,
}

/// What of a channel shall be otherwise; what is none stays.
#[derive(Debug, Default)]
pub struct Amendment {
    /// Its name.
    pub name: Option<String>,
    /// The agent that answers; inside, none: nobody.
    pub agent_id: Option<Option<String>>,
    /// Settings, member by member: null removes one, what is not named stays.
    pub settings: Map<String, Value>,
}

/// New secrets for a channel.
#[derive(Debug)]
pub struct Rotation {
    /// The settings that are replaced.
    pub settings: Map<String, Value>,
    /// How long what they replace is still accepted where deliveries prove themselves by it, in milliseconds.
    pub keep_old_for_ms: i64,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum Unchanged {
    /// There is no such channel in this workspace.
    Unknown,
    /// These fields cannot work.
    Fields(Vec<FieldProblem>),
    /// Something else stands in the way.
    Conflict(String),
    /// The idempotency key was used for something else.
    KeyMismatch,
    /// Not now.
    Unavailable(String),
}

impl From<StoreError> for Unchanged {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Switchboard {
    /// Makes a channel of the workspace. Gives it, and whether it was made before under the same key.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn create_channel(&self, workspace_id: &str, wanted: NewChannel) -> Result<(Channel, bool), Unchanged> {
        let under = wanted.key.as_ref().map(|key| self.idempotency(key, &wanted));
        if let Some(earlier) = self.made_before(workspace_id, under.as_ref()).await? {
            return Ok((earlier, true));
        }
        let mut problems = Vec::new();
        if wanted.kind == Kind::Api {
            problems.push(FieldProblem::new("kind", "another kind: every workspace has its API channel already"));
        }
        problems.extend(name_problem(&wanted.name));
        problems.extend(self.agent_problem(workspace_id, wanted.agent_id.as_deref()).await?);
        let accepted = check_settings(wanted.kind, &wanted.settings).map_err(within_settings);
        let accepted = match accepted {
            Ok(accepted) if problems.is_empty() => accepted,
            Ok(_) => return Err(Unchanged::Fields(problems)),
            Err(more) => return Err(Unchanged::Fields(problems.into_iter().chain(more).collect())),
        };
        let channel = Channel {
            id: self.store.clock().id(),
            workspace_id: workspace_id.to_owned(),
            kind: wanted.kind,
            name: wanted.name,
            agent_id: wanted.agent_id,
            account: accepted.account,
            business: accepted.business,
            state: ChannelState::Active,
            state_reason: None,
            origin: Origin::Api,
            settings: accepted.settings,
        };
        match self.store.add_channel(&channel, under.as_ref()).await {
            Ok(()) => {
                self.directory.forget_channel(&channel.id);
                Ok((channel, false))
            }
            Err(error) if error.is_taken() => match self.made_before(workspace_id, under.as_ref()).await? {
                Some(earlier) => Ok((earlier, true)),
                None => Err(self.taken(workspace_id, &channel.name, None).await?),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a channel of the workspace member by member. Settings that change let a stopped channel try again.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn amend_channel(
        &self,
        workspace_id: &str,
        id: &str,
        amendment: Amendment,
    ) -> Result<Channel, Unchanged> {
        let agent_id = amendment.agent_id.as_ref().and_then(Option::as_deref);
        let mut problems: Vec<FieldProblem> = self.agent_problem(workspace_id, agent_id).await?.into_iter().collect();
        problems.extend(amendment.name.as_deref().and_then(name_problem));
        if !problems.is_empty() {
            return Err(Unchanged::Fields(problems));
        }
        let now = self.now();
        let amended = |channel: Channel| {
            let retiring = rotation::retiring(&channel.settings, now);
            let changed = Channel {
                name: amendment.name.clone().unwrap_or_else(|| channel.name.clone()),
                agent_id: amendment.agent_id.clone().unwrap_or_else(|| channel.agent_id.clone()),
                ..channel
            };
            with_settings(changed, &amendment.settings, &retiring)
        };
        self.change(workspace_id, id, amended).await
    }

    /// Replaces secrets of a channel of the workspace. Those by which deliveries prove themselves are accepted beside
    /// the new ones for a while, so that no delivery is lost; the others are replaced at once.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn rotate_channel(&self, workspace_id: &str, id: &str, wanted: Rotation) -> Result<Channel, Unchanged> {
        let lacking = wanted.settings.iter().filter(|(_, value)| value.is_null());
        let lacking: Vec<_> =
            lacking.map(|(name, _)| FieldProblem::new(format!("settings.{name}"), "the new value")).collect();
        if !lacking.is_empty() {
            return Err(Unchanged::Fields(lacking));
        }
        let now = self.now();
        let until = now.saturating_add(wanted.keep_old_for_ms);
        let rotated = |channel: Channel| {
            let retired = rotation::retired(channel.kind, &channel.settings, &wanted.settings, until, now);
            with_settings(channel, &wanted.settings, &retired)
        };
        self.change(workspace_id, id, rotated).await
    }

    /// Makes the sends of a channel of the workspace wait; it still receives. `by` is who asks, for display.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn pause_channel(&self, workspace_id: &str, id: &str, by: &str) -> Result<Channel, Unchanged> {
        let reason = format!("paused by {by}");
        let paused =
            |channel| Ok(Channel { state: ChannelState::Paused, state_reason: Some(reason.clone()), ..channel });
        self.change(workspace_id, id, paused).await
    }

    /// Lets a channel of the workspace send again, whatever stopped it: what waited leaves.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn resume_channel(&self, workspace_id: &str, id: &str) -> Result<Channel, Unchanged> {
        let resumed = |channel| Ok(Channel { state: ChannelState::Active, state_reason: None, ..channel });
        self.change(workspace_id, id, resumed).await
    }

    /// Removes a channel of the workspace. One with conversations stays: they are its customers' history, and pausing
    /// it does as much.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn remove_channel(&self, workspace_id: &str, id: &str) -> Result<(), Unchanged> {
        let channel = self.store.channel(workspace_id, id).await?.ok_or(Unchanged::Unknown)?;
        if channel.kind == Kind::Api {
            return Err(Unchanged::Conflict("every workspace keeps its API channel".to_owned()));
        }
        if !self.store.remove_channel(workspace_id, id).await? {
            let reason = "the channel has conversations; pause it instead, so that their history stays";
            return Err(Unchanged::Conflict(reason.to_owned()));
        }
        self.directory.forget_channel(id);
        Ok(())
    }

    async fn change(
        &self,
        workspace_id: &str,
        id: &str,
        mut decide: impl FnMut(Channel) -> Result<Channel, Unchanged>,
    ) -> Result<Channel, Unchanged> {
        let mut name = String::new();
        let noting = |channel| {
            let wanted = decide(channel)?;
            name.clone_from(&wanted.name);
            Ok::<_, Unchanged>(wanted)
        };
        match self.store.change_channel(workspace_id, id, noting).await {
            Ok(None) => Err(Unchanged::Unknown),
            Ok(Some(changed)) => {
                let changed = changed?;
                self.directory.forget_channel(id);
                Ok(changed)
            }
            Err(error) if error.is_taken() => Err(self.taken(workspace_id, &name, Some(id)).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// What it is that another channel has already.
    async fn taken(&self, workspace_id: &str, name: &str, id: Option<&str>) -> Result<Unchanged, Unchanged> {
        let known = self.store.channels(workspace_id).await?;
        let named = known.iter().any(|other| other.name == name && Some(other.id.as_str()) != id);
        let what =
            if named { "another channel of the workspace has this name" } else { "another channel has this account" };
        Ok(Unchanged::Conflict(what.to_owned()))
    }

    async fn agent_problem(&self, workspace_id: &str, id: Option<&str>) -> Result<Option<FieldProblem>, Unchanged> {
        let Some(id) = id else { return Ok(None) };
        let known = self.store.agent_by_id(id).await?.is_some_and(|stored| stored.agent.workspace_id == workspace_id);
        Ok((!known).then(|| FieldProblem::absent("agent_id", "the id of an agent of this workspace")))
    }

    /// The key with a code over what is asked. It is keyed, because what is asked holds secrets that may be guessed.
    fn idempotency(&self, key: &str, wanted: &NewChannel) -> Idempotency {
        let asked = json!(["channel", wanted.kind, wanted.name, wanted.agent_id, wanted.settings]).to_string();
        let code = Hmac::<Sha256>::new_from_slice(&self.options.token_key).map(|mut mac| {
            mac.update(asked.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        });
        Idempotency { key: key.to_owned(), request_hash: code.unwrap_or_default(), result_id: String::new() }
    }

    async fn made_before(
        &self,
        workspace_id: &str,
        wanted: Option<&Idempotency>,
    ) -> Result<Option<Channel>, Unchanged> {
        let Some(wanted) = wanted else { return Ok(None) };
        let Some(earlier) = self.store.idempotency(workspace_id, &wanted.key).await? else { return Ok(None) };
        if earlier.request_hash != wanted.request_hash {
            return Err(Unchanged::KeyMismatch);
        }
        self.store.channel(workspace_id, &earlier.result_id).await?.map(Some).ok_or(Unchanged::KeyMismatch)
    }
}

/// The channel that every workspace has for its HTTP API.
#[must_use]
pub fn api_channel(id: String, workspace_id: String) -> Channel {
    Channel {
        id,
        workspace_id,
        kind: Kind::Api,
        name: API_CHANNEL.to_owned(),
        agent_id: None,
        account: None,
        business: None,
        state: ChannelState::Active,
        state_reason: None,
        origin: Origin::Operator,
        settings: Value::Object(Map::new()),
    }
}

/// The channel with its settings changed member by member, and with these secrets on their way out.
fn with_settings(channel: Channel, changes: &Map<String, Value>, retiring: &[Retiring]) -> Result<Channel, Unchanged> {
    if changes.is_empty() {
        return Ok(channel);
    }
    let entered = rotation::merged(channel.kind, &channel.settings, changes);
    let accepted =
        check_settings(channel.kind, &entered).map_err(|problems| Unchanged::Fields(within_settings(problems)))?;
    let names_places = changes.iter().any(|(name, value)| is_place(name, value));
    // The vendor refused the settings as they were; these deserve a try.
    let retried = channel.state == ChannelState::Stopped && entered != rotation::entered(&channel.settings);
    Ok(Channel {
        account: accepted.account,
        business: accepted.business,
        settings: rotation::stored(accepted.settings, &channel.settings, retiring),
        state: if retried { ChannelState::Active } else { channel.state },
        state_reason: if retried { None } else { channel.state_reason },
        // Whoever names a place lends it no more trust than they have.
        origin: if names_places { Origin::Api } else { channel.origin },
        ..channel
    })
}

fn within_settings(problems: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let within = |problem: FieldProblem| match problem.field.as_str() {
        "settings" => problem,
        field => FieldProblem::new(format!("settings.{field}"), problem.expected),
    };
    problems.into_iter().map(within).collect()
}

fn name_problem(name: &str) -> Option<FieldProblem> {
    if name == API_CHANNEL {
        return Some(FieldProblem::new("name", "another name: this is the name of the workspace's API channel"));
    }
    let expected = format!("a name of 1 to {LONGEST_NAME} characters, without blanks at its ends");
    (!channels::is_name(name)).then(|| FieldProblem::new("name", expected))
}
