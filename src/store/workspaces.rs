//! Workspaces: the tenants.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_optional};
use super::{Store, StoreError};
use crate::domain::workspaces::Workspace;

#[derive(FromRow)]
struct WorkspaceRow {
    id: String,
    name: String,
    plan: String,
    created_at: i64,
}

impl From<WorkspaceRow> for Workspace {
    fn from(row: WorkspaceRow) -> Self {
        Self { id: row.id, name: row.name, plan: row.plan, created_at: row.created_at }
    }
}

impl Store {
    /// The workspace of this name.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn workspace_named(&self, name: &str) -> Result<Option<Workspace>, StoreError> {
        fetch_optional!(
            self.db(),
            WorkspaceRow,
            "SELECT id, name, plan, created_at FROM workspaces WHERE name = $1",
            name
        )
        .map(|row| row.map(Workspace::from))
    }

    /// The workspace of this id.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn workspace_by_id(&self, id: &str) -> Result<Option<Workspace>, StoreError> {
        fetch_optional!(self.db(), WorkspaceRow, "SELECT id, name, plan, created_at FROM workspaces WHERE id = $1", id)
            .map(|row| row.map(Workspace::from))
    }

    /// All workspaces, for the operator.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, StoreError> {
        fetch_all!(self.db(), WorkspaceRow, "SELECT id, name, plan, created_at FROM workspaces ORDER BY name")
            .map(|rows| rows.into_iter().map(Workspace::from).collect())
    }

    /// Adds a workspace or changes its plan.
    ///
    /// # Errors
    /// The database is not available, or another workspace has the name.
    pub async fn put_workspace(&self, workspace: &Workspace) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "INSERT INTO workspaces (id, name, plan, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET name = excluded.name, plan = excluded.plan",
            workspace.id.as_str(),
            workspace.name.as_str(),
            workspace.plan.as_str(),
            workspace.created_at
        )
        .map(|_| ())
    }
}
