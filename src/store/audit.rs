//! The audit log: lines are added and read, never changed.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one};
use super::{Store, StoreError};
use crate::domain::audit::{AuditEntry, Deed};

#[derive(FromRow)]
struct AuditRow {
    id: String,
    at: i64,
    actor: Option<String>,
    actor_name: Option<String>,
    action: String,
    target: Option<String>,
    ip: Option<String>,
    detail: String,
}

impl Store {
    /// Adds a line.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn add_deed(&self, deed: &Deed) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "INSERT INTO audit (id, workspace_id, at, actor, actor_name, action, target, ip, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self.clock().id().as_str(),
            deed.workspace_id.as_deref(),
            self.clock().now(),
            deed.actor.as_deref(),
            deed.actor_name.as_deref(),
            deed.action.as_str(),
            deed.target.as_deref(),
            deed.ip.as_deref(),
            deed.detail.to_string().as_str()
        )
        .map(|_| ())
    }

    /// A page of a workspace's log, the newest first, and how many lines there are in all.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn audit(
        &self,
        workspace_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<AuditEntry>, i64), StoreError> {
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT CAST(COUNT(*) AS BIGINT) FROM audit WHERE workspace_id = $1",
            workspace_id
        )?;
        let found = fetch_all!(
            self.db(),
            AuditRow,
            "SELECT id, at, actor, actor_name, action, target, ip, detail FROM audit WHERE workspace_id = $1 ORDER BY at DESC, id DESC LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        let read = |row: AuditRow| AuditEntry {
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
            id: row.id,
            at: row.at,
            actor: row.actor,
            actor_name: row.actor_name,
            action: row.action,
            target: row.target,
            ip: row.ip,
        };
        Ok((found.into_iter().map(read).collect(), total))
    }
}
