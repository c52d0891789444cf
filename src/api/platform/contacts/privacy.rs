//! `/api/contacts/{id}/export` and `/api/contacts/{id}/erasure`: everything held about a person, and its end.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::authentication::{Caller, Manage, Own};
use crate::api::failure::{Failure, no_such_method};
use crate::api::{Doors, auditing, reading};
use crate::domain::audit::Action;
use crate::domain::contacts::Person;
use crate::domain::erasures::Erasure;
use crate::domain::errors::Code;
use crate::usecases::once::Refused;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/contacts/{id}/export")
                .route(web::get().to(export))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/contacts/{id}/erasure")
                .route(web::post().to(erase))
                .default_service(web::route().to(no_such_method)),
        );
}

/// Everything held about a person. Each list has the rows as they are kept, by the names of their columns; times are
/// Unix milliseconds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ContactExport {
    /// When it was made, Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub exported_at: i64,
    /// The person.
    pub contact: Person,
    /// The contact and those that were merged into it.
    #[schema(value_type = Vec<Object>)]
    pub contacts: Vec<Value>,
    /// By which names channels know them.
    #[schema(value_type = Vec<Object>)]
    pub identities: Vec<Value>,
    /// The log of merges.
    #[schema(value_type = Vec<Object>)]
    pub merges: Vec<Value>,
    /// Conversations.
    #[schema(value_type = Vec<Object>)]
    pub conversations: Vec<Value>,
    /// Messages of both sides.
    #[schema(value_type = Vec<Object>)]
    pub messages: Vec<Value>,
    /// Edits and deletions of messages.
    #[schema(value_type = Vec<Object>)]
    pub revisions: Vec<Value>,
    /// Files, each with a signed `url` under which its bytes can be fetched for a while.
    #[schema(value_type = Vec<Object>)]
    pub files: Vec<Value>,
    /// What was learned.
    #[schema(value_type = Vec<Object>)]
    pub memories: Vec<Value>,
    /// Tasks about them.
    #[schema(value_type = Vec<Object>)]
    pub tasks: Vec<Value>,
    /// Follow-ups.
    #[schema(value_type = Vec<Object>)]
    pub follow_ups: Vec<Value>,
    /// Leads.
    #[schema(value_type = Vec<Object>)]
    pub leads: Vec<Value>,
    /// What agents did in their conversations.
    #[schema(value_type = Vec<Object>)]
    pub turn_traces: Vec<Value>,
    /// What was said to vendors for their messages, and the answers.
    #[schema(value_type = Vec<Object>)]
    pub exchanges: Vec<Value>,
    /// Mails that were named before they came.
    #[schema(value_type = Vec<Object>)]
    pub awaited_mails: Vec<Value>,
    /// Addresses of theirs to which nothing is sent.
    #[schema(value_type = Vec<Object>)]
    pub suppressions: Vec<Value>,
    /// Events that name them.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Value>,
    /// Raw deliveries of vendors that name them; one may be about other people, too.
    #[schema(value_type = Vec<Object>)]
    pub deliveries: Vec<Value>,
    /// What webhook endpoints were told of them.
    #[schema(value_type = Vec<Object>)]
    pub webhook_deliveries: Vec<Value>,
    /// The last member: where it is missing, the document was broken off.
    pub complete: bool,
}

/// Hands out everything held about a person, those merged into them included: their rows in all tables, and the events
/// and deliveries that name them. It is written while it is read, so a document that does not end with
/// `"complete": true` was broken off. The audit log keeps who asked.
///
/// # Errors
/// 404 for an unknown contact.
#[utoipa::path(get, path = "/api/contacts/{id}/export", tag = "privacy", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The contact.")),
    responses((status = 200, description = "Everything.", body = ContactExport),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody)))]
pub async fn export(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "contact")?;
    let export = doors.switchboard.export_contact(caller.workspace_id(), &id).await;
    let export = export.map_err(|error| Failure::store(&request, &error))?;
    let export = export.ok_or_else(|| Failure::not_found(&request, "contact"))?;
    auditing::note(&request, &doors, &caller, Action::ContactExported, &id, json!({})).await;
    let mut response = HttpResponse::Ok();
    response.insert_header(("content-disposition", "attachment; filename=\"contact.json\""));
    Ok(response.content_type("application/json").streaming(export))
}

/// Erases a person, those merged into them included: conversations, messages, files, memories, tasks, leads and what
/// is derived from them are deleted, and what else names them is redacted. It runs as a job; `GET /api/erasures/{id}`
/// shows how far it is, and then the receipt. What vendors deliver again stays erased; whoever writes again is a new
/// contact. It cannot be undone. While an erasure of the person runs, that one is given.
///
/// # Errors
/// 404 for an unknown contact, 409 when the key was used for something else.
#[utoipa::path(post, path = "/api/contacts/{id}/erasure", tag = "privacy", extensions(("x-permission" = json!("own"))),
    params(("id" = String, Path, description = "The contact."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key begins it once.")),
    responses((status = 202, description = "It is under way.", body = Erasure),
              (status = 400, description = "The key is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn erase(
    request: HttpRequest,
    caller: Caller<Own>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "contact")?;
    let key = reading::idempotency_key(&request)?;
    let by = caller.actor.label();
    let begun = doors.switchboard.erase_contact(caller.workspace_id(), &id, &by, key).await;
    let (erasure, repeated) = begun.map_err(|refused| match refused {
        Refused::KeyMismatch => {
            let sentence = "this Idempotency-Key was used before with a different request";
            Failure::new(&request, Code::IdempotencyMismatch, sentence)
        }
        Refused::Store(error) => Failure::store(&request, &error),
        Refused::Unknown | Refused::Fields(_) | Refused::Gone => Failure::not_found(&request, "contact"),
    })?;
    let mut response = HttpResponse::Accepted();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    } else {
        let detail = json!({ "erasure_id": erasure.id });
        auditing::note(&request, &doors, &caller, Action::ContactErased, &erasure.contact_id, detail).await;
    }
    Ok(response.json(erasure))
}
