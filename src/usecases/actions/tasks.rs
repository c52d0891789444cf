//! What agents can put on the workspace's list of tasks, and what they can find there.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Entry, about, arguments, once, person, subject};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::principals::Permission;
use crate::domain::tasks::{Source, Task, TaskFields, TaskStatus};
use crate::store::tasks::TaskFilter;
use crate::usecases::Switchboard;

/// Most tasks that one list gives.
const MOST_LISTED: i64 = 50;
/// Longest description in a list, in characters.
const LONGEST_DESCRIPTION: usize = 200;

/// How moments are said.
pub(super) const WHEN: &str =
    "A date, a moment (RFC 3339) or words such as \"tomorrow at nine\", in the workspace's time zone.";

pub(super) const CREATE: Entry = Entry {
    name: "create_task",
    description: "Puts a task on the team's list, with a reminder if one is wanted.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["title"],
            "properties": {
                "title": { "type": "string", "minLength": 1, "maxLength": 200, "description": "What is to be done." },
                "description": { "type": "string", "maxLength": 10_000, "description": "More about it." },
                "due_date": { "type": "string", "maxLength": 200, "description": WHEN },
                "remind": { "type": "string", "maxLength": 200, "description": "When to remind the team; said as due_date." },
                "priority": { "enum": ["low", "medium", "high", "urgent"] },
                "contact_id": about(),
            },
        })
    },
    permission: Permission::Write,
    team_only: false,
    run: |tools, occasion, call| create(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const COMPLETE: Entry = Entry {
    name: "complete_task",
    description: "Marks a task as done.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["task_id"],
            "properties": { "task_id": { "type": "string", "maxLength": 64, "description": "As list_tasks names it." } },
        })
    },
    permission: Permission::Write,
    team_only: false,
    run: |tools, occasion, call| complete(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const LIST: Entry = Entry {
    name: "list_tasks",
    description: "Reads the open tasks, those that are due first at the top: with a customer those about them, else all.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "query": {
                    "type": "string", "minLength": 1, "maxLength": 200, "description": "Only those whose words hold this.",
                },
                "contact_id": about(),
            },
        })
    },
    permission: Permission::Read,
    team_only: false,
    run: |tools, occasion, call| list(&tools.switchboard, occasion, call).boxed(),
};

async fn create(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let mut said: TaskFields = arguments(&call)?;
    said.contact_id = Some(subject(switchboard, occasion, said.contact_id.flatten()).await?);
    said.conversation_id = Some(occasion.conversation_id.clone());
    let key = Some(occasion.key(&call));
    let (task, _) = switchboard.add_task(&occasion.workspace_id, &said, Source::Agent, key).await.map_err(once)?;
    Ok(json!({ "task": task }).into())
}

#[derive(Deserialize)]
struct Complete {
    task_id: String,
}

async fn complete(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let Complete { task_id } = arguments(&call)?;
    let (workspace_id, unknown) = (&occasion.workspace_id, || ActionError::unknown("task"));
    let task_id = task_id.to_ascii_lowercase();
    if occasion.only_person().is_some() {
        // A task that is about nobody is not the customer's either.
        let task = switchboard.store.task(workspace_id, &task_id).await?.ok_or_else(unknown)?;
        let about = task.contact_id.ok_or_else(unknown)?;
        person(switchboard, occasion, Some(about)).await.map_err(|_| unknown())?;
    }
    let done = TaskFields { status: Some(TaskStatus::Done), ..TaskFields::default() };
    let task = switchboard.change_task(workspace_id, &task_id, &done, false).await.map_err(once)?;
    Ok(json!({ "task": task }).into())
}

#[derive(Deserialize)]
struct List {
    query: Option<String>,
    contact_id: Option<String>,
}

async fn list(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let List { query, contact_id } = arguments(&call)?;
    let contact_id = subject(switchboard, occasion, contact_id).await?;
    let filter = TaskFilter { open: true, q: query, contact_id, ..TaskFilter::default() };
    let (tasks, total) = switchboard.store.tasks(&occasion.workspace_id, &filter, MOST_LISTED, 0).await?;
    Ok(json!({ "tasks": tasks.iter().map(shown).collect::<Vec<_>>(), "total": total }).into())
}

/// A task of a list as a model sees it: a long list of long descriptions would be too much for it.
pub(super) fn shown(task: &Task) -> Value {
    let description: Option<String> =
        task.description.as_ref().map(|text| text.chars().take(LONGEST_DESCRIPTION).collect());
    json!({
        "task_id": task.id, "title": task.title, "description": description, "due_date": task.due_date,
        "due_at": task.due_at, "priority": task.priority, "status": task.status, "assignee": task.assignee,
        "contact_id": task.contact_id,
    })
}
