//! `/api/webhook-endpoints`: addresses of the workspace's own systems that are told of events. A signing secret is shown
//! when it is made and never again.

mod changes;
mod deeds;

pub use changes::*;
pub use deeds::*;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::errors::Code;
use crate::domain::principals::Principal;
use crate::domain::webhooks::{Endpoint, EndpointState};
use crate::usecases::channels::Unchanged;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/webhook-endpoints")
                .route(web::get().to(list))
                .route(web::post().to(changes::create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/webhook-endpoints/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(changes::amend))
                .route(web::delete().to(changes::remove))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(deeds::configure);
}

/// A page of endpoints.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookEndpoints {
    /// The endpoints, oldest first.
    pub items: Vec<EndpointView>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// An endpoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WebhookEndpoint)]
pub struct EndpointView {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000d")]
    pub id: String,
    /// Where deliveries go.
    #[schema(example = "https://example.com/hooks/switchboard")]
    pub url: String,
    /// For people.
    #[schema(example = "The shop's CRM")]
    pub description: String,
    /// The events that it is told of; an empty list: all.
    #[schema(example = json!(["message.received", "conversation.opened"]))]
    pub events: Vec<String>,
    /// One agent's events only; null: every agent's, and those without one.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: Option<String>,
    /// Deliveries a second that it gets at most.
    #[schema(example = 50)]
    pub rate_per_second: i64,
    /// The longest that an attempt may take, in milliseconds.
    #[schema(example = 15_000)]
    pub timeout_ms: i64,
    /// Whether it is told of events.
    pub state: EndpointState,
    /// Why not.
    #[schema(example = "every attempt failed for five days")]
    pub disabled_reason: Option<String>,
    /// Failed attempts in a row.
    #[schema(example = 0)]
    pub failures: i64,
    /// Since when there are nothing but failures, Unix milliseconds. After five days the endpoint is disabled.
    #[schema(example = 1_767_225_600_000_i64)]
    pub failing_since: Option<i64>,
    /// Until when it is left alone because it failed or asked for it, Unix milliseconds.
    #[schema(example = 1_767_225_630_000_i64)]
    pub paused_until: Option<i64>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub last_success_at: Option<i64>,
    /// Every event up to this number has become a delivery where it was wanted.
    #[schema(example = 1043)]
    pub event_seq: i64,
    /// Until when each of the replaced secrets still signs, Unix milliseconds, the latest first.
    #[schema(example = json!([1_767_312_000_000_i64]))]
    pub retiring_secrets: Vec<i64>,
    /// The secret that signs deliveries; only when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
}

impl EndpointView {
    fn new(endpoint: Endpoint, now: i64) -> Self {
        Self {
            retiring_secrets: endpoint
                .secrets
                .iter()
                .filter_map(|secret| secret.until)
                .filter(|until| *until > now)
                .collect(),
            paused_until: endpoint.paused_until.filter(|until| *until > now),
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            agent_id: endpoint.agent_id,
            rate_per_second: endpoint.rate,
            timeout_ms: endpoint.timeout_ms,
            state: endpoint.state,
            disabled_reason: endpoint.disabled_reason,
            failures: endpoint.failures,
            failing_since: endpoint.failing_since,
            last_success_at: endpoint.last_success_at,
            event_seq: endpoint.event_seq,
            secret: None,
            created_at: endpoint.created_at,
        }
    }

    /// The endpoint with the secret that was just made.
    fn with_secret(endpoint: Endpoint, now: i64) -> Self {
        let secret = endpoint.secrets.first().map(|newest| newest.secret.reveal().to_owned());
        Self { secret, ..Self::new(endpoint, now) }
    }
}

/// Lists the webhook endpoints of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/webhook-endpoints", tag = "webhooks", extensions(("x-permission" = json!("manage"))), params(Page),
    responses((status = 200, description = "The endpoints.", body = WebhookEndpoints),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.webhook_endpoints(caller.workspace_id(), limit, offset).await;
    let (found, total) = found.map_err(|error| Failure::store(&request, &error))?;
    let now = doors.switchboard.now();
    let items = found.into_iter().map(|endpoint| EndpointView::new(endpoint, now)).collect();
    Ok(HttpResponse::Ok().json(WebhookEndpoints { items, total }))
}

/// Reads one webhook endpoint.
///
/// # Errors
/// 404 for an unknown endpoint.
#[utoipa::path(get, path = "/api/webhook-endpoints/{id}", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint.")),
    responses((status = 200, description = "The endpoint.", body = EndpointView),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let endpoint = find(&request, &caller, &doors, &path).await?;
    Ok(HttpResponse::Ok().json(EndpointView::new(endpoint, doors.switchboard.now())))
}

/// The endpoint of the address, in the caller's workspace.
async fn find(request: &HttpRequest, caller: &Principal, doors: &Doors, id: &str) -> Result<Endpoint, Failure> {
    let id = reading::id(request, id, "webhook endpoint")?;
    let found = doors.switchboard.store.webhook_endpoint(caller.workspace_id(), &id).await;
    found
        .map_err(|error| Failure::store(request, &error))?
        .ok_or_else(|| Failure::not_found(request, "webhook endpoint"))
}

/// What a use case refused, in the envelope.
pub(in crate::api) fn refuse(request: &HttpRequest, unchanged: Unchanged, what: &str) -> Failure {
    match unchanged {
        Unchanged::Unknown => Failure::not_found(request, what),
        Unchanged::Fields(problems) => Failure::fields(request, &problems),
        Unchanged::Conflict(reason) => Failure::new(request, Code::Conflict, reason),
        Unchanged::KeyMismatch => {
            Failure::new(request, Code::IdempotencyMismatch, "the Idempotency-Key was used for a different request")
        }
        Unchanged::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}
