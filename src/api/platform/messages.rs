//! `/api/messages`: one message: taking it back while it is held, what was said to the vendor for it, and how its agent
//! came to say it.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::platform::conversations::refuse;
use crate::api::reading;
use crate::domain::errors::Code;
use crate::domain::messages::Message;
use crate::domain::traces::Trace;
use crate::store::exchanges::StoredExchange;
use crate::usecases::withdrawing::Withdrawal;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/messages/{id}")
                .route(web::delete().to(withdraw))
                .default_service(web::route().to(no_such_method)),
        )
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

/// Takes a message back that is `held` until its person writes again. It stays visible, as `failed` with the code
/// `WITHDRAWN`. One text that became several messages is several here, too.
///
/// # Errors
/// 404 for an unknown message, 409 for one that is not held: it has left, is about to, or never waited.
#[utoipa::path(delete, path = "/api/messages/{id}", tag = "messages", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The message.")),
    responses((status = 200, description = "It will not leave; so it stands now.", body = Message),
              (status = 404, description = "There is no such message.", body = crate::api::failure::FailureBody),
              (status = 409, description = "It is not held.", body = crate::api::failure::FailureBody)))]
pub async fn withdraw(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "message")?;
    let withdrawn = doors.switchboard.withdraw(caller.workspace_id(), &id).await;
    match withdrawn.map_err(|unsaid| refuse(&request, unsaid))? {
        Withdrawal::Withdrawn(message) => Ok(HttpResponse::Ok().json(message)),
        Withdrawal::NotHeld => {
            let message = "the message is not held: it has left, is about to, or never waited";
            Err(Failure::new(&request, Code::Conflict, message))
        }
        Withdrawal::Unknown => Err(Failure::not_found(&request, "message")),
    }
}

/// Lists the exchanges with the vendor for a message.
///
/// # Errors
/// 404 for an unknown message.
#[utoipa::path(get, path = "/api/messages/{id}/exchanges", tag = "messages", extensions(("x-permission" = json!("manage"))),
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
#[utoipa::path(get, path = "/api/messages/{id}/trace", tag = "messages", extensions(("x-permission" = json!("read"))),
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
