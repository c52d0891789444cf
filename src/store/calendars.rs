//! Calendars that are read by their address, and where and when a workspace lives. An address is sealed: whoever has it
//! reads the calendar.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::idempotency::{Unwritten, remember};
use super::seal::place;
use super::transactions::{Transaction, lost_a_race, run};
use super::{Store, StoreError};
use crate::domain::calendars::{Calendar, Place};
use crate::domain::changes::Idempotency;

#[derive(FromRow)]
struct CalendarRow {
    id: String,
    name: String,
    host: String,
    created_at: i64,
}

impl From<CalendarRow> for Calendar {
    fn from(row: CalendarRow) -> Self {
        let CalendarRow { id, name, host, created_at } = row;
        Self { id, name, host, created_at }
    }
}

impl Store {
    /// Adds a calendar, once for each key.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn add_calendar(
        &self,
        workspace_id: &str,
        calendar: &Calendar,
        address: &str,
        key: Option<&Idempotency>,
    ) -> Result<(), Unwritten> {
        let sealed = self.sealer().seal(&place("calendars", "address", &calendar.id), address)?;
        match self.try_add_calendar(workspace_id, calendar, &sealed, key).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_add_calendar(workspace_id, calendar, &sealed, key).await
            }
            done => done,
        }
    }

    async fn try_add_calendar(
        &self,
        workspace_id: &str,
        calendar: &Calendar,
        sealed: &str,
        key: Option<&Idempotency>,
    ) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, workspace_id, key, calendar.created_at).await? {
            return Err(Unwritten::Repeated(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO calendars (id, workspace_id, name, host, address, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            calendar.id.as_str(),
            workspace_id,
            calendar.name.as_str(),
            calendar.host.as_str(),
            sealed,
            calendar.created_at
        )?;
        Ok(self.tell_and_commit(tx, workspace_id, Vec::new()).await?)
    }

    /// Removes a calendar. Gives `false` when there is none.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_calendar(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(self.db(), "DELETE FROM calendars WHERE workspace_id = $1 AND id = $2", workspace_id, id)
            .map(|touched| touched > 0)
    }

    /// A calendar of a workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn calendar(&self, workspace_id: &str, id: &str) -> Result<Option<Calendar>, StoreError> {
        fetch_optional!(
            self.db(),
            CalendarRow,
            "SELECT id, name, host, created_at FROM calendars WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )
        .map(|row| row.map(Calendar::from))
    }

    /// The calendars of a workspace, the oldest first, and how many there are.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn calendars(
        &self,
        workspace_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Calendar>, i64), StoreError> {
        let found = fetch_all!(
            self.db(),
            CalendarRow,
            "SELECT id, name, host, created_at FROM calendars WHERE workspace_id = $1 ORDER BY created_at, id LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        let (total,) =
            fetch_one!(self.db(), (i64,), "SELECT COUNT(*) FROM calendars WHERE workspace_id = $1", workspace_id)?;
        Ok((found.into_iter().map(Calendar::from).collect(), total))
    }

    /// The address of a calendar, in the clear; lives in memory only.
    ///
    /// # Errors
    /// The database is not available, or the address cannot be opened.
    pub async fn calendar_address(&self, workspace_id: &str, id: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = fetch_optional!(
            self.db(),
            (String,),
            "SELECT address FROM calendars WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?;
        row.map(|(sealed,)| self.sealer().open("calendars", "address", id, &sealed)).transpose()
    }

    /// The IANA name of a workspace's time zone, and where it is, if that was said.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn whereabouts(&self, workspace_id: &str) -> Result<(String, Option<Place>), StoreError> {
        let row: Option<(String, Option<String>)> = fetch_optional!(
            self.db(),
            (String, Option<String>),
            "SELECT time_zone, place FROM workspaces WHERE id = $1",
            workspace_id
        )?;
        let (zone, place) = row.unwrap_or_else(|| ("UTC".to_owned(), None));
        let place = place.map(|text| serde_json::from_str(&text)).transpose();
        let place = place.map_err(|error| StoreError::Unreadable {
            table: "workspaces",
            column: "place",
            id: workspace_id.to_owned(),
            reason: error.to_string(),
        })?;
        Ok((zone, place))
    }

    /// Sets a workspace's time zone, by its IANA name.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_time_zone(&self, workspace_id: &str, zone: &str) -> Result<(), StoreError> {
        execute!(self.db(), "UPDATE workspaces SET time_zone = $2 WHERE id = $1", workspace_id, zone).map(|_| ())
    }

    /// Says where a workspace is.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_place(&self, workspace_id: &str, place: Option<&Place>) -> Result<(), StoreError> {
        let text = place.map(|place| serde_json::json!(place).to_string());
        execute!(self.db(), "UPDATE workspaces SET place = $2 WHERE id = $1", workspace_id, text.as_deref()).map(|_| ())
    }
}
