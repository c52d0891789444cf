//! What must differ between the two databases, and nothing else.

use std::sync::Arc;

/// Which database a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Fills a statement's placeholders. `{rows}`: the first parameter's JSON array as a table with one column `value`
    /// (no standard says how). `{lock}`: hold the rows until the commit (`SQLite` has one writer and needs none).
    pub(super) fn statement(self, template: &str) -> Arc<str> {
        let (rows, lock) = match self {
            Self::Sqlite => {
                ("(WITH given AS MATERIALIZED (SELECT value FROM jsonb_each($1)) SELECT value FROM given)", "")
            }
            Self::Postgres => ("json_array_elements($1::json)", "FOR UPDATE OF held"),
        };
        template.replace("{rows}", rows).replace("{lock}", lock).into()
    }
}
