//! `/api/contacts`: persons, each with all identities of the contacts that were merged into them.

mod asked;
pub mod merges;
pub mod privacy;
pub mod rules;
pub mod timeline;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::contacts::{self, Person};
use crate::domain::errors::Code;
use crate::domain::principals::Principal;
use crate::store::contacts::{ContactRefusal, Key};
use crate::usecases::contacts::Unmade;

pub use asked::{ContactPatch, NewContact};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/contacts")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(rules::configure)
        .service(
            web::resource("/api/contacts/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(merges::configure)
        .configure(privacy::configure)
        .configure(timeline::configure);
}

/// A page of persons.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Persons {
    /// The persons, the newest first.
    pub items: Vec<Person>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// Which persons to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only who has this phone number, in E.164.
    #[param(format = "phone", example = "+14155551234")]
    phone: Option<String>,
    /// Only who has this email address.
    #[param(format = "email", example = "jane@example.com")]
    email: Option<String>,
    /// Only who has this id in the workspace's own system.
    #[param(format = "plain", example = "customer-42")]
    external_id: Option<String>,
}

/// Lists the persons of the workspace, or finds who has a phone number, an address or an id: one of the three at once.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/contacts", tag = "contacts", extensions(("x-permission" = json!("read"))), params(Filter, Page),
    responses((status = 200, description = "The persons.", body = Persons),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let phone = query.word("phone", "a phone number in E.164, its plus written %2B", contacts::phone);
    let email = query.word("email", "an email address", contacts::email);
    let external_id = query.word("external_id", "an id", |text| (!text.contains('\0')).then(|| text.to_owned()));
    let (limit, offset) = query.page();
    query.check(&request)?;
    let store = &doors.switchboard.store;
    let wanted = [(Key::Phone, phone), (Key::Email, email), (Key::ExternalId, external_id)];
    let found = match wanted.into_iter().find_map(|(key, value)| value.map(|value| (key, value))) {
        Some((key, value)) => store.persons_with(caller.workspace_id(), key, &value).await.map(|found| {
            let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
            let (skip, take) = (usize::try_from(offset), usize::try_from(limit));
            let page = found.into_iter().skip(skip.unwrap_or(usize::MAX)).take(take.unwrap_or_default());
            (page.collect(), total)
        }),
        None => store.persons(caller.workspace_id(), limit, offset).await,
    };
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Persons { items, total }))
}

/// Makes a contact. A repeated `Idempotency-Key` gives the first one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when another contact has the phone number, the address or the id
/// (`details` names the field and the other's `contact_id`), or when the key was used for something else.
#[utoipa::path(post, path = "/api/contacts", tag = "contacts", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = NewContact,
    responses((status = 201, description = "The person.", body = Person),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another contact has it, or the key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: NewContact = reading::json(&request, &doors, payload).await?;
    let said = asked.judge(&request)?;
    let (person, repeated) = match doors.switchboard.make_contact(caller.workspace_id(), &said, key).await {
        Ok(made) => made,
        Err(Unmade::Refused(refusal)) => return Err(refuse(&request, refusal)),
        Err(Unmade::KeyMismatch) => {
            let sentence = "this Idempotency-Key was used before with a different request";
            return Err(Failure::new(&request, Code::IdempotencyMismatch, sentence));
        }
        Err(Unmade::Gone) => {
            return Err(Failure::new(&request, Code::Conflict, "what this Idempotency-Key made was deleted since"));
        }
    };
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(person))
}

/// Reads one person. The id of a merged contact gives the person it belongs to.
///
/// # Errors
/// 404 for an unknown contact.
#[utoipa::path(get, path = "/api/contacts/{id}", tag = "contacts", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The contact.")),
    responses((status = 200, description = "The person.", body = Person),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(find(&request, &caller, &doors, &path).await?))
}

/// Changes what the workspace says about a person. A field that is left out stays as it is, a null empties it;
/// attributes are merged, and a null takes one away.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown contact, 409 when another contact has the phone
/// number, the address or the id (`details` names the field and the other's `contact_id`).
#[utoipa::path(patch, path = "/api/contacts/{id}", tag = "contacts", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The contact.")), request_body = ContactPatch,
    responses((status = 200, description = "The person as they are now.", body = Person),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another contact has it.", body = crate::api::failure::FailureBody)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let person = find(&request, &caller, &doors, &path).await?;
    let asked: ContactPatch = reading::json(&request, &doors, payload).await?;
    let said = asked.judge(&request)?;
    let changed = doors.switchboard.store.change_contact(caller.workspace_id(), &person.id, &said).await;
    changed.map_err(|refusal| refuse(&request, refusal))?;
    Ok(HttpResponse::Ok().json(find(&request, &caller, &doors, &person.id).await?))
}

/// Deletes a person who has no conversation, with the contacts that were merged into them and their log of merges. What
/// was said is not deleted here: a person with conversations has to be erased (`POST /api/contacts/{id}/erasure`).
///
/// # Errors
/// 404 for an unknown contact, 409 when there are conversations.
#[utoipa::path(delete, path = "/api/contacts/{id}", tag = "contacts", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The contact.")),
    responses((status = 204, description = "They are deleted."),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody),
              (status = 409, description = "They have conversations.", body = crate::api::failure::FailureBody)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "contact")?;
    let deleted = doors.switchboard.store.remove_contact(caller.workspace_id(), &id).await;
    deleted.map_err(|refusal| refuse(&request, refusal))?;
    Ok(HttpResponse::NoContent().finish())
}

async fn find(request: &HttpRequest, caller: &Principal, doors: &Doors, id: &str) -> Result<Person, Failure> {
    let id = reading::id(request, id, "contact")?;
    let found = doors.switchboard.store.person(caller.workspace_id(), &id).await;
    let found = found.map_err(|error| Failure::store(request, &error))?;
    found.ok_or_else(|| Failure::not_found(request, "contact"))
}

fn refuse(request: &HttpRequest, refusal: ContactRefusal) -> Failure {
    match refusal {
        ContactRefusal::Unknown => Failure::not_found(request, "contact"),
        ContactRefusal::Taken { key, contact_id } => {
            Failure::new(request, Code::Conflict, format!("another contact has this {}", key.field()))
                .with(serde_json::json!({ "field": key.field(), "contact_id": contact_id }))
        }
        ContactRefusal::HasConversations => {
            Failure::new(request, Code::Conflict, "the person has conversations, which are not deleted here")
        }
        ContactRefusal::Repeated(_) => {
            Failure::new(request, Code::IdempotencyMismatch, "this Idempotency-Key was used before")
        }
        ContactRefusal::Store(error) => Failure::store(request, &error),
    }
}
