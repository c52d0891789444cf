//! What agents can put on the workspace's list of tasks, and what they can find there.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::json;

use super::{Entry, arguments, once};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::follow_ups::FollowUpFields;
use crate::domain::principals::Permission;
use crate::domain::tasks::{Source, TaskFields, TaskStatus};
use crate::store::tasks::TaskFilter;
use crate::usecases::Switchboard;

/// Most tasks that one list gives.
const MOST_LISTED: i64 = 50;

/// How moments are said.
const WHEN: &str = "A date, a moment (RFC 3339) or words such as \"tomorrow at nine\", in the workspace's time zone.";

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
            },
        })
    },
    permission: Permission::Write,
    run: |switchboard, occasion, call| create(switchboard, occasion, call).boxed(),
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
    run: |switchboard, occasion, call| complete(switchboard, occasion, call).boxed(),
};

pub(super) const LIST: Entry = Entry {
    name: "list_tasks",
    description: "Reads the team's open tasks, those that are due first at the top.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false,
            "properties": { "query": {
                "type": "string", "minLength": 1, "maxLength": 200, "description": "Only those whose words hold this.",
            } },
        })
    },
    permission: Permission::Read,
    run: |switchboard, occasion, call| list(switchboard, occasion, call).boxed(),
};

pub(super) const FOLLOW_UP: Entry = Entry {
    name: "set_follow_up",
    description: "Notes that somebody of the team shall come back to this person, and when.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["note", "due"],
            "properties": {
                "note": { "type": "string", "minLength": 1, "maxLength": 2_000, "description": "What about." },
                "due": { "type": "string", "minLength": 1, "maxLength": 200, "description": WHEN },
            },
        })
    },
    permission: Permission::Write,
    run: |switchboard, occasion, call| follow_up(switchboard, occasion, call).boxed(),
};

async fn create(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let mut said: TaskFields = arguments(&call)?;
    said.contact_id = Some(occasion.contact_id.clone());
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
    let done = TaskFields { status: Some(TaskStatus::Done), ..TaskFields::default() };
    let task = switchboard.change_task(&occasion.workspace_id, &task_id, &done, false).await.map_err(once)?;
    Ok(json!({ "task": task }).into())
}

#[derive(Deserialize)]
struct List {
    query: Option<String>,
}

async fn list(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let List { query } = arguments(&call)?;
    let filter = TaskFilter { open: true, q: query, ..TaskFilter::default() };
    let (tasks, total) = switchboard.store.tasks(&occasion.workspace_id, &filter, MOST_LISTED, 0).await?;
    Ok(json!({ "tasks": tasks, "total": total }).into())
}

async fn follow_up(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let mut said: FollowUpFields = arguments(&call)?;
    said.contact_id = Some(occasion.contact_id.clone());
    said.conversation_id = Some(occasion.conversation_id.clone());
    let key = Some(occasion.key(&call));
    let (made, _) = switchboard.add_follow_up(&occasion.workspace_id, &said, Source::Agent, key).await.map_err(once)?;
    Ok(json!({ "follow_up": made }).into())
}
