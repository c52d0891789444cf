//! `/api/v1/calendars`: the calendars of which a day shows what they have.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::AssistantFailure;
use super::asking::{self, Asked, Deleted, Paged, Served};
use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::calendars::{Calendar, CalendarFields};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/v1/calendars")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/v1/calendars/{id}")
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of calendars.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Calendars {
    /// The calendars, the oldest first.
    pub calendars: Vec<Calendar>,
}

/// Lists the calendars of the workspace, without their secret addresses.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "my-day", extensions(("x-permission" = json!("read"))), params(Paged),
    responses((status = 200, description = "The calendars.", body = Served<Calendars>),
              (status = 400, description = "The query is not as documented.", body = AssistantFailure)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let page = Asked::of(&mut query);
    query.check(&request)?;
    let found = doors.switchboard.store.calendars(caller.workspace_id(), page.limit, page.offset()).await;
    let (calendars, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(super::served(StatusCode::OK, Calendars { calendars }, page.meta(&request, total)))
}

/// Connects a calendar by its address. It is read when a day is looked at, at most every five minutes. A repeated
/// `Idempotency-Key` gives the first one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when the key was used for something else.
#[utoipa::path(post, path = "/api/v1/calendars", tag = "my-day", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = CalendarFields,
    responses((status = 201, description = "The calendar.", body = Served<Calendar>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 409, description = "The key was used for something else, or what it made was deleted.", body = AssistantFailure)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let said: CalendarFields = reading::json(&request, &doors, payload).await?;
    let made = doors.switchboard.add_calendar(caller.workspace_id(), &said, key, &doors.client).await;
    made.map(|made| asking::made(&request, made)).map_err(|refusal| asking::refuse(&request, "calendar", refusal))
}

/// Removes a calendar.
///
/// # Errors
/// 404 for an unknown calendar.
#[utoipa::path(delete, path = "/api/v1/calendars/{id}", tag = "my-day", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The calendar.")),
    responses((status = 200, description = "It is removed.", body = Served<Deleted>),
              (status = 404, description = "There is no such calendar.", body = AssistantFailure)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "calendar")?;
    let removed = doors.switchboard.store.remove_calendar(caller.workspace_id(), &id).await;
    if removed.map_err(|error| Failure::store(&request, &error))? {
        Ok(asking::deleted(&request, id))
    } else {
        Err(Failure::not_found(&request, "calendar"))
    }
}
