//! Tasks, with the jobs of their reminders.

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
use crate::domain::jobs::{Job, Reminded};
use crate::domain::tasks::{Priority, Source, Task, TaskStatus};
use crate::telemetry::crash;

/// The columns of a task.
macro_rules! columns {
    () => {
        "id, title, description, due_date, due_at, priority, status, assignee, contact_id, conversation_id, remind_at, reminded_at, reminder_job, tags, source, created_at, updated_at, completed_at"
    };
}

/// Which tasks a list shows: `$1` to `$7`.
macro_rules! chosen {
    () => {
        " FROM tasks WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2) AND (CAST($3 AS TEXT) IS NULL OR priority = $3) AND (CAST($4 AS BIGINT) IS NULL OR due_at < $4) AND (CAST($5 AS TEXT) IS NULL OR contact_id IN (WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $5 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree)) AND (CAST($6 AS TEXT) IS NULL OR LOWER(title) LIKE $6 ESCAPE '\\' OR LOWER(COALESCE(description, '')) LIKE $6 ESCAPE '\\') AND ($7 = 0 OR status IN ('open', 'in_progress'))"
    };
}

/// Which tasks to list; the default is all.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Only of this status.
    pub status: Option<TaskStatus>,
    /// Only of this priority.
    pub priority: Option<Priority>,
    /// Only those late after a moment before this one, Unix milliseconds.
    pub due_before: Option<i64>,
    /// Only those about this contact or one that was merged into it.
    pub contact_id: Option<String>,
    /// Only those that have these characters in title or description.
    pub q: Option<String>,
    /// Only those that are not done and not cancelled.
    pub open: bool,
}

#[derive(FromRow)]
struct TaskRow {
    id: String,
    title: String,
    description: Option<String>,
    due_date: Option<String>,
    due_at: Option<i64>,
    priority: String,
    status: String,
    assignee: Option<String>,
    contact_id: Option<String>,
    conversation_id: Option<String>,
    remind_at: Option<i64>,
    reminded_at: Option<i64>,
    reminder_job: Option<String>,
    tags: String,
    source: String,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
}

impl TaskRow {
    /// The task and the job of its reminder.
    fn read(self) -> Result<(Task, Option<String>), StoreError> {
        let unreadable = |column: &'static str, reason: &str| StoreError::Unreadable {
            table: "tasks",
            column,
            id: self.id.clone(),
            reason: reason.to_owned(),
        };
        let task = Task {
            priority: Priority::from_word(&self.priority).ok_or_else(|| unreadable("priority", &self.priority))?,
            status: TaskStatus::from_word(&self.status).ok_or_else(|| unreadable("status", &self.status))?,
            source: Source::from_word(&self.source).ok_or_else(|| unreadable("source", &self.source))?,
            tags: serde_json::from_str(&self.tags).map_err(|error| unreadable("tags", &error.to_string()))?,
            id: self.id,
            title: self.title,
            description: self.description,
            due_date: self.due_date,
            due_at: self.due_at,
            assignee: self.assignee,
            contact_id: self.contact_id,
            conversation_id: self.conversation_id,
            remind_at: self.remind_at,
            reminded_at: self.reminded_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
        };
        Ok((task, self.reminder_job))
    }
}

fn told(kind: EventKind, task: &Task) -> Told {
    Told { kind, data: json!({ "task": task }) }
}

fn reminder<'a>(workspace_id: &'a str, task: &'a Task) -> Reminder<'a> {
    Reminder { workspace_id, about: Reminded::Task, id: &task.id, at: task.reminder() }
}

impl Store {
    /// Adds a task, once for each key.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn add_task(&self, workspace_id: &str, task: &Task, key: Option<&Idempotency>) -> Result<(), Unwritten> {
        match self.try_add_task(workspace_id, task, key).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => self.try_add_task(workspace_id, task, key).await,
            done => done,
        }
    }

    async fn try_add_task(&self, workspace_id: &str, task: &Task, key: Option<&Idempotency>) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, workspace_id, key, task.created_at).await? {
            return Err(Unwritten::Repeated(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO tasks (id, workspace_id, title, priority, status, tags, source, created_at, updated_at) VALUES ($1, $2, '', '', '', '[]', '', $3, $3)",
            task.id.as_str(),
            workspace_id,
            task.created_at
        )?;
        let armed = self.arm(&mut tx, &reminder(workspace_id, task), None).await?;
        write(&mut tx, workspace_id, task, armed.job.as_deref()).await?;
        self.tell_and_commit(tx, workspace_id, vec![told(EventKind::TaskCreated, task)]).await?;
        self.feed(workspace_id, armed.new);
        Ok(())
    }

    /// Changes a task as `change` decides on it, and gives it as it is then.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn change_task(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&Task) -> Result<Task, Vec<FieldProblem>>,
    ) -> Result<Task, Unwritten> {
        match self.try_change_task(workspace_id, id, &change).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_change_task(workspace_id, id, &change).await
            }
            done => done,
        }
    }

    async fn try_change_task(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&Task) -> Result<Task, Vec<FieldProblem>>,
    ) -> Result<Task, Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (before, job) = hold(&mut tx, workspace_id, id).await?.ok_or(Unwritten::Unknown)?;
        let after = change(&before).map_err(Unwritten::Fields)?;
        let old = job.as_deref().zip(before.reminder());
        let armed = self.arm(&mut tx, &reminder(workspace_id, &after), old).await?;
        write(&mut tx, workspace_id, &after, armed.job.as_deref()).await?;
        let completed = after.status == TaskStatus::Done && before.status != TaskStatus::Done;
        let kind = if completed { EventKind::TaskCompleted } else { EventKind::TaskUpdated };
        self.tell_and_commit(tx, workspace_id, vec![told(kind, &after)]).await?;
        self.feed(workspace_id, armed.new);
        Ok(after)
    }

    /// Deletes a task with its reminder.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn remove_task(&self, workspace_id: &str, id: &str) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (task, job) = hold(&mut tx, workspace_id, id).await?.ok_or(Unwritten::Unknown)?;
        let none = Reminder { at: None, ..reminder(workspace_id, &task) };
        self.arm(&mut tx, &none, job.as_deref().zip(task.reminder())).await?;
        run!(&mut tx, "DELETE FROM tasks WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        let told = Told { kind: EventKind::TaskDeleted, data: json!({ "task_id": id }) };
        Ok(self.tell_and_commit(tx, workspace_id, vec![told]).await?)
    }

    /// Tells that the time of a task's reminder has come, and ends its job with it. Gives `false` when there was nothing
    /// to tell: the task is gone, has another reminder, or the job is another node's.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn tell_of_task(&self, job: &Job, id: &str) -> Result<bool, StoreError> {
        let (workspace_id, now) = (job.workspace_id.as_str(), self.clock().now());
        let mut tx = Transaction::begin(self.db()).await?;
        // The row before its job, as in a change, so that the two cannot hold each other's.
        let held = hold(&mut tx, workspace_id, id).await?;
        let Some((mut task, _)) = held.filter(|(_, named)| named.as_ref() == Some(&job.id)) else { return Ok(false) };
        if !self.end_reminder_job(&mut tx, &job.id).await? {
            return Ok(false);
        }
        task.reminded_at = Some(now);
        write(&mut tx, workspace_id, &task, None).await?;
        let reminder = json!({ "about": "task", "id": id, "remind_at": task.remind_at, "at": now });
        let data = json!({ "reminder": reminder, "task": task });
        let told = Told { kind: EventKind::ReminderTriggered, data };
        crash::point("reminders.tell");
        self.tell_and_commit(tx, workspace_id, vec![told]).await?;
        Ok(true)
    }

    /// A task of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn task(&self, workspace_id: &str, id: &str) -> Result<Option<Task>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            TaskRow,
            concat!("SELECT ", columns!(), " FROM tasks WHERE workspace_id = $1 AND id = $2"),
            workspace_id,
            id
        )?;
        row.map(|row| row.read().map(|(task, _)| task)).transpose()
    }

    /// The tasks of a workspace that a filter lets through, those due first first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn tasks(
        &self,
        workspace_id: &str,
        filter: &TaskFilter,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Task>, i64), StoreError> {
        let (status, priority) = (filter.status.map(TaskStatus::as_str), filter.priority.map(Priority::as_str));
        let like = filter.q.as_deref().map(like);
        let (contact, open) = (filter.contact_id.as_deref(), i64::from(filter.open));
        let found = fetch_all!(
            self.db(),
            TaskRow,
            concat!(
                "SELECT ",
                columns!(),
                chosen!(),
                " ORDER BY COALESCE(due_at, 9223372036854775807), created_at, id LIMIT $8 OFFSET $9"
            ),
            workspace_id,
            status,
            priority,
            filter.due_before,
            contact,
            like.as_deref(),
            open,
            limit,
            offset
        )?;
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            concat!("SELECT COUNT(*)", chosen!()),
            workspace_id,
            status,
            priority,
            filter.due_before,
            contact,
            like.as_deref(),
            open
        )?;
        let tasks = found.into_iter().map(|row| row.read().map(|(task, _)| task)).collect::<Result<_, _>>()?;
        Ok((tasks, total))
    }
}

/// A text that is found wherever it stands, as LIKE wants it.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// The task and the job of its reminder, held until the commit.
async fn hold(
    tx: &mut Transaction,
    workspace_id: &str,
    id: &str,
) -> Result<Option<(Task, Option<String>)>, StoreError> {
    let held = rows!(
        tx,
        TaskRow,
        concat!("UPDATE tasks SET updated_at = updated_at WHERE workspace_id = $1 AND id = $2 RETURNING ", columns!()),
        workspace_id,
        id
    )?;
    held.into_iter().next().map(TaskRow::read).transpose()
}

async fn write(tx: &mut Transaction, workspace_id: &str, task: &Task, job: Option<&str>) -> Result<(), StoreError> {
    let tags = json!(task.tags).to_string();
    run!(
        tx,
        "UPDATE tasks SET title = $3, description = $4, due_date = $5, due_at = $6, priority = $7, status = $8, assignee = $9, contact_id = $10, conversation_id = $11, remind_at = $12, reminded_at = $13, reminder_job = $14, tags = $15, source = $16, updated_at = $17, completed_at = $18 WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        task.id.as_str(),
        task.title.as_str(),
        task.description.as_deref(),
        task.due_date.as_deref(),
        task.due_at,
        task.priority.as_str(),
        task.status.as_str(),
        task.assignee.as_deref(),
        task.contact_id.as_deref(),
        task.conversation_id.as_deref(),
        task.remind_at,
        task.reminded_at,
        job,
        tags.as_str(),
        task.source.as_str(),
        task.updated_at,
        task.completed_at
    )
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn what_is_looked_for_is_no_pattern() {
        assert_eq!(like("50%_A\\b"), "%50\\%\\_a\\\\b%");
    }
}
