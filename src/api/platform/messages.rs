//! `/api/messages`: what was said to the vendor for a message, and how its agent came to say it.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading;
use crate::domain::traces::Trace;
use crate::store::exchanges::StoredExchange;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/messages/{id}/exchanges")
                .route(web::get().to(exchanges))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/messages/{id}/trace")
                .route(web::get().to(trace))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A list of exchanges.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Exchanges {
    /// The exchanges, oldest first.
    pub items: Vec<Exchange>,
    /// How many there are.
    #[schema(example = 1)]
    pub total: usize,
}

/// One exchange with the vendor, without secrets.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Exchange {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000008")]
    pub id: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub at: i64,
    /// Method, address and body, cut to 16 KiB.
    #[schema(example = "POST https://vendor.example/v1/messages\n{\"text\":\"Hello\"}")]
    pub request: String,
    /// HTTP status; null: there was no answer.
    #[schema(example = 200)]
    pub status: Option<i64>,
    /// The answer's body, or the network's error, cut to 16 KiB.
    #[schema(example = "{\"messages\":[{\"id\":\"wamid.1\"}]}")]
    pub response: String,
    /// Milliseconds.
    #[schema(example = 84)]
    pub duration_ms: i64,
}

impl From<StoredExchange> for Exchange {
    fn from(stored: StoredExchange) -> Self {
        let StoredExchange { id, at, request, status, response, duration_ms } = stored;
        Self { id, at, request, status, response, duration_ms }
    }
}

/// Lists the exchanges with the vendor for a message.
///
/// # Errors
/// 404 for an unknown message.
#[utoipa::path(get, path = "/api/messages/{id}/exchanges", tag = "messages",
    params(("id" = String, Path, description = "The message.")),
    responses((status = 200, description = "What was sent to the vendor and what it answered.", body = Exchanges),
              (status = 404, description = "There is no such message.", body = crate::api::failure::FailureBody)))]
pub async fn exchanges(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "message")?;
    let (store, workspace) = (&doors.switchboard.store, caller.workspace_id());
    let known = store.message(workspace, &id).await.map_err(|error| Failure::store(&request, &error))?;
    known.ok_or_else(|| Failure::not_found(&request, "message"))?;
    let found = store.exchanges(workspace, &id).await.map_err(|error| Failure::store(&request, &error))?;
    let items: Vec<Exchange> = found.into_iter().map(Exchange::from).collect();
    Ok(HttpResponse::Ok().json(Exchanges { total: items.len(), items }))
}

/// Shows what the turn that said a message did and cost: the tools it used, their results, tokens and money.
///
/// # Errors
/// 404 for an unknown message, and for one that no model wrote, or a built-in one.
#[utoipa::path(get, path = "/api/messages/{id}/trace", tag = "messages",
    params(("id" = String, Path, description = "The message.")),
    responses((status = 200, description = "What the turn did.", body = Trace),
              (status = 404, description = "There is no such message, or it has no trace.", body = crate::api::failure::FailureBody)))]
pub async fn trace(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "message")?;
    let (store, workspace) = (&doors.switchboard.store, caller.workspace_id());
    let known = store.message(workspace, &id).await.map_err(|error| Failure::store(&request, &error))?;
    let message = known.ok_or_else(|| Failure::not_found(&request, "message"))?;
    let trace = store.trace_of_message(workspace, &message.conversation_id, &id).await;
    let trace = trace.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(trace.ok_or_else(|| Failure::not_found(&request, "trace of this message"))?))
}
