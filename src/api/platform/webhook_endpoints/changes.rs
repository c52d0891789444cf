//! Webhook endpoints made, changed and removed.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer};
use switchboard_channels::contract::credentials::Secret;

use super::{EndpointView, find, refuse};
use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::Failure;
use crate::api::reading;
use crate::usecases::webhooks::Wanted;

/// A webhook endpoint to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpointToMake {
    /// Where deliveries go: an https address on the public internet.
    #[schema(format = "url", max_length = 2_000, example = "https://example.com/hooks/switchboard")]
    url: String,
    /// For people, at most 500 characters.
    #[serde(default)]
    #[schema(format = "plain", max_length = 500, example = "The shop's CRM")]
    description: String,
    /// The events that it is told of; absent or empty: all.
    #[serde(default)]
    #[schema(example = json!(["message.received", "conversation.opened"]))]
    events: Vec<String>,
    /// One agent's events only; absent: all.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<String>,
    /// Deliveries a second that it gets at most.
    #[schema(minimum = 1, maximum = 1_000, default = 50, example = 50)]
    rate_per_second: Option<i64>,
    /// The longest that an attempt may take, in milliseconds.
    #[schema(minimum = 1_000, maximum = 30_000, default = 15_000, example = 15_000)]
    timeout_ms: Option<i64>,
    /// A secret of your own, `whsec_` and the base64 of 24 to 64 random bytes; absent: one is made.
    #[schema(format = "secret", value_type = Option<String>, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<Secret>,
}

/// What of a webhook endpoint shall be otherwise; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpointAmendment {
    /// Another address.
    #[schema(format = "url", max_length = 2_000, example = "https://example.com/hooks/switchboard")]
    url: Option<String>,
    /// For people, at most 500 characters.
    #[schema(format = "plain", max_length = 500, example = "The shop's CRM")]
    description: Option<String>,
    /// The events that it is told of; empty: all.
    #[schema(example = json!(["message.received"]))]
    events: Option<Vec<String>>,
    /// One agent's events only; null: all.
    #[serde(default, deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>, example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<Option<String>>,
    /// Deliveries a second that it gets at most.
    #[schema(minimum = 1, maximum = 1_000, example = 50)]
    rate_per_second: Option<i64>,
    /// The longest that an attempt may take, in milliseconds.
    #[schema(minimum = 1_000, maximum = 30_000, example = 15_000)]
    timeout_ms: Option<i64>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Makes a webhook endpoint, which is told of what happens from now on. The answer carries the secret that signs its
/// deliveries, which is not shown again. A repeated `Idempotency-Key` gives the first answer again, with
/// `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that cannot work, each by its name; 409 when the workspace has enough of them, or the key was used for
/// something else.
#[utoipa::path(post, path = "/api/webhook-endpoints", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = WebhookEndpointToMake,
    responses((status = 201, description = "The endpoint, with its secret.", body = EndpointView),
              (status = 400, description = "Fields cannot work; each is named, such as `events[0]`.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The workspace has enough endpoints, or the key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: WebhookEndpointToMake = reading::json(&request, &doors, payload).await?;
    let wanted = Wanted {
        url: Some(asked.url),
        description: Some(asked.description),
        events: Some(asked.events),
        agent_id: Some(asked.agent_id),
        rate: asked.rate_per_second,
        timeout_ms: asked.timeout_ms,
    };
    let made = doors.switchboard.create_webhook(caller.workspace_id(), wanted, asked.secret, key, &doors.client).await;
    let (endpoint, repeated) = made.map_err(|unchanged| refuse(&request, unchanged, "webhook endpoint"))?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(EndpointView::with_secret(endpoint, doors.switchboard.now())))
}

/// Changes a webhook endpoint. What waits for it goes to where it is then.
///
/// # Errors
/// 400 for fields that cannot work, each by its name; 404 for an unknown endpoint.
#[utoipa::path(patch, path = "/api/webhook-endpoints/{id}", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint.")),
    request_body = WebhookEndpointAmendment,
    responses((status = 200, description = "The endpoint as it is now.", body = EndpointView),
              (status = 400, description = "Fields cannot work; each is named, such as `events[0]`.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody)))]
pub async fn amend(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let asked: WebhookEndpointAmendment = reading::json(&request, &doors, payload).await?;
    let wanted = Wanted {
        url: asked.url,
        description: asked.description,
        events: asked.events,
        agent_id: asked.agent_id,
        rate: asked.rate_per_second,
        timeout_ms: asked.timeout_ms,
    };
    let changed = doors.switchboard.amend_webhook(caller.workspace_id(), &id, wanted, &doors.client).await;
    let endpoint = changed.map_err(|unchanged| refuse(&request, unchanged, "webhook endpoint"))?;
    Ok(HttpResponse::Ok().json(EndpointView::new(endpoint, doors.switchboard.now())))
}

/// Removes a webhook endpoint with everything that it was told or waited to be told.
///
/// # Errors
/// 404 for an unknown endpoint.
#[utoipa::path(delete, path = "/api/webhook-endpoints/{id}", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint.")),
    responses((status = 204, description = "It is gone."),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody)))]
pub async fn remove(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "webhook endpoint")?;
    let removed = doors.switchboard.store.remove_webhook_endpoint(caller.workspace_id(), &id).await;
    if removed.map_err(|error| Failure::store(&request, &error))? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Failure::not_found(&request, "webhook endpoint"))
    }
}
