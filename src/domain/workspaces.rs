//! Workspaces: the tenants.

use serde::{Deserialize, Serialize};

use super::calendars::Place;

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

/// What the people of a workspace set for all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkspaceSettings {
    /// Time zone, by its IANA name.
    pub time_zone: String,
    /// Where it is, for its weather.
    pub place: Option<Place>,
    /// What carries sign-in codes on a channel where only templates may go.
    pub code_template: Option<CodeTemplate>,
}

/// A vendor's authentication template, which takes the code as the parameter of its body and of its button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeTemplate {
    /// Its name at the vendor.
    #[schema(example = "sign_in_code")]
    pub name: String,
    /// Its language.
    #[schema(example = "en_US")]
    pub language: String,
}

/// Whether a workspace may be called so: something, without blanks at its ends and without control characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    super::users::is_name(name)
}
