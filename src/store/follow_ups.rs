//! Follow-ups, with the jobs of their reminders.

use serde_json::{Value, json};
use sqlx::FromRow;

use super::agenda::{AgendaItem, AgendaRow, Held};
use super::db::{fetch_all, fetch_one, fetch_optional};
use super::transactions::{Transaction, rows, run};
use super::{Store, StoreError};
use crate::domain::events::EventKind;
use crate::domain::follow_ups::{FollowUp, FollowUpStatus};
use crate::domain::jobs::Reminded;
use crate::domain::tasks::Source;

/// The columns of a follow-up.
macro_rules! columns {
    () => {
        "id, note, status, contact_id, conversation_id, remind_at, reminded_at, reminder_job, source, created_at, updated_at, completed_at"
    };
}

/// Which follow-ups a list shows: `$1` to `$4`.
macro_rules! chosen {
    () => {
        " FROM follow_ups WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2) AND (CAST($3 AS BIGINT) IS NULL OR remind_at < $3) AND (CAST($4 AS TEXT) IS NULL OR contact_id IN (WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $4 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree))"
    };
}

/// Which follow-ups to list; the default is all.
#[derive(Debug, Clone, Default)]
pub struct FollowUpFilter {
    /// Only of this status.
    pub status: Option<FollowUpStatus>,
    /// Only those due before this moment, Unix milliseconds.
    pub due_before: Option<i64>,
    /// Only those about this contact or one that was merged into it.
    pub contact_id: Option<String>,
}

#[derive(FromRow)]
struct FollowUpRow {
    id: String,
    note: String,
    status: String,
    contact_id: Option<String>,
    conversation_id: Option<String>,
    remind_at: i64,
    reminded_at: Option<i64>,
    reminder_job: Option<String>,
    source: String,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
}

impl FollowUpRow {
    /// The follow-up and the job of its reminder.
    fn read(self) -> Result<(FollowUp, Option<String>), StoreError> {
        let unreadable = |column: &'static str, reason: &str| StoreError::Unreadable {
            table: "follow_ups",
            column,
            id: self.id.clone(),
            reason: reason.to_owned(),
        };
        let follow_up = FollowUp {
            status: FollowUpStatus::from_word(&self.status).ok_or_else(|| unreadable("status", &self.status))?,
            source: Source::from_word(&self.source).ok_or_else(|| unreadable("source", &self.source))?,
            id: self.id,
            note: self.note,
            contact_id: self.contact_id,
            conversation_id: self.conversation_id,
            due_at: self.remind_at,
            reminded_at: self.reminded_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
        };
        Ok((follow_up, self.reminder_job))
    }
}

impl AgendaItem for FollowUp {
    const ABOUT: Reminded = Reminded::FollowUp;
    const NAME: &'static str = "follow_up";
    const CREATED_AND_DELETED: (EventKind, EventKind) = (EventKind::FollowUpCreated, EventKind::FollowUpDeleted);

    fn id(&self) -> &str {
        &self.id
    }

    fn created_at(&self) -> i64 {
        self.created_at
    }

    fn reminder(&self) -> Option<i64> {
        self.reminder()
    }

    fn remind_at(&self) -> Option<i64> {
        Some(self.due_at)
    }

    fn told_at(&mut self, at: i64) {
        self.reminded_at = Some(at);
    }

    fn changed(_: &Self, _: &Self) -> EventKind {
        EventKind::FollowUpUpdated
    }

    fn shown(&self) -> Value {
        json!(self)
    }
}

impl AgendaRow for FollowUp {
    async fn insert(&self, tx: &mut Transaction, workspace_id: &str) -> Result<(), StoreError> {
        run!(
            tx,
            "INSERT INTO follow_ups (id, workspace_id, note, status, remind_at, source, created_at, updated_at) VALUES ($1, $2, '', '', 0, '', $3, $3)",
            self.id.as_str(),
            workspace_id,
            self.created_at
        )
        .map(|_| ())
    }

    async fn hold(tx: &mut Transaction, workspace_id: &str, id: &str) -> Result<Option<Held<Self>>, StoreError> {
        let held = rows!(
            tx,
            FollowUpRow,
            concat!(
                "UPDATE follow_ups SET updated_at = updated_at WHERE workspace_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            workspace_id,
            id
        )?;
        held.into_iter().next().map(FollowUpRow::read).transpose()
    }

    async fn write(&self, tx: &mut Transaction, workspace_id: &str, job: Option<&str>) -> Result<(), StoreError> {
        run!(
            tx,
            "UPDATE follow_ups SET note = $3, status = $4, contact_id = $5, conversation_id = $6, remind_at = $7, reminded_at = $8, reminder_job = $9, source = $10, updated_at = $11, completed_at = $12 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            self.id.as_str(),
            self.note.as_str(),
            self.status.as_str(),
            self.contact_id.as_deref(),
            self.conversation_id.as_deref(),
            self.due_at,
            self.reminded_at,
            job,
            self.source.as_str(),
            self.updated_at,
            self.completed_at
        )
        .map(|_| ())
    }

    async fn delete(tx: &mut Transaction, workspace_id: &str, id: &str) -> Result<(), StoreError> {
        run!(tx, "DELETE FROM follow_ups WHERE workspace_id = $1 AND id = $2", workspace_id, id).map(|_| ())
    }
}

impl Store {
    /// A follow-up of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn follow_up(&self, workspace_id: &str, id: &str) -> Result<Option<FollowUp>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            FollowUpRow,
            concat!("SELECT ", columns!(), " FROM follow_ups WHERE workspace_id = $1 AND id = $2"),
            workspace_id,
            id
        )?;
        row.map(|row| row.read().map(|(follow_up, _)| follow_up)).transpose()
    }

    /// The follow-ups of a workspace that a filter lets through, those due first first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn follow_ups(
        &self,
        workspace_id: &str,
        filter: &FollowUpFilter,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<FollowUp>, i64), StoreError> {
        let (status, contact) = (filter.status.map(FollowUpStatus::as_str), filter.contact_id.as_deref());
        let found = fetch_all!(
            self.db(),
            FollowUpRow,
            concat!("SELECT ", columns!(), chosen!(), " ORDER BY remind_at, created_at, id LIMIT $5 OFFSET $6"),
            workspace_id,
            status,
            filter.due_before,
            contact,
            limit,
            offset
        )?;
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            concat!("SELECT COUNT(*)", chosen!()),
            workspace_id,
            status,
            filter.due_before,
            contact
        )?;
        let found = found.into_iter().map(|row| row.read().map(|(follow_up, _)| follow_up));
        Ok((found.collect::<Result<_, _>>()?, total))
    }
}
