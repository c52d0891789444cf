//! `/api/v1/memory`: what was learned, and the search over it and over what was said.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::AssistantFailure;
use super::asking::{self, Asked, Deleted, Paged, Served};
use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::fields;
use crate::domain::memories::{Memory, MemoryFields, MemoryKind, Recalled};
use crate::store::memories::MemoryFilter;

/// Longest question, in characters.
const LONGEST_QUESTION: usize = 500;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/v1/memory")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/v1/memory/search")
                .route(web::get().to(search))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/v1/memory/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of memories.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Memories {
    /// The memories, the newest first.
    pub memories: Vec<Memory>,
}

/// A page of what a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Results {
    /// What fits, the best first.
    pub results: Vec<Recalled>,
}

/// What to look for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Question {
    /// Words, 1 to 500 characters: what has any of them is found, what has more of them comes first.
    #[param(format = "text", max_length = 500, example = "when does she want to be called")]
    q: String,
    /// Only about this contact, and what was said in their conversations.
    #[param(format = "uuid")]
    contact_id: Option<String>,
}

/// Which memories to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only of this kind.
    #[param(example = "preference")]
    kind: Option<MemoryKind>,
    /// Only about this contact.
    #[param(format = "uuid")]
    contact_id: Option<String>,
    /// Only what this agent learned.
    #[param(format = "uuid")]
    agent_id: Option<String>,
}

/// Finds what was learned and what was said in conversations, the best first, each with where it is from; at most 200.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/v1/memory/search", tag = "memory", extensions(("x-permission" = json!("read"))), params(Question, Paged),
    responses((status = 200, description = "What was found.", body = Served<Results>),
              (status = 400, description = "The query is not as documented.", body = AssistantFailure)))]
pub async fn search(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let page = Asked::of(&mut query);
    let contact_id = asking::id(&mut query, "contact_id");
    query.need("q", "1 to 500 characters");
    let question = query.word("q", "1 to 500 characters", |text| fields::text(text, LONGEST_QUESTION));
    query.check(&request)?;
    let (workspace_id, question) = (caller.workspace_id(), question.unwrap_or_default());
    let search = doors.switchboard.search_memory(workspace_id, &question, contact_id.as_deref());
    let found = search.await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let meta = page.meta(&request, i64::try_from(found.len()).unwrap_or(i64::MAX));
    let (skip, take) = (usize::try_from(page.offset()), usize::try_from(page.limit));
    let results = found.into_iter().skip(skip.unwrap_or(usize::MAX)).take(take.unwrap_or_default()).collect();
    Ok(super::served(StatusCode::OK, Results { results }, meta))
}

/// Lists what was learned.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/v1/memory", tag = "memory", extensions(("x-permission" = json!("read"))), params(Filter, Paged),
    responses((status = 200, description = "The memories.", body = Served<Memories>),
              (status = 400, description = "The query is not as documented.", body = AssistantFailure)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let page = Asked::of(&mut query);
    let kind = query.word("kind", "fact, preference or note", MemoryKind::from_word);
    let (contact_id, agent_id) = (asking::id(&mut query, "contact_id"), asking::id(&mut query, "agent_id"));
    query.check(&request)?;
    let filter = MemoryFilter { kind, agent_id, contact_id };
    let found = doors.switchboard.store.memories(caller.workspace_id(), &filter, page.limit, page.offset()).await;
    let (memories, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(super::served(StatusCode::OK, Memories { memories }, page.meta(&request, total)))
}

/// Writes down what was learned. A repeated `Idempotency-Key` gives the first one again, with
/// `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when the key was used for something else.
#[utoipa::path(post, path = "/api/v1/memory", tag = "memory", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = MemoryFields,
    responses((status = 201, description = "The memory.", body = Served<Memory>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 409, description = "The key was used for something else, or what it made was deleted.", body = AssistantFailure)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let said: MemoryFields = reading::json(&request, &doors, payload).await?;
    let made = doors.switchboard.add_memory(caller.workspace_id(), &said, None, key).await;
    made.map(|made| asking::made(&request, made)).map_err(|refusal| asking::refuse(&request, "memory", refusal))
}

/// Reads a memory.
///
/// # Errors
/// 404 for an unknown memory.
#[utoipa::path(get, path = "/api/v1/memory/{id}", tag = "memory", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The memory.")),
    responses((status = 200, description = "The memory.", body = Served<Memory>),
              (status = 404, description = "There is no such memory.", body = AssistantFailure)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    Ok(asking::shown(&request, find(&request, caller.workspace_id(), &doors, &path).await?))
}

/// Corrects a memory: what is left out stays as it is, a null empties.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown memory.
#[utoipa::path(patch, path = "/api/v1/memory/{id}", tag = "memory", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The memory.")), request_body = MemoryFields,
    responses((status = 200, description = "The memory as it is now.", body = Served<Memory>),
              (status = 400, description = "Fields are not as documented.", body = AssistantFailure),
              (status = 404, description = "There is no such memory.", body = AssistantFailure)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let memory = find(&request, caller.workspace_id(), &doors, &path).await?;
    let said: MemoryFields = reading::json(&request, &doors, payload).await?;
    let changed = doors.switchboard.correct_memory(caller.workspace_id(), &memory.id, &said).await;
    let refused = |refusal| asking::refuse(&request, "memory", refusal);
    changed.map(|memory| asking::shown(&request, memory)).map_err(refused)
}

/// Forgets a memory: from now on it is neither listed nor found.
///
/// # Errors
/// 404 for an unknown memory.
#[utoipa::path(delete, path = "/api/v1/memory/{id}", tag = "memory", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The memory.")),
    responses((status = 200, description = "It is forgotten.", body = Served<Deleted>),
              (status = 404, description = "There is no such memory.", body = AssistantFailure)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "memory")?;
    let forgotten = doors.switchboard.store.forget_memory(caller.workspace_id(), &id).await;
    if forgotten.map_err(|error| Failure::store(&request, &error))? {
        Ok(asking::deleted(&request, id))
    } else {
        Err(Failure::not_found(&request, "memory"))
    }
}

async fn find(request: &HttpRequest, workspace_id: &str, doors: &Doors, id: &str) -> Result<Memory, Failure> {
    let id = reading::id(request, id, "memory")?;
    let found = doors.switchboard.store.memory(workspace_id, &id).await;
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "memory"))
}
