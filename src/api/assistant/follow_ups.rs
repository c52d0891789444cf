//! `/api/v1/follow-ups`: who is to be thought of again, and when.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::AssistantFailure;
use super::asking::{self, Asked, Deleted, Paged, Served};
use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::follow_ups::{FollowUp, FollowUpFields, FollowUpStatus};
use crate::domain::tasks::Source;
use crate::store::follow_ups::FollowUpFilter;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/v1/follow-ups")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/v1/follow-ups/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .route(web::put().to(replace))
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of follow-ups.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FollowUps {
    /// The follow-ups, those due first first.
    pub follow_ups: Vec<FollowUp>,
}

/// Which follow-ups to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only of this status.
    #[param(example = "pending")]
    status: Option<FollowUpStatus>,
    /// Only those due before this moment or day: RFC 3339, a date, Unix milliseconds or words.
    #[param(example = "2026-03-27")]
    due_before: Option<String>,
    /// Only those about this contact.
    #[param(format = "uuid")]
    contact_id: Option<String>,
}

/// Lists the follow-ups of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/v1/follow-ups", tag = "follow-ups", extensions(("x-permission" = json!("read"))), params(Filter, Paged),
    responses((status = 200, description = "The follow-ups.", body = Served<FollowUps>),
              (status = 400, description = "The query is not as documented.", body = AssistantFailure)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let page = Asked::of(&mut query);
    let status = query.word("status", "pending, done or cancelled", FollowUpStatus::from_word);
    let contact_id = asking::id(&mut query, "contact_id");
    let due_before = query.text("due_before");
    query.check(&request)?;
    let due_before = asking::moment(&request, &doors, caller.workspace_id(), ("due_before", due_before)).await?;
    let filter = FollowUpFilter { status, due_before, contact_id };
    let found = doors.switchboard.store.follow_ups(caller.workspace_id(), &filter, page.limit, page.offset()).await;
    let (follow_ups, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(super::served(actix_web::http::StatusCode::OK, FollowUps { follow_ups }, page.meta(&request, total)))
}

/// Makes a follow-up. At its time `reminder.triggered` is told, once. A repeated `Idempotency-Key` gives the first one
/// again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when the key was used for something else.
#[utoipa::path(post, path = "/api/v1/follow-ups", tag = "follow-ups", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = FollowUpFields,
    responses((status = 201, description = "The follow-up.", body = Served<FollowUp>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 409, description = "The key was used for something else, or what it made was deleted.", body = AssistantFailure)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let said: FollowUpFields = reading::json(&request, &doors, payload).await?;
    let made = doors.switchboard.add_follow_up(caller.workspace_id(), &said, Source::Api, key).await;
    made.map(|made| asking::made(&request, made)).map_err(|refusal| asking::refuse(&request, "follow-up", refusal))
}

/// Reads a follow-up.
///
/// # Errors
/// 404 for an unknown follow-up.
#[utoipa::path(get, path = "/api/v1/follow-ups/{id}", tag = "follow-ups", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The follow-up.")),
    responses((status = 200, description = "The follow-up.", body = Served<FollowUp>),
              (status = 404, description = "There is no such follow-up.", body = AssistantFailure)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    Ok(asking::shown(&request, find(&request, caller.workspace_id(), &doors, &path).await?))
}

/// Changes a follow-up: what is left out stays as it is, a null empties. A new time takes the place of the old
/// one.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown follow-up.
#[utoipa::path(patch, path = "/api/v1/follow-ups/{id}", tag = "follow-ups", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The follow-up.")), request_body = FollowUpFields,
    responses((status = 200, description = "The follow-up as it is now.", body = Served<FollowUp>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 404, description = "There is no such follow-up.", body = AssistantFailure)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    write(&request, caller.workspace_id(), &doors, &path, payload, false).await
}

/// Replaces a follow-up: what is left out is as in a new one.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown follow-up.
#[utoipa::path(put, path = "/api/v1/follow-ups/{id}", tag = "follow-ups", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The follow-up.")), request_body = FollowUpFields,
    responses((status = 200, description = "The follow-up as it is now.", body = Served<FollowUp>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 404, description = "There is no such follow-up.", body = AssistantFailure)))]
pub async fn replace(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    write(&request, caller.workspace_id(), &doors, &path, payload, true).await
}

/// Deletes a follow-up; nothing is told of it at its time.
///
/// # Errors
/// 404 for an unknown follow-up.
#[utoipa::path(delete, path = "/api/v1/follow-ups/{id}", tag = "follow-ups", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The follow-up.")),
    responses((status = 200, description = "It is deleted.", body = Served<Deleted>),
              (status = 404, description = "There is no such follow-up.", body = AssistantFailure)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "follow-up")?;
    let removed = doors.switchboard.store.remove_item::<FollowUp>(caller.workspace_id(), &id).await;
    removed.map_err(|refusal| asking::refuse(&request, "follow-up", refusal.into()))?;
    Ok(asking::deleted(&request, id))
}

async fn find(request: &HttpRequest, workspace_id: &str, doors: &Doors, id: &str) -> Result<FollowUp, Failure> {
    let id = reading::id(request, id, "follow-up")?;
    let found = doors.switchboard.store.follow_up(workspace_id, &id).await;
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "follow-up"))
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
    let follow_up = find(request, workspace_id, doors, id).await?;
    let said: FollowUpFields = reading::json(request, doors, payload).await?;
    let changed = doors.switchboard.change_follow_up(workspace_id, &follow_up.id, &said, whole).await;
    changed
        .map(|follow_up| asking::shown(request, follow_up))
        .map_err(|refusal| asking::refuse(request, "follow-up", refusal))
}
