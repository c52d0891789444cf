//! `/api/audit`: what was done to the workspace's own set-up.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Own};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{Page, Query};
use crate::domain::audit::AuditEntry;

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/audit").route(web::get().to(list)).default_service(web::route().to(no_such_method)),
    );
}

/// A page of the log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Audit {
    /// The lines, the newest first.
    pub items: Vec<AuditEntry>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// Reads the audit log: who signed in and out, and what was done to keys, people, channels and the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/audit", tag = "people", extensions(("x-permission" = json!("own"))), params(Page),
    responses((status = 200, description = "The log.", body = Audit),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(request: HttpRequest, caller: Caller<Own>, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.audit(caller.workspace_id(), limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Audit { items, total }))
}
