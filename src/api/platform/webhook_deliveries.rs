//! `/api/webhook-deliveries`: what a webhook endpoint was told, attempt by attempt, and telling it again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;

use super::webhook_endpoints::refuse;
use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading;
use crate::domain::webhooks::{Cause, DeliveryState};
use crate::store::webhooks::{Attempt, StoredDelivery};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/webhook-deliveries/{id}")
                .route(web::get().to(one))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/webhook-deliveries/{id}/redeliver")
                .route(web::post().to(redeliver))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of deliveries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookDeliveries {
    /// The deliveries, newest first.
    pub items: Vec<WebhookDelivery>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// What an endpoint is told of one event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookDelivery {
    /// UUID: the header `webhook-id`, the same in all attempts.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000e")]
    pub id: String,
    /// The endpoint.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000d")]
    pub endpoint_id: String,
    /// The event.
    #[schema(example = "message.received")]
    pub event: String,
    /// Its number in the workspace; null: a test.
    #[schema(example = 1043)]
    pub event_seq: Option<i64>,
    /// How far it is.
    pub state: DeliveryState,
    /// What the newest attempts are made for.
    pub cause: Cause,
    /// Attempts since then.
    #[schema(example = 1)]
    pub attempt_count: i64,
    /// When the next attempt is due, Unix milliseconds; null: there is none.
    #[schema(example = 1_767_225_605_000_i64)]
    pub next_attempt_at: Option<i64>,
    /// Why it failed, or why the last attempt did.
    #[schema(example = "the endpoint answered 503")]
    pub reason: Option<String>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
    /// When it was delivered or given up, Unix milliseconds.
    #[schema(example = 1_767_225_600_142_i64)]
    pub ended_at: Option<i64>,
    /// The body as it is sent; only when one delivery is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub body: Option<Box<RawValue>>,
    /// The attempts, oldest first, the last fifty; only when one delivery is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<WebhookAttempt>>,
}

impl WebhookDelivery {
    /// As lists show it.
    pub(super) fn in_list(stored: StoredDelivery) -> Self {
        Self::new(stored).0
    }

    fn new(stored: StoredDelivery) -> (Self, String) {
        let view = Self {
            id: stored.id,
            endpoint_id: stored.endpoint_id,
            event: stored.event,
            event_seq: stored.event_seq,
            state: stored.state,
            cause: stored.cause,
            attempt_count: stored.attempts,
            next_attempt_at: stored.next_attempt_at,
            reason: stored.reason,
            created_at: stored.created_at,
            ended_at: stored.ended_at,
            body: None,
            attempts: None,
        };
        (view, stored.body)
    }
}

/// One attempt.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookAttempt {
    /// What for: `event`, `redelivery` or `test`.
    #[schema(example = "event")]
    pub cause: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub at: i64,
    /// Method, address and headers, without secrets.
    #[schema(example = "POST https://example.com/hooks/switchboard\nwebhook-id: 0198c1d2-7e00-7000-8000-00000000000e")]
    pub request: String,
    /// The status of the answer; null: there was none.
    #[schema(example = 200)]
    pub status: Option<i64>,
    /// The first 16 KiB of the answer's body.
    #[schema(example = "ok")]
    pub response: String,
    /// Why there was no answer.
    #[schema(example = "no answer came within 15000 ms")]
    pub error: Option<String>,
    /// Milliseconds.
    #[schema(example = 142)]
    pub duration_ms: i64,
}

impl From<Attempt> for WebhookAttempt {
    fn from(attempt: Attempt) -> Self {
        Self {
            cause: attempt.cause,
            at: attempt.at,
            request: attempt.request,
            status: attempt.status,
            response: attempt.response,
            error: attempt.error,
            duration_ms: attempt.duration_ms,
        }
    }
}

/// Reads one delivery with its body and its attempts.
///
/// # Errors
/// 404 for an unknown delivery.
#[utoipa::path(get, path = "/api/webhook-deliveries/{id}", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The delivery.")),
    responses((status = 200, description = "The delivery.", body = WebhookDelivery),
              (status = 404, description = "There is no such delivery.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "webhook delivery")?;
    let (store, workspace_id) = (&doors.switchboard.store, caller.workspace_id());
    let found = store.webhook_delivery(workspace_id, &id).await.map_err(|error| Failure::store(&request, &error))?;
    let stored = found.ok_or_else(|| Failure::not_found(&request, "webhook delivery"))?;
    let attempts = store.webhook_attempts(workspace_id, &id).await;
    let attempts = attempts.map_err(|error| Failure::store(&request, &error))?;
    let (mut view, body) = WebhookDelivery::new(stored);
    view.body = RawValue::from_string(body).ok();
    view.attempts = Some(attempts.into_iter().map(WebhookAttempt::from).collect());
    Ok(HttpResponse::Ok().json(view))
}

/// Makes a delivery again, whatever became of it: under the same id, and with all its attempts if it fails.
///
/// # Errors
/// 404 for an unknown delivery, 409 when its endpoint is disabled.
#[utoipa::path(post, path = "/api/webhook-deliveries/{id}/redeliver", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The delivery.")),
    responses((status = 202, description = "It is due now.", body = WebhookDelivery),
              (status = 404, description = "There is no such delivery.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Its endpoint is disabled.", body = crate::api::failure::FailureBody)))]
pub async fn redeliver(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "webhook delivery")?;
    let due = doors.switchboard.redeliver_webhook(caller.workspace_id(), &id).await;
    let stored = due.map_err(|unchanged| refuse(&request, unchanged, "webhook delivery"))?;
    Ok(HttpResponse::Accepted().json(WebhookDelivery::in_list(stored)))
}
