//! Memories: what was learned. Each is in the index of what is remembered for as long as it is here.

use sqlx::FromRow;

use super::db::{fetch_all, fetch_one, fetch_optional};
use super::idempotency::{Unwritten, remember};
use super::remembered::{forget_memory_in, index_memory};
use super::transactions::{Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;
use crate::domain::jobs::Embeddable;
use crate::domain::memories::{Memory, MemoryKind};
use crate::domain::tasks::Source;

/// The columns of a memory.
macro_rules! columns {
    () => {
        "id, kind, text, contact_id, agent_id, conversation_id, message_id, source, created_at, updated_at"
    };
}

/// Which memories a list shows: `$1` to `$4`.
macro_rules! chosen {
    () => {
        " FROM memories WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2) AND (CAST($3 AS TEXT) IS NULL OR agent_id = $3) AND (CAST($4 AS TEXT) IS NULL OR contact_id IN (WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $4 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree))"
    };
}

/// Which memories to list; the default is all.
#[derive(Debug, Clone, Default)]
pub struct MemoryFilter {
    /// Only of this kind.
    pub kind: Option<MemoryKind>,
    /// Only what this agent learned.
    pub agent_id: Option<String>,
    /// Only those about this contact or one that was merged into it.
    pub contact_id: Option<String>,
}

#[derive(FromRow)]
struct MemoryRow {
    id: String,
    kind: String,
    text: String,
    contact_id: Option<String>,
    agent_id: Option<String>,
    conversation_id: Option<String>,
    message_id: Option<String>,
    source: String,
    created_at: i64,
    updated_at: i64,
}

impl MemoryRow {
    fn read(self) -> Result<Memory, StoreError> {
        let unreadable = |column: &'static str, reason: &str| StoreError::Unreadable {
            table: "memories",
            column,
            id: self.id.clone(),
            reason: reason.to_owned(),
        };
        Ok(Memory {
            kind: MemoryKind::from_word(&self.kind).ok_or_else(|| unreadable("kind", &self.kind))?,
            source: Source::from_word(&self.source).ok_or_else(|| unreadable("source", &self.source))?,
            id: self.id,
            text: self.text,
            contact_id: self.contact_id,
            agent_id: self.agent_id,
            conversation_id: self.conversation_id,
            message_id: self.message_id,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    /// Adds a memory, once for each key, and with `embeds` the job that embeds it.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn add_memory(
        &self,
        workspace_id: &str,
        memory: &Memory,
        key: Option<&Idempotency>,
        embeds: bool,
    ) -> Result<(), Unwritten> {
        match self.try_add_memory(workspace_id, memory, key, embeds).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_add_memory(workspace_id, memory, key, embeds).await
            }
            done => done,
        }
    }

    async fn try_add_memory(
        &self,
        workspace_id: &str,
        memory: &Memory,
        key: Option<&Idempotency>,
        embeds: bool,
    ) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, workspace_id, key, memory.created_at).await? {
            return Err(Unwritten::Repeated(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO memories (id, workspace_id, kind, text, contact_id, agent_id, conversation_id, message_id, source, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            memory.id.as_str(),
            workspace_id,
            memory.kind.as_str(),
            memory.text.as_str(),
            memory.contact_id.as_deref(),
            memory.agent_id.as_deref(),
            memory.conversation_id.as_deref(),
            memory.message_id.as_deref(),
            memory.source.as_str(),
            memory.created_at,
            memory.updated_at
        )?;
        index_memory(&mut tx, workspace_id, &memory.id, &memory.text).await?;
        let written = embeds.then_some((Embeddable::Memory, memory.id.as_str()));
        Ok(self.commit_with_embedding(tx, workspace_id, written).await?)
    }

    /// Corrects a memory as `change` decides on it, and gives it as it is then. Another text is embedded anew, if it
    /// `embeds`.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn change_memory(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&Memory) -> Result<Memory, Vec<FieldProblem>>,
        embeds: bool,
    ) -> Result<Memory, Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let held = rows!(
            &mut tx,
            MemoryRow,
            concat!(
                "UPDATE memories SET updated_at = updated_at WHERE workspace_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            workspace_id,
            id
        )?;
        let before = held.into_iter().next().ok_or(Unwritten::Unknown)?.read()?;
        let after = change(&before).map_err(Unwritten::Fields)?;
        run!(
            &mut tx,
            "UPDATE memories SET kind = $3, text = $4, contact_id = $5, conversation_id = $6, message_id = $7, updated_at = $8, embedding = CASE WHEN text = $4 THEN embedding END, embedding_model = CASE WHEN text = $4 THEN embedding_model END WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id,
            after.kind.as_str(),
            after.text.as_str(),
            after.contact_id.as_deref(),
            after.conversation_id.as_deref(),
            after.message_id.as_deref(),
            after.updated_at
        )?;
        index_memory(&mut tx, workspace_id, id, &after.text).await?;
        let embeds = embeds && after.text != before.text;
        self.commit_with_embedding(tx, workspace_id, embeds.then_some((Embeddable::Memory, id))).await?;
        Ok(after)
    }

    /// Forgets a memory: it is neither here nor found from now on. Gives `false` when there is none.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn forget_memory(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let gone = run!(&mut tx, "DELETE FROM memories WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        forget_memory_in(&mut tx, workspace_id, id).await?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(gone > 0)
    }

    /// A memory of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn memory(&self, workspace_id: &str, id: &str) -> Result<Option<Memory>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            MemoryRow,
            concat!("SELECT ", columns!(), " FROM memories WHERE workspace_id = $1 AND id = $2"),
            workspace_id,
            id
        )?;
        row.map(MemoryRow::read).transpose()
    }

    /// The memories of a workspace that a filter lets through, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn memories(
        &self,
        workspace_id: &str,
        filter: &MemoryFilter,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Memory>, i64), StoreError> {
        let (kind, agent) = (filter.kind.map(MemoryKind::as_str), filter.agent_id.as_deref());
        let contact = filter.contact_id.as_deref();
        let found = fetch_all!(
            self.db(),
            MemoryRow,
            concat!("SELECT ", columns!(), chosen!(), " ORDER BY created_at DESC, id DESC LIMIT $5 OFFSET $6"),
            workspace_id,
            kind,
            agent,
            contact,
            limit,
            offset
        )?;
        let (total,) =
            fetch_one!(self.db(), (i64,), concat!("SELECT COUNT(*)", chosen!()), workspace_id, kind, agent, contact)?;
        Ok((found.into_iter().map(MemoryRow::read).collect::<Result<_, _>>()?, total))
    }
}
