//! Follow-ups, with the jobs of their reminders.

use serde_json::json;
use sqlx::FromRow;

use super::db::{fetch_all, fetch_one, fetch_optional};
use super::idempotency::{Unwritten, remember};
use super::reminders::Reminder;
use super::transactions::{Told, Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;
use crate::domain::events::EventKind;
use crate::domain::follow_ups::{FollowUp, FollowUpStatus};
use crate::domain::jobs::{Job, Reminded};
use crate::domain::tasks::Source;
use crate::telemetry::crash;

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

fn told(kind: EventKind, follow_up: &FollowUp) -> Told {
    Told { kind, data: json!({ "follow_up": follow_up }) }
}

fn reminder<'a>(workspace_id: &'a str, follow_up: &'a FollowUp) -> Reminder<'a> {
    Reminder { workspace_id, about: Reminded::FollowUp, id: &follow_up.id, at: follow_up.reminder() }
}

impl Store {
    /// Adds a follow-up, once for each key.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn add_follow_up(
        &self,
        workspace_id: &str,
        follow_up: &FollowUp,
        key: Option<&Idempotency>,
    ) -> Result<(), Unwritten> {
        match self.try_add_follow_up(workspace_id, follow_up, key).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_add_follow_up(workspace_id, follow_up, key).await
            }
            done => done,
        }
    }

    async fn try_add_follow_up(
        &self,
        workspace_id: &str,
        follow_up: &FollowUp,
        key: Option<&Idempotency>,
    ) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, workspace_id, key, follow_up.created_at).await? {
            return Err(Unwritten::Repeated(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO follow_ups (id, workspace_id, note, status, remind_at, source, created_at, updated_at) VALUES ($1, $2, '', '', 0, '', $3, $3)",
            follow_up.id.as_str(),
            workspace_id,
            follow_up.created_at
        )?;
        let armed = self.arm(&mut tx, &reminder(workspace_id, follow_up), None).await?;
        write(&mut tx, workspace_id, follow_up, armed.job.as_deref()).await?;
        self.tell_and_commit(tx, workspace_id, vec![told(EventKind::FollowUpCreated, follow_up)]).await?;
        self.feed(workspace_id, armed.new);
        Ok(())
    }

    /// Changes a follow-up as `change` decides on it, and gives it as it is then.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn change_follow_up(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&FollowUp) -> Result<FollowUp, Vec<FieldProblem>>,
    ) -> Result<FollowUp, Unwritten> {
        match self.try_change_follow_up(workspace_id, id, &change).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_change_follow_up(workspace_id, id, &change).await
            }
            done => done,
        }
    }

    async fn try_change_follow_up(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&FollowUp) -> Result<FollowUp, Vec<FieldProblem>>,
    ) -> Result<FollowUp, Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (before, job) = hold(&mut tx, workspace_id, id).await?.ok_or(Unwritten::Unknown)?;
        let after = change(&before).map_err(Unwritten::Fields)?;
        let old = job.as_deref().zip(before.reminder());
        let armed = self.arm(&mut tx, &reminder(workspace_id, &after), old).await?;
        write(&mut tx, workspace_id, &after, armed.job.as_deref()).await?;
        self.tell_and_commit(tx, workspace_id, vec![told(EventKind::FollowUpUpdated, &after)]).await?;
        self.feed(workspace_id, armed.new);
        Ok(after)
    }

    /// Deletes a follow-up with its reminder.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn remove_follow_up(&self, workspace_id: &str, id: &str) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (follow_up, job) = hold(&mut tx, workspace_id, id).await?.ok_or(Unwritten::Unknown)?;
        let none = Reminder { at: None, ..reminder(workspace_id, &follow_up) };
        self.arm(&mut tx, &none, job.as_deref().zip(follow_up.reminder())).await?;
        run!(&mut tx, "DELETE FROM follow_ups WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        let told = Told { kind: EventKind::FollowUpDeleted, data: json!({ "follow_up_id": id }) };
        Ok(self.tell_and_commit(tx, workspace_id, vec![told]).await?)
    }

    /// Tells that the time of a follow-up has come, and ends its job with it. Gives `false` when there was nothing to
    /// tell: it is gone, has another time, or the job is another node's.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn tell_of_follow_up(&self, job: &Job, id: &str) -> Result<bool, StoreError> {
        let (workspace_id, now) = (job.workspace_id.as_str(), self.clock().now());
        let mut tx = Transaction::begin(self.db()).await?;
        // The row before its job, as in a change, so that the two cannot hold each other's.
        let held = hold(&mut tx, workspace_id, id).await?;
        let held = held.filter(|(_, named)| named.as_ref() == Some(&job.id));
        let Some((mut follow_up, _)) = held else { return Ok(false) };
        if !self.end_reminder_job(&mut tx, &job.id).await? {
            return Ok(false);
        }
        follow_up.reminded_at = Some(now);
        write(&mut tx, workspace_id, &follow_up, None).await?;
        let reminder = json!({ "about": "follow_up", "id": id, "remind_at": follow_up.due_at, "at": now });
        let data = json!({ "reminder": reminder, "follow_up": follow_up });
        let told = Told { kind: EventKind::ReminderTriggered, data };
        crash::point("reminders.tell");
        self.tell_and_commit(tx, workspace_id, vec![told]).await?;
        Ok(true)
    }

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

/// The follow-up and the job of its reminder, held until the commit.
async fn hold(
    tx: &mut Transaction,
    workspace_id: &str,
    id: &str,
) -> Result<Option<(FollowUp, Option<String>)>, StoreError> {
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

async fn write(
    tx: &mut Transaction,
    workspace_id: &str,
    follow_up: &FollowUp,
    job: Option<&str>,
) -> Result<(), StoreError> {
    run!(
        tx,
        "UPDATE follow_ups SET note = $3, status = $4, contact_id = $5, conversation_id = $6, remind_at = $7, reminded_at = $8, reminder_job = $9, source = $10, updated_at = $11, completed_at = $12 WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        follow_up.id.as_str(),
        follow_up.note.as_str(),
        follow_up.status.as_str(),
        follow_up.contact_id.as_deref(),
        follow_up.conversation_id.as_deref(),
        follow_up.due_at,
        follow_up.reminded_at,
        job,
        follow_up.source.as_str(),
        follow_up.updated_at,
        follow_up.completed_at
    )
    .map(|_| ())
}
