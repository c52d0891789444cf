//! Carries a plan out, in the order of the file. Interrupted, it is completed by applying the same file again.

use switchboard_channels::contract::credentials::Secret;

use crate::domain::api_keys;
use crate::domain::channels::Channel;
use crate::domain::members::Role;
use crate::domain::principals::Permissions;
use crate::domain::retention::Retention;
use crate::domain::workspaces::Workspace;
use crate::store::Store;
use crate::store::agents::StoredAgent;
use crate::store::api_keys::NewApiKey;
use crate::store::users::StoredUser;
use crate::telemetry::chance;
use crate::usecases::knowledge::{self, Document};

use super::{ApplyError, MadeKey, Plan};

/// One thing to write.
pub enum Write {
    Workspace(Workspace),
    Agent(Box<StoredAgent>),
    Document { workspace_id: String, agent_id: String, document: Document },
    Channel(Box<Channel>),
    Retention { workspace_id: String, retention: Retention },
    Member(Box<MemberWrite>),
    ApiKey(Box<KeyWrite>),
}

/// A member to write, with their user.
pub struct MemberWrite {
    pub workspace_id: String,
    pub user: StoredUser,
    pub role: Role,
}

/// A key to write.
pub struct KeyWrite {
    pub id: String,
    pub workspace_id: String,
    pub workspace: String,
    pub agent_id: Option<String>,
    pub name: String,
    pub scopes: Permissions,
    pub requests_per_minute: Option<u32>,
    pub expires_at: Option<i64>,
    /// Given by the operator.
    pub secret: Option<Secret>,
    /// Prefix and hash of the key that is stored already.
    pub stored: Option<(String, String)>,
}

/// Carries the plan out; jobs embed what its agents learn, if they are to. Gives the keys that were made on the way.
///
/// # Errors
/// The store's errors; what came before in the plan is written.
pub async fn apply(store: &Store, plan: Plan, embeds: bool) -> Result<Vec<MadeKey>, ApplyError> {
    let mut made = Vec::new();
    for write in plan.writes {
        match write {
            Write::Workspace(workspace) => store.put_workspace(&workspace).await?,
            Write::Agent(agent) => store.put_agent(&agent).await?,
            Write::Document { workspace_id, agent_id, document } => {
                knowledge::teach(store, &workspace_id, &agent_id, &document, embeds).await?;
            }
            Write::Channel(channel) => store.put_channel(&channel).await?,
            Write::Retention { workspace_id, retention } => store.put_retention(&workspace_id, &retention).await?,
            Write::Member(member) => {
                store.put_user(&member.user).await?;
                store.put_member(&member.workspace_id, &member.user.user.id, member.role).await?;
            }
            Write::ApiKey(key) => made.extend(put_key(store, *key).await?),
        }
    }
    Ok(made)
}

async fn put_key(store: &Store, key: KeyWrite) -> Result<Option<MadeKey>, ApplyError> {
    let (prefix, hash, made) = match (key.secret, key.stored) {
        (Some(secret), _) => (api_keys::visible_prefix(secret.reveal()), api_keys::hash(secret.reveal()), None),
        (None, Some((prefix, hash))) => (prefix, hash, None),
        (None, None) => {
            let random = chance::bytes::<32>().map_err(|error| ApplyError::Chance(error.to_string()))?;
            let text = api_keys::format(&random);
            let (prefix, hash) = (api_keys::visible_prefix(&text), api_keys::hash(&text));
            (prefix, hash, Some(MadeKey { workspace: key.workspace, name: key.name.clone(), key: Secret::new(text) }))
        }
    };
    let row = NewApiKey {
        id: key.id,
        workspace_id: key.workspace_id,
        agent_id: key.agent_id,
        name: key.name,
        prefix,
        hash,
        scopes: key.scopes,
        requests_per_minute: key.requests_per_minute,
        expires_at: key.expires_at,
        created_by: None,
    };
    store.put_api_key(&row).await?;
    Ok(made)
}
