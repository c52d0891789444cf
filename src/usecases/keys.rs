//! A workspace's API keys: made, changed, given another secret, revoked. Nobody gives or takes more than they have.

use switchboard_channels::contract::credentials::Secret;

use super::Switchboard;
use super::once::{self, Refused};
use crate::domain::api_keys::{self, ApiKey};
use crate::domain::errors::FieldProblem;
use crate::domain::principals::{Permission, Permissions, Principal};
use crate::store::StoreError;
use crate::store::api_keys::NewApiKey;
use crate::store::idempotency::Unwritten;
use crate::telemetry::chance;

/// A key that somebody asks for.
#[derive(Debug)]
pub struct WantedKey {
    /// Its name.
    pub name: String,
    /// The one agent that it is for.
    pub agent_id: Option<String>,
    /// What it may do; none: all that its maker may, but own.
    pub scopes: Option<Permissions>,
    /// Requests that it may make in a minute; none: as many as its plan allows.
    pub requests_per_minute: Option<u32>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
}

impl WantedKey {
    /// What an idempotency key is compared by.
    fn asked(&self) -> serde_json::Value {
        let scopes = self.scopes.map(Permissions::to_words);
        serde_json::json!([self.name, self.agent_id, scopes, self.requests_per_minute, self.expires_at])
    }
}

/// What of a key shall be otherwise; what is none stays.
#[derive(Debug, Default)]
pub struct KeyAmendment {
    /// Its name.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Option<Permissions>,
    /// Inside, none: as many as its plan allows.
    pub requests_per_minute: Option<Option<u32>>,
    /// Inside, none: it does not expire.
    pub expires_at: Option<Option<i64>>,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum Unkeyed {
    /// There is no such key in this workspace, or it is revoked.
    Unknown,
    /// It takes more than the caller has.
    Beyond,
    /// Another key has the name.
    NameTaken,
    /// The idempotency key was used for something else.
    KeyMismatch,
    /// These fields cannot work.
    Fields(Vec<FieldProblem>),
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for Unkeyed {
    fn from(error: StoreError) -> Self {
        if error.is_taken() { Self::NameTaken } else { Self::Store(error) }
    }
}

impl From<Refused> for Unkeyed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::KeyMismatch => Self::KeyMismatch,
            Refused::Unknown | Refused::Gone => Self::Unknown,
            Refused::Fields(problems) => Self::Fields(problems),
            Refused::Store(error) => error.into(),
        }
    }
}

impl Switchboard {
    /// Makes a key, once for each idempotency key. Gives it with its secret, which is told this once: a repetition gives
    /// the key alone, because nobody keeps the secret.
    ///
    /// # Errors
    /// See [`Unkeyed`].
    pub async fn make_key(
        &self,
        caller: &Principal,
        wanted: WantedKey,
        under: Option<String>,
    ) -> Result<(ApiKey, Option<Secret>), Unkeyed> {
        let (id, workspace_id) = (self.store.clock().id(), caller.workspace_id.as_str());
        let under = once::under(under, "api key", &wanted.asked(), &id);
        let earlier = match self.made_under(workspace_id, under.as_ref()).await? {
            Some(earlier) => earlier,
            None => {
                let secret = fresh()?;
                let key = self.judge_wanted(caller, wanted, id.clone(), &secret).await?;
                match self.store.put_api_key_once(&key, under.as_ref()).await? {
                    None => {
                        let made = self.store.api_key(workspace_id, &id).await?.ok_or(Unkeyed::Unknown)?;
                        return Ok((made, Some(secret)));
                    }
                    Some(earlier) => once::repeated(under.as_ref(), Unwritten::Repeated(earlier))?,
                }
            }
        };
        Ok((self.store.api_key(workspace_id, &earlier).await?.ok_or(Unkeyed::Unknown)?, None))
    }

    /// The key that is asked for, where the caller may have it.
    async fn judge_wanted(
        &self,
        caller: &Principal,
        wanted: WantedKey,
        id: String,
        secret: &Secret,
    ) -> Result<NewApiKey, Unkeyed> {
        let scopes = match (&wanted.agent_id, wanted.scopes) {
            (Some(id), scopes) => {
                self.judge_agent(caller, id).await?;
                let chat = Permissions::of(&[Permission::Chat]);
                if scopes.is_some_and(|scopes| scopes != chat) {
                    let problem = FieldProblem::new("scopes", "chat alone, for a key of one agent");
                    return Err(Unkeyed::Fields(vec![problem]));
                }
                chat
            }
            (None, Some(scopes)) => scopes,
            (None, None) => Permissions::of(
                &caller.permissions.iter().filter(|permission| *permission != Permission::Own).collect::<Vec<_>>(),
            ),
        };
        if !caller.permissions.has_all(scopes) {
            return Err(Unkeyed::Beyond);
        }
        self.judge_expiry(wanted.expires_at)?;
        Ok(NewApiKey {
            id,
            workspace_id: caller.workspace_id.clone(),
            agent_id: wanted.agent_id,
            name: wanted.name,
            prefix: api_keys::visible_prefix(secret.reveal()),
            hash: api_keys::hash(secret.reveal()),
            scopes,
            requests_per_minute: wanted.requests_per_minute,
            expires_at: wanted.expires_at,
            created_by: Some(caller.actor.label()),
        })
    }

    /// Changes a key's name, scopes, limit or expiry.
    ///
    /// # Errors
    /// See [`Unkeyed`].
    pub async fn amend_key(&self, caller: &Principal, id: &str, wanted: KeyAmendment) -> Result<ApiKey, Unkeyed> {
        let key = self.key_within(caller, id).await?;
        let held = Permissions::of(&key.scopes);
        let scopes = wanted.scopes.unwrap_or(held);
        if key.agent_id.is_some() && scopes != held {
            let problem = FieldProblem::new("scopes", "chat alone, for a key of one agent");
            return Err(Unkeyed::Fields(vec![problem]));
        }
        if !caller.permissions.has_all(scopes) {
            return Err(Unkeyed::Beyond);
        }
        self.judge_expiry(wanted.expires_at.flatten())?;
        let name = wanted.name.unwrap_or(key.name);
        let expires_at = wanted.expires_at.unwrap_or(key.expires_at);
        let limit = wanted.requests_per_minute.unwrap_or(key.requests_per_minute);
        if !self.store.change_api_key(&caller.workspace_id, id, &name, scopes, expires_at, limit).await? {
            return Err(Unkeyed::Unknown);
        }
        self.directory.forget_key(id);
        self.store.api_key(&caller.workspace_id, id).await?.ok_or(Unkeyed::Unknown)
    }

    /// Gives a key another secret, which is told this once; the one before counts for so long yet, in milliseconds.
    ///
    /// # Errors
    /// See [`Unkeyed`].
    pub async fn rotate_key(&self, caller: &Principal, id: &str, overlap_ms: i64) -> Result<(ApiKey, Secret), Unkeyed> {
        self.key_within(caller, id).await?;
        let secret = fresh()?;
        let (prefix, hash) = (api_keys::visible_prefix(secret.reveal()), api_keys::hash(secret.reveal()));
        let until = self.now().saturating_add(overlap_ms);
        if !self.store.rotate_api_key(&caller.workspace_id, id, &prefix, &hash, until).await? {
            return Err(Unkeyed::Unknown);
        }
        self.directory.forget_key(id);
        let key = self.store.api_key(&caller.workspace_id, id).await?.ok_or(Unkeyed::Unknown)?;
        Ok((key, secret))
    }

    /// Revokes a key. A second time changes nothing.
    ///
    /// # Errors
    /// See [`Unkeyed`].
    pub async fn revoke_key(&self, caller: &Principal, id: &str) -> Result<ApiKey, Unkeyed> {
        let key = self.store.api_key(&caller.workspace_id, id).await?.ok_or(Unkeyed::Unknown)?;
        within(caller, &key)?;
        self.store.revoke_api_key(&caller.workspace_id, id).await?;
        self.directory.forget_key(id);
        Ok(key)
    }

    /// The key, where it is not revoked and may do nothing that the caller may not: its secret is the caller's then.
    async fn key_within(&self, caller: &Principal, id: &str) -> Result<ApiKey, Unkeyed> {
        let key = self.store.api_key(&caller.workspace_id, id).await?;
        let key = key.filter(|key| key.revoked_at.is_none()).ok_or(Unkeyed::Unknown)?;
        within(caller, &key)?;
        Ok(key)
    }

    async fn judge_agent(&self, caller: &Principal, id: &str) -> Result<(), Unkeyed> {
        let found = self.store.agent_by_id(id).await?;
        let ours = found.is_some_and(|stored| stored.agent.workspace_id == caller.workspace_id);
        let problem = FieldProblem::absent("agent_id", "the id of an agent of this workspace");
        if ours { Ok(()) } else { Err(Unkeyed::Fields(vec![problem])) }
    }

    fn judge_expiry(&self, expires_at: Option<i64>) -> Result<(), Unkeyed> {
        let problem = FieldProblem::new("expires_at", "a time in the future, Unix milliseconds");
        if expires_at.is_none_or(|at| at > self.now()) { Ok(()) } else { Err(Unkeyed::Fields(vec![problem])) }
    }
}

fn within(caller: &Principal, key: &ApiKey) -> Result<(), Unkeyed> {
    if caller.permissions.has_all(Permissions::of(&key.scopes)) { Ok(()) } else { Err(Unkeyed::Beyond) }
}

fn fresh() -> Result<Secret, StoreError> {
    let random = chance::bytes::<32>().map_err(|error| StoreError::Options(error.to_string()))?;
    Ok(Secret::new(api_keys::format(&random)))
}
