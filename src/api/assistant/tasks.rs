//! `/api/v1/tasks`: what is to be done, until when, and when to be reminded of it.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::AssistantFailure;
use super::asking::{self, Asked, Deleted, Paged, Served};
use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::tasks::{Priority, Source, Task, TaskFields, TaskStatus};
use crate::store::tasks::TaskFilter;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/v1/tasks")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/v1/tasks/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .route(web::put().to(replace))
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of tasks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tasks {
    /// The tasks: those due first first, those without a day last.
    pub tasks: Vec<Task>,
}

/// Which tasks to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only of this status.
    #[param(example = "open")]
    status: Option<TaskStatus>,
    /// Only of this priority.
    #[param(example = "high")]
    priority: Option<Priority>,
    /// Only those late before this moment or day: RFC 3339, a date, Unix milliseconds or words.
    #[param(example = "2026-03-27")]
    due_before: Option<String>,
    /// Only those about this contact.
    #[param(format = "uuid")]
    contact_id: Option<String>,
    /// Only those that have these characters in title or description.
    #[param(example = "ABC")]
    q: Option<String>,
}

/// Lists the tasks of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "tasks", extensions(("x-permission" = json!("read"))), params(Filter, Paged),
    responses((status = 200, description = "The tasks.", body = Served<Tasks>),
              (status = 400, description = "The query is not as documented.", body = AssistantFailure)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let page = Asked::of(&mut query);
    let status = query.word("status", "open, in_progress, done or cancelled", TaskStatus::from_word);
    let priority = query.word("priority", "low, medium, high or urgent", Priority::from_word);
    let contact_id = asking::id(&mut query, "contact_id");
    let (due_before, q) = (query.text("due_before"), query.text("q").filter(|q| !q.is_empty()));
    query.check(&request)?;
    let due_before = asking::moment(&request, &doors, caller.workspace_id(), ("due_before", due_before)).await?;
    let filter = TaskFilter { status, priority, due_before, contact_id, q, open: false };
    let found = doors.switchboard.store.tasks(caller.workspace_id(), &filter, page.limit, page.offset()).await;
    let (tasks, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(super::served(actix_web::http::StatusCode::OK, Tasks { tasks }, page.meta(&request, total)))
}

/// Makes a task. Its reminder is told as `reminder.triggered`, once. A repeated `Idempotency-Key` gives the first one
/// again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when the key was used for something else.
#[utoipa::path(post, path = "/api/v1/tasks", tag = "tasks", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = TaskFields,
    responses((status = 201, description = "The task.", body = Served<Task>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 409, description = "The key was used for something else, or what it made was deleted.", body = AssistantFailure)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let said: TaskFields = reading::json(&request, &doors, payload).await?;
    let made = doors.switchboard.add_task(caller.workspace_id(), &said, Source::Api, key).await;
    made.map(|made| asking::made(&request, made)).map_err(|refusal| asking::refuse(&request, "task", refusal))
}

/// Reads a task.
///
/// # Errors
/// 404 for an unknown task.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "tasks", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The task.")),
    responses((status = 200, description = "The task.", body = Served<Task>),
              (status = 404, description = "There is no such task.", body = AssistantFailure)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    Ok(asking::shown(&request, find(&request, caller.workspace_id(), &doors, &path).await?))
}

/// Changes a task: what is left out stays as it is, a null empties. A new time of its reminder takes the place of the
/// old one.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown task.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}", tag = "tasks", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The task.")), request_body = TaskFields,
    responses((status = 200, description = "The task as it is now.", body = Served<Task>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 404, description = "There is no such task.", body = AssistantFailure)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    write(&request, caller.workspace_id(), &doors, &path, payload, false).await
}

/// Replaces a task: what is left out is as in a new one.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown task.
#[utoipa::path(put, path = "/api/v1/tasks/{id}", tag = "tasks", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The task.")), request_body = TaskFields,
    responses((status = 200, description = "The task as it is now.", body = Served<Task>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 404, description = "There is no such task.", body = AssistantFailure)))]
pub async fn replace(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    write(&request, caller.workspace_id(), &doors, &path, payload, true).await
}

/// Deletes a task with its reminder.
///
/// # Errors
/// 404 for an unknown task.
#[utoipa::path(delete, path = "/api/v1/tasks/{id}", tag = "tasks", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The task.")),
    responses((status = 200, description = "It is deleted.", body = Served<Deleted>),
              (status = 404, description = "There is no such task.", body = AssistantFailure)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "task")?;
    let removed = doors.switchboard.store.remove_item::<Task>(caller.workspace_id(), &id).await;
    removed.map_err(|refusal| asking::refuse(&request, "task", refusal.into()))?;
    Ok(asking::deleted(&request, id))
}

async fn find(request: &HttpRequest, workspace_id: &str, doors: &Doors, id: &str) -> Result<Task, Failure> {
    let id = reading::id(request, id, "task")?;
    let found = doors.switchboard.store.task(workspace_id, &id).await;
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "task"))
}

async fn write(
    request: &HttpRequest,
    workspace_id: &str,
    doors: &Doors,
    id: &str,
    payload: web::Payload,
    whole: bool,
) -> Result<HttpResponse, Failure> {
    // What is not there is told before the body is read.
    let task = find(request, workspace_id, doors, id).await?;
    let said: TaskFields = reading::json(request, doors, payload).await?;
    let changed = doors.switchboard.change_task(workspace_id, &task.id, &said, whole).await;
    changed.map(|task| asking::shown(request, task)).map_err(|refusal| asking::refuse(request, "task", refusal))
}
