//! Everything that is held about a person, as it is held: rows by their columns, JSON texts as JSON.

use serde_json::{Map, Value, json};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column as _, FromRow, Row, TypeInfo as _, ValueRef as _};

use super::db::fetch_all;
use super::tables::{Table, dialect, whom};
use super::{Store, StoreError};
use crate::domain::erasures::{Search, Subject};

/// Rows that are read at once.
const PAGE: i64 = 200;
/// Raw deliveries that are read at once: each may be large.
const PAGE_OF_DELIVERIES: i64 = 20;
/// Columns that hold JSON.
const JSON: [&str; 13] = [
    "attachments",
    "attributes",
    "author",
    "calls",
    "content",
    "data",
    "detail",
    "envelope",
    "error",
    "message_ids",
    "owner",
    "rendering",
    "tags",
];

/// A row by its columns.
struct Columns(Value);

macro_rules! columns_of {
    ($row:ty) => {
        impl<'r> FromRow<'r, $row> for Columns {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                let mut members = Map::new();
                for (at, column) in row.columns().iter().enumerate() {
                    let raw = row.try_get_raw(at)?;
                    let kind = raw.type_info().name().to_owned();
                    let value = match kind.as_str() {
                        _ if raw.is_null() => Value::Null,
                        "TEXT" | "VARCHAR" => {
                            let text: String = row.try_get(at)?;
                            let parsed =
                                JSON.contains(&column.name()).then(|| serde_json::from_str(&text).ok()).flatten();
                            parsed.unwrap_or(Value::String(text))
                        }
                        "REAL" | "FLOAT8" => json!(row.try_get::<f64, _>(at)?),
                        // Where a text lies in the space of a model: made from what stands beside it.
                        "BLOB" | "BYTEA" => continue,
                        _ => json!(row.try_get::<i64, _>(at)?),
                    };
                    members.insert(column.name().to_owned(), value);
                }
                Ok(Self(Value::Object(members)))
            }
        }
    };
}

columns_of!(SqliteRow);
columns_of!(PgRow);

/// A page of what is held, and where the next one begins; none: there is none.
#[derive(Debug, Default)]
pub struct Held {
    /// The rows.
    pub rows: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Store {
    /// A page of a person's rows of a table, in the order of its key.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn held_rows(
        &self,
        workspace_id: &str,
        subject: &Subject,
        table: &Table,
        place: &str,
    ) -> Result<Held, StoreError> {
        let Some((whose, key)) = table.whose() else { return Ok(Held::default()) };
        let offset: i64 = place.parse().unwrap_or_default();
        let sql = format!("SELECT * FROM {} WHERE {whose} ORDER BY {key} LIMIT $3 OFFSET $4", table.name);
        let sql = AssertSqlSafe(dialect(self.db()).statement(&sql));
        let found = fetch_all!(self.db(), Columns, sql, whom(subject).as_str(), workspace_id, PAGE, offset)?;
        let rows: Vec<Value> = found.into_iter().map(|row| row.0).collect();
        let count = i64::try_from(rows.len()).unwrap_or_default();
        Ok(Held { rows, next: (count == PAGE).then(|| (offset + count).to_string()) })
    }

    /// A page of a workspace's rows of a table of texts, of which only those are given that name the person.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn held_texts(
        &self,
        workspace_id: &str,
        search: &Search,
        table: &str,
        place: &str,
    ) -> Result<Held, StoreError> {
        match table {
            "events" => self.held_events(workspace_id, search, place).await,
            "deliveries" => self.held_deliveries(workspace_id, search, place).await,
            "webhook_deliveries" => self.held_webhook_deliveries(workspace_id, search, place).await,
            _ => Ok(Held::default()),
        }
    }

    async fn held_events(&self, workspace_id: &str, search: &Search, place: &str) -> Result<Held, StoreError> {
        let page = self.events(workspace_id, place.parse().unwrap_or_default(), PAGE).await?;
        let next = page.last().map(|event| event.seq.to_string());
        let theirs = page.into_iter().filter(|event| {
            event.conversation_id.as_ref().is_some_and(|id| search.finds(id)) || search.finds(&event.data)
        });
        let shown = theirs.map(|event| {
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            json!({ "seq": event.seq, "kind": event.kind, "conversation_id": event.conversation_id, "at": event.at, "data": data })
        });
        Ok(Held { rows: shown.collect(), next })
    }

    async fn held_deliveries(&self, workspace_id: &str, search: &Search, place: &str) -> Result<Held, StoreError> {
        let page = self.deliveries_after(workspace_id, place, PAGE_OF_DELIVERIES).await?;
        let next = page.last().map(|(place, _)| place.clone());
        let theirs = page.into_iter().filter(|(_, raw)| search.finds_in(raw));
        let shown = theirs.map(|(place, raw)| {
            let (at, id) = place.split_once(' ').unwrap_or_default();
            json!({ "id": id, "received_at": at.parse::<i64>().ok(), "body": raw.body, "envelope": raw.envelope })
        });
        Ok(Held { rows: shown.collect(), next })
    }

    async fn held_webhook_deliveries(
        &self,
        workspace_id: &str,
        search: &Search,
        place: &str,
    ) -> Result<Held, StoreError> {
        let page: Vec<(String, String, i64, String)> = fetch_all!(
            self.db(),
            (String, String, i64, String),
            "SELECT id, endpoint_id, created_at, body FROM webhook_deliveries WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            workspace_id,
            place,
            PAGE
        )?;
        let next = page.last().map(|row| row.0.clone());
        let theirs = page.into_iter().filter(|row| search.finds(&row.3));
        let shown = theirs.map(|(id, endpoint_id, at, body)| {
            let body: Value = serde_json::from_str(&body).unwrap_or_default();
            json!({ "id": id, "endpoint_id": endpoint_id, "created_at": at, "body": body })
        });
        Ok(Held { rows: shown.collect(), next })
    }
}
