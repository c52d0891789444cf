//! `/api/v1/my-day`: today, with what is due, what the calendars have, the weather, and what to do first.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::Meta;
use super::asking::Served;
use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::domain::days::Day;

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/v1/my-day").route(web::get().to(read)).default_service(web::route().to(no_such_method)),
    );
}

/// Today in the workspace's time zone. A part whose source is not connected or cannot be read is null, and
/// `meta.reasons` says why; where some calendars can be read and others cannot, those that can are shown with the reason.
/// What to do first is ranked by the model of the workspace's assistant, where it has a real one that answers within ten
/// seconds, else by due date and importance: `ranked_by` says which, and `meta.reasons.priorities` why a model did not.
///
/// # Errors
/// 503 when the store could not be read.
#[utoipa::path(get, path = "/api/v1/my-day", tag = "my-day", extensions(("x-permission" = json!("read"))),
    responses((status = 200, description = "The day.", body = Served<Day>)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let day = doors.switchboard.my_day(caller.workspace_id(), &doors.client).await;
    let (day, reasons) = day.map_err(|error| Failure::store(&request, &error))?;
    Ok(super::served(StatusCode::OK, day, Meta::of(&request).with_reasons(reasons)))
}
