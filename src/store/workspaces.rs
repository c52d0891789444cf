//! Workspaces: the tenants.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_optional};
use super::{Store, StoreError};
use crate::domain::calendars::Place;
use crate::domain::workspaces::{CodeTemplate, Workspace, WorkspaceSettings};

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

    /// The workspace of this id with its settings.
    ///
    /// # Errors
    /// The database is not available, or the settings cannot be read.
    pub async fn workspace(&self, id: &str) -> Result<Option<(Workspace, WorkspaceSettings)>, StoreError> {
        let found = fetch_optional!(
            self.db(),
            (String, String, i64, String, Option<String>, Option<String>),
            "SELECT name, plan, created_at, time_zone, place, code_template FROM workspaces WHERE id = $1",
            id
        )?;
        let Some((name, plan, created_at, time_zone, place, template)) = found else { return Ok(None) };
        let unreadable = |column: &'static str, error: &serde_json::Error| StoreError::Unreadable {
            table: "workspaces",
            column,
            id: id.to_owned(),
            reason: error.to_string(),
        };
        let place = place.as_deref().map(serde_json::from_str::<Place>).transpose();
        let template = template.as_deref().map(serde_json::from_str::<CodeTemplate>).transpose();
        let settings = WorkspaceSettings {
            time_zone,
            place: place.map_err(|error| unreadable("place", &error))?,
            code_template: template.map_err(|error| unreadable("code_template", &error))?,
        };
        Ok(Some((Workspace { id: id.to_owned(), name, plan, created_at }, settings)))
    }

    /// Sets a workspace's name and settings.
    ///
    /// # Errors
    /// The database is not available, or another workspace has the name.
    pub async fn set_workspace(&self, id: &str, name: &str, settings: &WorkspaceSettings) -> Result<(), StoreError> {
        let place = settings.place.as_ref().and_then(|place| serde_json::to_string(place).ok());
        let template = settings.code_template.as_ref().and_then(|template| serde_json::to_string(template).ok());
        execute!(
            self.db(),
            "UPDATE workspaces SET name = $2, time_zone = $3, place = $4, code_template = $5 WHERE id = $1",
            id,
            name,
            settings.time_zone.as_str(),
            place.as_deref(),
            template.as_deref()
        )
        .map(|_| ())
    }
}
