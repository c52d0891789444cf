//! Agents: who answers. A model's key is sealed at rest.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_optional};
use super::seal::place;
use super::{Store, StoreError};
use crate::domain::agents::Agent;

#[derive(FromRow)]
struct AgentRow {
    id: String,
    workspace_id: String,
    name: String,
    model: String,
    instructions: String,
    settings: String,
    credentials: Option<String>,
}

/// An agent with its model's key, in the clear; lives in memory only.
#[derive(Clone, PartialEq)]
pub struct StoredAgent {
    /// The agent.
    pub agent: Agent,
    /// Key of its model's endpoint.
    pub api_key: Option<switchboard_channels::contract::credentials::Secret>,
}

impl Store {
    fn agent_from(&self, row: AgentRow) -> Result<StoredAgent, StoreError> {
        let settings = serde_json::from_str(&row.settings).map_err(|error| StoreError::Unreadable {
            table: "agents",
            column: "settings",
            id: row.id.clone(),
            reason: error.to_string(),
        })?;
        let api_key = match &row.credentials {
            Some(sealed) => Some(self.sealer().open("agents", "credentials", &row.id, sealed)?),
            None => None,
        };
        Ok(StoredAgent {
            agent: Agent {
                id: row.id,
                workspace_id: row.workspace_id,
                name: row.name,
                model: row.model,
                instructions: row.instructions,
                settings,
            },
            api_key: api_key.map(switchboard_channels::contract::credentials::Secret::new),
        })
    }

    /// One agent, for its actor. It names no workspace: the caller has checked it.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn agent_by_id(&self, id: &str) -> Result<Option<StoredAgent>, StoreError> {
        fetch_optional!(
            self.db(),
            AgentRow,
            "SELECT id, workspace_id, name, model, instructions, settings, credentials FROM agents WHERE id = $1",
            id
        )?
        .map(|row| self.agent_from(row))
        .transpose()
    }

    /// The agents of a workspace by name.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn agents(&self, workspace_id: &str) -> Result<Vec<StoredAgent>, StoreError> {
        fetch_all!(
            self.db(),
            AgentRow,
            "SELECT id, workspace_id, name, model, instructions, settings, credentials FROM agents WHERE workspace_id = $1 ORDER BY name",
            workspace_id
        )?
        .into_iter()
        .map(|row| self.agent_from(row))
        .collect()
    }

    /// Adds an agent or replaces it.
    ///
    /// # Errors
    /// The database is not available, another agent of the workspace has the name, or the id is another workspace's.
    pub async fn put_agent(&self, stored: &StoredAgent) -> Result<(), StoreError> {
        let (agent, now) = (&stored.agent, self.clock().now());
        let credentials = match &stored.api_key {
            Some(key) => Some(self.sealer().seal(&place("agents", "credentials", &agent.id), key.reveal())?),
            None => None,
        };
        let settings = serde_json::to_string(&agent.settings).unwrap_or_default();
        let touched = execute!(
            self.db(),
            "INSERT INTO agents (id, workspace_id, name, model, instructions, settings, credentials, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, model = excluded.model, instructions = excluded.instructions, settings = excluded.settings, credentials = excluded.credentials, updated_at = excluded.updated_at WHERE agents.workspace_id = excluded.workspace_id",
            agent.id.as_str(),
            agent.workspace_id.as_str(),
            agent.name.as_str(),
            agent.model.as_str(),
            agent.instructions.as_str(),
            settings.as_str(),
            credentials.as_deref(),
            now
        )?;
        StoreError::unless_touched(touched, "agents", &agent.id)
    }
}
