//! Workspaces: the tenants.

use serde::Serialize;

/// A tenant. Everything else belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// UUID.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Name of its plan in `config/plans.toml`.
    pub plan: String,
    /// Unix milliseconds.
    pub created_at: i64,
}
