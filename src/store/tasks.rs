//! Tasks, with the jobs of their reminders.

use serde_json::{Value, json};
use sqlx::FromRow;

use super::agenda::{AgendaItem, AgendaRow, Held};
use super::db::{fetch_all, fetch_one, fetch_optional};
use super::transactions::{Transaction, rows, run};
use super::{Store, StoreError};
use crate::domain::events::EventKind;
use crate::domain::jobs::Reminded;
use crate::domain::tasks::{Priority, Source, Task, TaskStatus};

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

impl AgendaItem for Task {
    const ABOUT: Reminded = Reminded::Task;
    const NAME: &'static str = "task";
    const CREATED_AND_DELETED: (EventKind, EventKind) = (EventKind::TaskCreated, EventKind::TaskDeleted);

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
        self.remind_at
    }

    fn told_at(&mut self, at: i64) {
        self.reminded_at = Some(at);
    }

    fn changed(before: &Self, after: &Self) -> EventKind {
        let completed = after.status == TaskStatus::Done && before.status != TaskStatus::Done;
        if completed { EventKind::TaskCompleted } else { EventKind::TaskUpdated }
    }

    fn shown(&self) -> Value {
        json!(self)
    }
}

impl AgendaRow for Task {
    async fn insert(&self, tx: &mut Transaction, workspace_id: &str) -> Result<(), StoreError> {
        run!(
            tx,
            "INSERT INTO tasks (id, workspace_id, title, priority, status, tags, source, created_at, updated_at) VALUES ($1, $2, '', '', '', '[]', '', $3, $3)",
            self.id.as_str(),
            workspace_id,
            self.created_at
        )
        .map(|_| ())
    }

    async fn hold(tx: &mut Transaction, workspace_id: &str, id: &str) -> Result<Option<Held<Self>>, StoreError> {
        let held = rows!(
            tx,
            TaskRow,
            concat!(
                "UPDATE tasks SET updated_at = updated_at WHERE workspace_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            workspace_id,
            id
        )?;
        held.into_iter().next().map(TaskRow::read).transpose()
    }

    async fn write(&self, tx: &mut Transaction, workspace_id: &str, job: Option<&str>) -> Result<(), StoreError> {
        let tags = json!(self.tags).to_string();
        run!(
            tx,
            "UPDATE tasks SET title = $3, description = $4, due_date = $5, due_at = $6, priority = $7, status = $8, assignee = $9, contact_id = $10, conversation_id = $11, remind_at = $12, reminded_at = $13, reminder_job = $14, tags = $15, source = $16, updated_at = $17, completed_at = $18 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            self.id.as_str(),
            self.title.as_str(),
            self.description.as_deref(),
            self.due_date.as_deref(),
            self.due_at,
            self.priority.as_str(),
            self.status.as_str(),
            self.assignee.as_deref(),
            self.contact_id.as_deref(),
            self.conversation_id.as_deref(),
            self.remind_at,
            self.reminded_at,
            job,
            tags.as_str(),
            self.source.as_str(),
            self.updated_at,
            self.completed_at
        )
        .map(|_| ())
    }

    async fn delete(tx: &mut Transaction, workspace_id: &str, id: &str) -> Result<(), StoreError> {
        run!(tx, "DELETE FROM tasks WHERE workspace_id = $1 AND id = $2", workspace_id, id).map(|_| ())
    }
}

impl Store {
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
pub(super) fn like(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn what_is_looked_for_is_no_pattern() {
        assert_eq!(like("50%_A\\b"), "%50\\%\\_a\\\\b%");
    }
}
