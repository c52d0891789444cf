//! `/api/contacts/merge-rules`: by which evidence the workspace's contacts are merged without anybody's hand.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading;
use crate::domain::contacts::MergeRules;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/contacts/merge-rules")
            .route(web::get().to(read))
            .route(web::put().to(set))
            .default_service(web::route().to(no_such_method)),
    );
}

/// Reads the rules.
///
/// # Errors
/// 503 while the database is away.
#[utoipa::path(get, path = "/api/contacts/merge-rules", tag = "contacts", extensions(("x-permission" = json!("read"))),
    responses((status = 200, description = "The rules.", body = MergeRules)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let rules = doors.switchboard.store.merge_rules(caller.workspace_id()).await;
    Ok(HttpResponse::Ok().json(rules.map_err(|error| Failure::store(&request, &error))?))
}

/// Sets the rules; one that is left out gets its default. They hold for what comes from now on.
///
/// # Errors
/// 400 for fields that are not as documented.
#[utoipa::path(put, path = "/api/contacts/merge-rules", tag = "contacts", extensions(("x-permission" = json!("manage"))), request_body = MergeRules,
    responses((status = 200, description = "The rules as they are now.", body = MergeRules),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn set(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let rules: MergeRules = reading::json(&request, &doors, payload).await?;
    let set = doors.switchboard.store.put_merge_rules(caller.workspace_id(), &rules).await;
    set.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(rules))
}
