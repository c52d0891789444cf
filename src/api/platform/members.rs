//! `/api/members`: the people of the workspace.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::authentication::{Caller, Manage, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::api::{Doors, auditing};
use crate::domain::audit::Action;
use crate::domain::errors::Code;
use crate::domain::members::{Member, Role};
use crate::usecases::members::Unmoved;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/members").route(web::get().to(list)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/members/{id}")
                .route(web::patch().to(change))
                .route(web::delete().to(remove))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of members.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Members {
    /// The members, the first joined first.
    pub items: Vec<Member>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// What of a member shall be otherwise.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberPatch {
    /// What they become.
    role: Role,
}

/// Lists the members of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/members", tag = "people", extensions(("x-permission" = json!("read"))), params(Page),
    responses((status = 200, description = "The members.", body = Members),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.members(caller.workspace_id(), limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Members { items, total }))
}

/// Gives a member another role. Nobody gives more than they have, or takes it from who has more; the last owner stays
/// one.
///
/// # Errors
/// 400 for a role that does not exist, 403 for more than the caller has, 404 for an unknown member, 409 for the last
/// owner.
#[utoipa::path(patch, path = "/api/members/{id}", tag = "people", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The member.")), request_body = MemberPatch,
    responses((status = 200, description = "The member as they are now.", body = Member),
              (status = 400, description = "There is no such role.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such member.", body = crate::api::failure::FailureBody),
              (status = 409, description = "They are the last owner.", body = crate::api::failure::FailureBody)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = known(&request, &caller, &doors, &path).await?;
    let asked: MemberPatch = reading::json(&request, &doors, payload).await?;
    let moved = doors.switchboard.move_member(&caller, &id, Some(asked.role)).await;
    let member = moved.map_err(|unmoved| refuse(&request, unmoved, "member"))?;
    auditing::note(&request, &doors, &caller, Action::MemberChanged, &id, json!({ "role": member.role })).await;
    Ok(HttpResponse::Ok().json(member))
}

/// Removes a member from the workspace: their sessions and access tokens open it no longer. The last owner stays.
///
/// # Errors
/// 403 for who has more than the caller, 404 for an unknown member, 409 for the last owner.
#[utoipa::path(delete, path = "/api/members/{id}", tag = "people", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The member.")),
    responses((status = 204, description = "They belong to it no longer."),
              (status = 404, description = "There is no such member.", body = crate::api::failure::FailureBody),
              (status = 409, description = "They are the last owner.", body = crate::api::failure::FailureBody)))]
pub async fn remove(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = known(&request, &caller, &doors, &path).await?;
    let moved = doors.switchboard.move_member(&caller, &id, None).await;
    let member = moved.map_err(|unmoved| refuse(&request, unmoved, "member"))?;
    auditing::note(&request, &doors, &caller, Action::MemberRemoved, &id, json!({ "role": member.role })).await;
    Ok(HttpResponse::NoContent().finish())
}

/// The id of the address, where it is a member's: what is unknown is so before any body is read.
async fn known(request: &HttpRequest, caller: &Caller<Manage>, doors: &Doors, id: &str) -> Result<String, Failure> {
    let id = reading::id(request, id, "member")?;
    let found = doors.switchboard.store.member(caller.workspace_id(), &id).await;
    let found = found.map_err(|error| Failure::store(request, &error))?;
    found.map(|_| id).ok_or_else(|| Failure::not_found(request, "member"))
}

/// Why nothing was changed, in the envelope.
pub fn refuse(request: &HttpRequest, unmoved: Unmoved, what: &str) -> Failure {
    match unmoved {
        Unmoved::Unknown => Failure::not_found(request, what),
        Unmoved::Beyond => {
            Failure::new(request, Code::Forbidden, "nobody gives or takes a role that may do more than they may")
        }
        Unmoved::KeyMismatch => Failure::key_mismatch(request),
        Unmoved::LastOwner => Failure::new(request, Code::Conflict, "a workspace keeps at least one owner"),
        Unmoved::Store(error) => Failure::store(request, &error),
    }
}
