//! `/api/erasures`: how far erasures of persons are, and their receipts.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Own};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::erasures::Erasure;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/erasures").route(web::get().to(list)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/erasures/{id}")
                .route(web::get().to(one))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of erasures.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Erasures {
    /// The erasures, the newest first.
    pub items: Vec<Erasure>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// Lists the erasures of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/erasures", tag = "privacy", extensions(("x-permission" = json!("own"))), params(Page),
    responses((status = 200, description = "The erasures.", body = Erasures),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(request: HttpRequest, caller: Caller<Own>, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.erasures(caller.workspace_id(), limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Erasures { items, total }))
}

/// Reads one erasure: how far it is, and once it is done its receipt, which holds nothing of the person.
///
/// # Errors
/// 404 for an unknown erasure.
#[utoipa::path(get, path = "/api/erasures/{id}", tag = "privacy", extensions(("x-permission" = json!("own"))),
    params(("id" = String, Path, description = "The erasure.")),
    responses((status = 200, description = "The erasure.", body = Erasure),
              (status = 404, description = "There is no such erasure.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Own>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "erasure")?;
    let found = doors.switchboard.store.erasure(caller.workspace_id(), &id).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(found.ok_or_else(|| Failure::not_found(&request, "erasure"))?))
}
