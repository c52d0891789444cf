//! `/api/contacts/{id}/merges`: contacts become one person, by hand or by evidence, and two again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::find;
use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading;
use crate::domain::contacts::{Merge, Person};
use crate::domain::errors::{Code, FieldProblem};
use crate::store::merges::{By, MergeRefusal};

/// Longest evidence, in characters.
const LONGEST_EVIDENCE: usize = 500;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/contacts/{id}/merge")
                .route(web::post().to(merge))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/contacts/{id}/merges")
                .route(web::get().to(list))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/contacts/{id}/merges/{merge_id}/undo")
                .route(web::post().to(undo))
                .default_service(web::route().to(no_such_method)),
        );
}

/// Who is to be merged.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// The contact that is merged into the one of the address.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-00000000000c")]
    contact_id: String,
    /// What proves that they are one, 1 to 500 characters; else who said so.
    #[schema(format = "filled", max_length = 500, example = "she wrote from her new number and named her last order")]
    evidence: Option<String>,
}

/// Two contacts that became one person, and the person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Merged {
    /// The entry of the log.
    pub merge: Merge,
    /// The person who stands for both.
    pub contact: Person,
}

/// A merge that was undone, and both persons as they were.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Unmerged {
    /// The entry of the log.
    pub merge: Merge,
    /// The person who stood for both.
    pub contact: Person,
    /// The person who is again one of their own.
    pub restored: Person,
}

/// The log of merges.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Merges {
    /// The merges, the newest first.
    pub items: Vec<Merge>,
}

/// Merges another contact into this one. Nothing is moved: the other keeps its identities and conversations, and points
/// at this one, until the merge is undone.
///
/// # Errors
/// 400 for fields that are not as documented or an unknown other contact, 404 for an unknown contact, 409 when they
/// are one person already.
#[utoipa::path(post, path = "/api/contacts/{id}/merge", tag = "contacts", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The contact that stands for both.")), request_body = MergeRequest,
    responses((status = 200, description = "They are one person.", body = Merged),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody),
              (status = 409, description = "They are one person already.", body = crate::api::failure::FailureBody)))]
pub async fn merge(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let kept = find(&request, &caller, &doors, &path).await?;
    let asked: MergeRequest = reading::json(&request, &doors, payload).await?;
    let unknown = || Failure::fields(&request, &[FieldProblem::absent("contact_id", "the id of another contact")]);
    let other = reading::id(&request, &asked.contact_id, "contact").map_err(|_| unknown())?;
    let evidence = match asked.evidence.as_deref() {
        None => format!("by hand, with the key {}", caller.name),
        Some(text) if !text.trim().is_empty() && text.chars().count() <= LONGEST_EVIDENCE && !text.contains('\0') => {
            text.trim().to_owned()
        }
        Some(_) => {
            let expected = format!("1 to {LONGEST_EVIDENCE} characters");
            return Err(Failure::fields(&request, &[FieldProblem::new("evidence", expected)]));
        }
    };
    let store = &doors.switchboard.store;
    match store.merge_contacts(caller.workspace_id(), &kept.id, &other, &evidence, By::Hand).await {
        Ok(merge) => {
            let contact = find(&request, &caller, &doors, &merge.kept_id).await?;
            Ok(HttpResponse::Ok().json(Merged { merge, contact }))
        }
        Err(MergeRefusal::UnknownContact(id)) if id == other => Err(unknown()),
        Err(refusal) => Err(refuse(&request, &refusal)),
    }
}

/// Reads the log of merges in which this person takes part or took part.
///
/// # Errors
/// 404 for an unknown contact.
#[utoipa::path(get, path = "/api/contacts/{id}/merges", tag = "contacts", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The contact.")),
    responses((status = 200, description = "The log.", body = Merges),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let person = find(&request, &caller, &doors, &path).await?;
    let found = doors.switchboard.store.merges(caller.workspace_id(), &person.id).await;
    let items = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Merges { items }))
}

/// Undoes a merge: both persons are again what they were, with their identities and conversations. No rule merges them
/// again.
///
/// # Errors
/// 404 for an unknown contact or merge, 409 when it was undone already.
#[utoipa::path(post, path = "/api/contacts/{id}/merges/{merge_id}/undo", tag = "contacts", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The contact."), ("merge_id" = String, Path, description = "The merge.")),
    responses((status = 200, description = "They are two persons.", body = Unmerged),
              (status = 404, description = "There is no such contact or merge.", body = crate::api::failure::FailureBody),
              (status = 409, description = "It was undone already.", body = crate::api::failure::FailureBody)))]
pub async fn undo(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (id, merge_id) = path.into_inner();
    let person = find(&request, &caller, &doors, &id).await?;
    let merge_id = reading::id(&request, &merge_id, "merge")?;
    let undone = doors.switchboard.store.undo_merge(caller.workspace_id(), &person.id, &merge_id).await;
    let merge = undone.map_err(|refusal| refuse(&request, &refusal))?;
    let contact = find(&request, &caller, &doors, &merge.kept_id).await?;
    let restored = find(&request, &caller, &doors, &merge.merged_id).await?;
    Ok(HttpResponse::Ok().json(Unmerged { merge, contact, restored }))
}

fn refuse(request: &HttpRequest, refusal: &MergeRefusal) -> Failure {
    match refusal {
        MergeRefusal::UnknownContact(_) => Failure::not_found(request, "contact"),
        MergeRefusal::UnknownMerge => Failure::not_found(request, "merge"),
        MergeRefusal::Store(error) => Failure::store(request, error),
        MergeRefusal::SamePerson | MergeRefusal::Forbidden | MergeRefusal::Undone => {
            Failure::new(request, Code::Conflict, refusal.to_string())
        }
    }
}
