//! A database as it is: its tables by its own schema, and every text in them.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// What SQLite and the migrations keep for themselves, and the parts of full-text indexes.
fn is_inner(table: &str) -> bool {
    let of_index = |index: &str| table.strip_prefix(index).is_some_and(|rest| rest.starts_with('_'));
    table.starts_with("sqlite_")
        || table == "_sqlx_migrations"
        || of_index("passages_index")
        || of_index("remembered_index")
}

/// A connection to the database at an address of the gateway's settings.
enum Line {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Line {
    async fn to(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(_) => Self::Sqlite(SqliteConnection::connect(url).await.unwrap()),
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    async fn words(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(line) => sqlx::query_scalar(sql).fetch_all(line).await.unwrap(),
            Self::Postgres(line) => sqlx::query_scalar(sql).fetch_all(line).await.unwrap(),
        }
    }

    async fn tables(&mut self) -> Vec<String> {
        let sql = match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            Self::Postgres(_) => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            }
        };
        self.words(sql).await.into_iter().filter(|table| !is_inner(table)).collect()
    }
}

/// The tables.
pub async fn tables(url: &str) -> Vec<String> {
    Line::to(url).await.tables().await
}

/// Every text of every column of every table that has one of these in it: table, column and text.
pub async fn texts_with(url: &str, marks: &[&str]) -> Vec<(String, String, String)> {
    let mut line = Line::to(url).await;
    let mut found = Vec::new();
    for table in line.tables().await {
        let columns = match line {
            Line::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
            Line::Postgres(_) => format!(
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
            ),
        };
        for column in line.words(&columns).await {
            let is_text = match line {
                Line::Sqlite(_) => format!("typeof(\"{column}\") = 'text'"),
                Line::Postgres(_) => format!("\"{column}\" IS NOT NULL"),
            };
            let sql = format!("SELECT CAST(\"{column}\" AS TEXT) FROM \"{table}\" WHERE {is_text}");
            for text in line.words(&sql).await {
                let lower = text.to_lowercase();
                if marks.iter().any(|mark| lower.contains(mark)) {
                    found.push((table.clone(), column.clone(), text));
                }
            }
        }
    }
    found
}

/// Every row of a workspace in every table that names one: table and row, in order.
pub async fn rows_of(url: &str, workspace_id: &str) -> Vec<(String, String)> {
    let mut line = Line::to(url).await;
    let mut found = Vec::new();
    for table in line.tables().await {
        let columns = line.words(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
        if !columns.iter().any(|column| column == "workspace_id") {
            continue;
        }
        let shown: Vec<_> =
            columns.iter().map(|column| format!("COALESCE(CAST(\"{column}\" AS TEXT), 'NULL')")).collect();
        let sql = format!(
            "SELECT {} FROM \"{table}\" WHERE workspace_id = '{workspace_id}' ORDER BY 1",
            shown.join(" || ' ' || ")
        );
        found.extend(line.words(&sql).await.into_iter().map(|row| (table.clone(), row)));
    }
    found
}
