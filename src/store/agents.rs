//! Agents: who answers. A model's key is sealed at rest.

use sqlx::FromRow;
use switchboard_channels::contract::credentials::Secret;

use super::db::{execute, fetch_all, fetch_optional};
use super::idempotency::remember;
use super::seal::place;
use super::transactions::{Transaction, rows, run};
use super::{Store, StoreError};
use crate::domain::agents::Agent;
use crate::domain::changes::Idempotency;

#[derive(FromRow)]
struct AgentRow {
    id: String,
    workspace_id: String,
    name: String,
    model: String,
    instructions: String,
    settings: String,
    credentials: Option<String>,
    is_active: i64,
    created_at: i64,
}

/// An agent with its model's key, in the clear; lives in memory only.
#[derive(Clone, PartialEq)]
pub struct StoredAgent {
    /// The agent.
    pub agent: Agent,
    /// Key of its model's endpoint.
    pub api_key: Option<Secret>,
}

/// What became of an agent that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone, with its documents and its own keys.
    Gone,
    /// Channels use it.
    Used,
    /// There is no such agent.
    Unknown,
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
                is_active: row.is_active != 0,
                created_at: row.created_at,
            },
            api_key: api_key.map(Secret::new),
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
            "SELECT id, workspace_id, name, model, instructions, settings, credentials, is_active, created_at FROM agents WHERE id = $1",
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
            "SELECT id, workspace_id, name, model, instructions, settings, credentials, is_active, created_at FROM agents WHERE workspace_id = $1 ORDER BY name",
            workspace_id
        )?
        .into_iter()
        .map(|row| self.agent_from(row))
        .collect()
    }

    fn sealed_key(&self, stored: &StoredAgent) -> Result<Option<String>, StoreError> {
        let Some(key) = &stored.api_key else { return Ok(None) };
        Ok(Some(self.sealer().seal(&place("agents", "credentials", &stored.agent.id), key.reveal())?))
    }

    /// Adds an agent or replaces it.
    ///
    /// # Errors
    /// The database is not available, another agent of the workspace has the name, or the id is another workspace's.
    pub async fn put_agent(&self, stored: &StoredAgent) -> Result<(), StoreError> {
        let (agent, credentials) = (&stored.agent, self.sealed_key(stored)?);
        let settings = serde_json::to_string(&agent.settings).unwrap_or_default();
        let touched = execute!(
            self.db(),
            "INSERT INTO agents (id, workspace_id, name, model, instructions, settings, credentials, is_active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET name = excluded.name, model = excluded.model, instructions = excluded.instructions, settings = excluded.settings, credentials = excluded.credentials, is_active = excluded.is_active, updated_at = excluded.updated_at WHERE agents.workspace_id = excluded.workspace_id",
            agent.id.as_str(),
            agent.workspace_id.as_str(),
            agent.name.as_str(),
            agent.model.as_str(),
            agent.instructions.as_str(),
            settings.as_str(),
            credentials.as_deref(),
            i64::from(agent.is_active),
            agent.created_at,
            self.clock().now()
        )?;
        StoreError::unless_touched(touched, "agents", &agent.id)
    }

    /// Adds an agent, once for each key. Gives what was made under the key before, if it was.
    ///
    /// # Errors
    /// The database is not available, or another agent of the workspace has the name.
    pub async fn add_agent(
        &self,
        stored: &StoredAgent,
        key: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let (agent, credentials) = (&stored.agent, self.sealed_key(stored)?);
        let settings = serde_json::to_string(&agent.settings).unwrap_or_default();
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(key) = key
            && let Some(earlier) = remember(&mut tx, &agent.workspace_id, Some(key), agent.created_at).await?
        {
            return Ok(Some(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO agents (id, workspace_id, name, model, instructions, settings, credentials, is_active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
            agent.id.as_str(),
            agent.workspace_id.as_str(),
            agent.name.as_str(),
            agent.model.as_str(),
            agent.instructions.as_str(),
            settings.as_str(),
            credentials.as_deref(),
            i64::from(agent.is_active),
            agent.created_at
        )?;
        self.tell_and_commit(tx, &agent.workspace_id, Vec::new()).await?;
        Ok(None)
    }

    /// Reads an agent of the workspace, lets `decide` say what it becomes, and writes that; nobody else changes it
    /// meanwhile. Id, workspace and the time of its making stay. None: there is no such agent.
    ///
    /// # Errors
    /// The database is not available, or another agent of the workspace has the name.
    pub async fn change_agent<E>(
        &self,
        workspace_id: &str,
        id: &str,
        decide: impl FnOnce(StoredAgent) -> Result<StoredAgent, E>,
    ) -> Result<Option<Result<StoredAgent, E>>, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let held = rows!(
            &mut tx,
            AgentRow,
            "UPDATE agents SET updated_at = $3 WHERE workspace_id = $1 AND id = $2 RETURNING id, workspace_id, name, model, instructions, settings, credentials, is_active, created_at",
            workspace_id,
            id,
            self.clock().now()
        )?;
        let Some(row) = held.into_iter().next() else { return Ok(None) };
        let wanted = match decide(self.agent_from(row)?) {
            Ok(wanted) => wanted,
            Err(no) => return Ok(Some(Err(no))),
        };
        let (agent, credentials) = (&wanted.agent, self.sealed_key(&wanted)?);
        let settings = serde_json::to_string(&agent.settings).unwrap_or_default();
        run!(
            &mut tx,
            "UPDATE agents SET name = $3, model = $4, instructions = $5, settings = $6, credentials = $7, is_active = $8 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id,
            agent.name.as_str(),
            agent.model.as_str(),
            agent.instructions.as_str(),
            settings.as_str(),
            credentials.as_deref(),
            i64::from(agent.is_active)
        )?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(Some(Ok(wanted)))
    }

    /// Removes an agent of the workspace that no channel uses, with its documents and its own keys. What it said stays.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_agent(&self, workspace_id: &str, id: &str) -> Result<Removed, StoreError> {
        match self.try_remove_agent(workspace_id, id).await {
            // Something that names it was made at the same moment.
            Err(error) if error.is_needed() => Ok(Removed::Used),
            done => done,
        }
    }

    async fn try_remove_agent(&self, workspace_id: &str, id: &str) -> Result<Removed, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let uses = rows!(
            &mut tx,
            (i64,),
            "SELECT COUNT(*) FROM channels WHERE workspace_id = $1 AND agent_id = $2",
            workspace_id,
            id
        )?;
        if uses.iter().any(|(count,)| *count > 0) {
            return Ok(Removed::Used);
        }
        run!(&mut tx, "DELETE FROM documents WHERE workspace_id = $1 AND agent_id = $2", workspace_id, id)?;
        run!(&mut tx, "DELETE FROM api_keys WHERE workspace_id = $1 AND agent_id = $2", workspace_id, id)?;
        let removed = run!(&mut tx, "DELETE FROM agents WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(if removed > 0 { Removed::Gone } else { Removed::Unknown })
    }
}
