//! How the embedded database finds rows: no statement may read a whole table that grows with the traffic, or join from
//! the wrong end. Its planner knows no sizes, so a statement has to leave it no choice; a mistake shows only when there
//! is much data. Statements that are put together from pieces are not seen here.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Row};

use crate::support::databases::on_both_databases;

/// Tables that stay small, and names within statements.
const SMALL: [&str; 18] = [
    "CONSTANT",
    "_sqlx_migrations",
    "agents",
    "asked",
    "calendars",
    "channels",
    "first",
    "given",
    "invitations",
    "json_each",
    "jsonb_each",
    "nodes",
    "own",
    "placed",
    "said",
    "tree",
    "up",
    "workspaces",
];
/// Statements that may read all, by words of theirs, and why.
const READ_ALL: [(&str, &str); 20] = [
    ("FROM deliveries WHERE outcome = 'pending'", "an index holds just those"),
    ("SELECT DISTINCT held.lane FROM jobs", "asked of PostgreSQL only, which has an index by lane"),
    ("WITH orphans AS", "jobs that wait are few"),
    ("kind = 'send' AND state = 'ready'", "when somebody takes a message back; jobs that wait are few"),
    ("SELECT kind, state, COUNT(*)", "the metrics count all jobs"),
    ("WITH phones (workspace_id, value, contact_id)", "once, when a node starts"),
    ("LIKE $2 ESCAPE '!'", "a search for a part of a name, by a person"),
    ("kept_id = $1 OR merged_id = $1", "merges are few"),
    ("_index MATCH $1", "the index of words is looked into by words"),
    ("DELETE FROM remembered_index WHERE rowid IN", "by its number, which the plan does not say"),
    ("FROM dropped_files AS d ORDER BY", "files that wait for their end, from the oldest on"),
    ("FROM webhook_endpoints", "endpoints are few"),
    ("FROM workspaces AS w LEFT JOIN remembered_up_to", "workspaces are few"),
    ("FROM (SELECT id FROM users LIMIT 1)", "one row is read"),
    ("kind IN ('send', 'fallback')", "jobs that wait are few"),
    ("DELETE FROM agents", "keys of agents are few"),
    ("j.kind = 'embed'", "once, when a node starts; jobs that wait are few"),
    ("DELETE FROM revisions WHERE workspace_id = $1 AND $2 LIKE", "when a person is erased; revisions are few"),
    ("FROM providers ORDER BY id", "all secrets are sealed anew"),
    ("WHERE code IS NOT NULL ORDER BY id", "all secrets are sealed anew"),
];

on_both_databases! {
    async fn no_statement_reads_a_table_that_grows(store: TestStore) {
        if store.is_shared() {
            // A server knows how large its tables are, and chooses by that.
            return;
        }
        let pool = SqlitePool::connect(store.url()).await.unwrap();
        let mut wrong = Vec::new();
        let mut seen = 0;
        for (file, statement) in statements() {
            let Ok(plan) = plan(&pool, &statement).await else { continue };
            seen += 1;
            let found = faults(&plan);
            if !found.is_empty() && !READ_ALL.iter().any(|(words, _)| statement.contains(words)) {
                wrong.push(format!("{}: {statement}\n    {found:?}", file.display()));
            }
        }
        assert!(seen > 250, "only {seen} statements were understood");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Steps of a plan: number of the parent, and what is done.
async fn plan(pool: &SqlitePool, statement: &str) -> Result<Vec<(i64, String)>, sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"))).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| (row.get(1), row.get(3))).collect())
}

fn faults(plan: &[(i64, String)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, (parent, step)) in plan.iter().enumerate() {
        let mut words = step.split(' ');
        let scanned = words.next().filter(|word| *word == "SCAN").and_then(|_| words.next());
        // What a part of the statement gives is not a table; how it is found is a step of its own.
        let is_table = |name: &str| !SMALL.contains(&name) && !name.starts_with("(subquery");
        if scanned.is_some_and(is_table) || step.contains("AUTOMATIC") {
            faults.push(step.clone());
        }
        let before = plan.iter().take(at).filter(|(other, _)| other == parent);
        if scanned == Some("given") && before.clone().any(|(_, step)| step.starts_with("SEARCH")) {
            let lists = before.filter(|(_, step)| step.starts_with("LIST")).count();
            if lists == 0 {
                faults.push("the given rows are looked through for each row that is found".to_owned());
            }
        }
    }
    faults
}

/// The statements in the store's source that stand in one piece.
fn statements() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for piece in source.split('"') {
                let verb = piece.split(' ').next().unwrap_or_default();
                if ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) {
                    let given =
                        "(WITH given AS MATERIALIZED (SELECT value FROM jsonb_each($1)) SELECT value FROM given)";
                    found.push((path.clone(), piece.replace("{rows}", given).replace("{lock}", "")));
                }
            }
        }
    }
    found
}
