//! What can be done with a webhook endpoint: a new secret, enabled again, tested, what it was told, told again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use switchboard_channels::contract::credentials::Secret;

use super::{EndpointView, find, refuse};
use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::platform::webhook_deliveries::{WebhookDeliveries, WebhookDelivery};
use crate::api::reading::{self, Page, Query};
use crate::api::talk;
use crate::domain::errors::FieldProblem;
use crate::domain::webhooks::DeliveryState;
use crate::net::Trust;
use crate::usecases::webhooks::Range;
use crate::usecases::webhooks::delivering::Tested;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    let resource = |deed: &str| web::resource(format!("/api/webhook-endpoints/{{id}}/{deed}"));
    let only = |route: actix_web::Route, deed: &str| {
        resource(deed).route(route).default_service(web::route().to(no_such_method))
    };
    services
        .service(only(web::post().to(rotate), "rotate-secret"))
        .service(only(web::post().to(enable), "enable"))
        .service(only(web::post().to(test), "test"))
        .service(only(web::get().to(deliveries), "deliveries"))
        .service(only(web::post().to(redeliver), "redeliver"));
}

/// How the secret is changed.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRotation {
    /// How long the secret in force goes on signing beside the new one, in seconds.
    #[schema(minimum = 0, maximum = 604_800, default = 86_400, example = 86_400)]
    overlap_seconds: Option<i64>,
    /// A secret of your own, `whsec_` and the base64 of 24 to 64 random bytes; absent: one is made.
    #[schema(format = "secret", value_type = Option<String>, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<Secret>,
}

/// What a test found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookTest {
    /// The endpoint answered with 2xx in time.
    #[schema(example = true)]
    pub success: bool,
    /// The status that it answered with; null: it did not answer.
    #[schema(example = 200)]
    pub status_code: Option<u16>,
    /// Milliseconds.
    #[schema(example = 142)]
    pub response_time_ms: i64,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the address is not allowed")]
    pub error: Option<String>,
}

impl From<Tested> for WebhookTest {
    fn from(tested: Tested) -> Self {
        Self {
            success: tested.success,
            status_code: tested.status,
            response_time_ms: tested.duration_ms,
            error: tested.error,
        }
    }
}

/// A range of the event sequence.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeToRedeliver {
    /// The first event's number.
    #[schema(minimum = 1, example = 900)]
    from: Option<i64>,
    /// In its place: the number after which to begin.
    #[schema(minimum = 0, example = 899)]
    since: Option<i64>,
    /// The last event's number; absent: the newest. At most 10,000 events at once.
    #[schema(minimum = 1, example = 1043)]
    to: Option<i64>,
    /// Leaves out what was delivered or waits: only what failed, and what the endpoint was never told of.
    #[serde(default)]
    #[schema(default = false, example = true)]
    only_failed: bool,
}

/// How many deliveries are due.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RedeliveryCount {
    /// They are made within seconds, as fast as the endpoint's rate allows.
    #[schema(example = 17)]
    pub deliveries: u64,
}

/// Which deliveries to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct StateFilter {
    /// Only those that are so far.
    #[param(inline)]
    state: Option<DeliveryState>,
}

/// Gives a webhook endpoint a new secret, which the answer shows once. Until the overlap is over, deliveries carry a
/// signature of the old one, too, so that no delivery is refused while the receiver changes over.
///
/// # Errors
/// 400 for fields that cannot work, 404 for an unknown endpoint, 409 when ten secrets sign already.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/rotate-secret", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint.")),
    request_body = SecretRotation,
    responses((status = 200, description = "The endpoint, with its new secret.", body = EndpointView),
              (status = 400, description = "Fields cannot work; each is named.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Ten secrets sign already.", body = crate::api::failure::FailureBody)))]
pub async fn rotate(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let asked: SecretRotation = reading::json(&request, &doors, payload).await?;
    let rotated =
        doors.switchboard.rotate_webhook(caller.workspace_id(), &id, asked.secret, asked.overlap_seconds).await;
    let endpoint = rotated.map_err(|unchanged| refuse(&request, unchanged, "webhook endpoint"))?;
    Ok(HttpResponse::Ok().json(EndpointView::with_secret(endpoint, doors.switchboard.now())))
}

/// Lets a webhook endpoint be told of what happens from now on, after it was disabled or while it is left alone. What it
/// has missed since its `event_seq` can be redelivered.
///
/// # Errors
/// 404 for an unknown endpoint.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/enable", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint.")),
    responses((status = 200, description = "The endpoint as it is now.", body = EndpointView),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody)))]
pub async fn enable(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "webhook endpoint")?;
    let enabled = doors.switchboard.enable_webhook(caller.workspace_id(), &id).await;
    let endpoint = enabled.map_err(|unchanged| refuse(&request, unchanged, "webhook endpoint"))?;
    Ok(HttpResponse::Ok().json(EndpointView::new(endpoint, doors.switchboard.now())))
}

/// Sends a webhook endpoint a signed `webhook.test` and waits for its answer. It is not tried again. A repeated
/// `Idempotency-Key` sends nothing and gives what the first test found out, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 404 for an unknown endpoint, 409 when the key was used for something else or its test never ended.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/test", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key sends it once.")),
    responses((status = 200, description = "What it answered.", body = WebhookTest),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else, or its test never ended.", body = crate::api::failure::FailureBody)))]
pub async fn test(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "webhook endpoint")?;
    tested(&request, &caller, &doors, &id).await
}

/// Tests an endpoint of the caller's workspace.
///
/// # Errors
/// 404 for an unknown endpoint, 409 when the idempotency key was used for something else or its test never ended.
pub(in crate::api) async fn tested(
    request: &HttpRequest,
    caller: &Caller<Manage>,
    doors: &Doors,
    id: &str,
) -> Result<HttpResponse, Failure> {
    let under = reading::idempotency_key(request)?;
    let client = doors.client.trusting(Trust::Outside);
    let tested = doors.switchboard.test_webhook(caller.workspace_id(), id, under, client).await;
    let (tested, repeated) = tested.map_err(|unchanged| refuse(request, unchanged, "webhook endpoint"))?;
    Ok(talk::ok(repeated).json(WebhookTest::from(tested)))
}

/// Lists what a webhook endpoint was told or waits to be told, of the last thirty days.
///
/// # Errors
/// 400 for a query that is not as documented, 404 for an unknown endpoint.
#[utoipa::path(get, path = "/api/webhook-endpoints/{id}/deliveries", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint."), StateFilter, Page),
    responses((status = 200, description = "The deliveries, without their bodies and attempts.", body = WebhookDeliveries),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody)))]
pub async fn deliveries(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let state = query.word("state", "waiting, delivered or failed", DeliveryState::from_word);
    let page = query.page();
    query.check(&request)?;
    let id = find(&request, &caller, &doors, &path).await?.id;
    let found = doors.switchboard.store.webhook_deliveries(caller.workspace_id(), &id, state, page).await;
    let (found, total) = found.map_err(|error| Failure::store(&request, &error))?;
    let items = found.into_iter().map(WebhookDelivery::in_list).collect();
    Ok(HttpResponse::Ok().json(WebhookDeliveries { items, total }))
}

/// Tells a webhook endpoint again of a range of the event sequence: each event that it wants, under the same id as
/// before, or a new one where it was never told.
///
/// # Errors
/// 400 for a range that is not as documented, 404 for an unknown endpoint, 409 for a disabled one.
#[utoipa::path(post, path = "/api/webhook-endpoints/{id}/redeliver", tag = "webhooks", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The endpoint.")),
    request_body = RangeToRedeliver,
    responses((status = 202, description = "How many deliveries are due now.", body = RedeliveryCount),
              (status = 400, description = "The range is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody),
              (status = 409, description = "It is disabled.", body = crate::api::failure::FailureBody)))]
pub async fn redeliver(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let asked: RangeToRedeliver = reading::json(&request, &doors, payload).await?;
    let from = match (asked.from, asked.since) {
        (Some(from), None) if from >= 1 => from,
        (None, Some(since)) if (0..i64::MAX).contains(&since) => since + 1,
        _ => {
            let problem = FieldProblem::new("from", "the first event's number, or `since`, the number before it");
            return Err(Failure::fields(&request, &[problem]));
        }
    };
    if asked.to.is_some_and(|to| to < from) {
        return Err(Failure::fields(&request, &[FieldProblem::new("to", "not before the beginning")]));
    }
    let range = Range { from, to: asked.to, all: !asked.only_failed };
    let due = doors.switchboard.redeliver_webhook_range(caller.workspace_id(), &id, range).await;
    let deliveries = due.map_err(|unchanged| refuse(&request, unchanged, "webhook endpoint"))?;
    Ok(HttpResponse::Accepted().json(RedeliveryCount { deliveries }))
}
