//! `/api/deliveries`: the ledger of raw vendor deliveries, each with its outcome, to look at and to run again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::errors::Code;
use crate::domain::principals::Principal;
use crate::store::deliveries::StoredDelivery;
use crate::usecases::receiving::Turned;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/deliveries")
                .route(web::get().to(list))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/deliveries/{id}")
                .route(web::get().to(one))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/deliveries/{id}/redeliver")
                .route(web::post().to(redeliver))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of deliveries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deliveries {
    /// The deliveries, newest first, without their bodies.
    pub items: Vec<Delivery>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// What a vendor delivered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Delivery {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000007")]
    pub id: String,
    /// The channel it was for.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub channel_id: Option<String>,
    /// Kind of channel whose address it came to.
    #[schema(example = "whatsapp")]
    pub kind: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub received_at: i64,
    /// How it ended.
    pub outcome: DeliveryOutcome,
    /// Why, by part.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<serde_json::Value>,
    /// The body as it came; only when one delivery is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "{\"object\":\"whatsapp_business_account\",\"entry\":[]}")]
    pub body: Option<String>,
}

impl Delivery {
    fn new(stored: StoredDelivery, with_body: bool) -> Self {
        Self {
            id: stored.id,
            channel_id: stored.channel_id,
            kind: stored.kind,
            received_at: stored.received_at,
            outcome: stored.outcome,
            detail: stored.detail,
            body: with_body.then_some(stored.raw.body),
        }
    }
}

/// What became of a delivery.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Outcome {
    /// How it ended.
    pub outcome: DeliveryOutcome,
}

/// Which deliveries to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only those that ended so.
    #[param(inline)]
    outcome: Option<DeliveryOutcome>,
}

/// Lists the deliveries of the workspace's channels.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/deliveries", tag = "deliveries", extensions(("x-permission" = json!("manage"))), params(Filter, Page),
    responses((status = 200, description = "The deliveries.", body = Deliveries),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let words = "pending, stored, duplicate, ignored or dead_letter";
    let outcome = query.word("outcome", words, DeliveryOutcome::from_word);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.deliveries(caller.workspace_id(), outcome, limit, offset).await;
    let (found, total) = found.map_err(|error| Failure::store(&request, &error))?;
    let items = found.into_iter().map(|stored| Delivery::new(stored, false)).collect();
    Ok(HttpResponse::Ok().json(Deliveries { items, total }))
}

/// Reads one delivery with its body.
///
/// # Errors
/// 404 for an unknown delivery.
#[utoipa::path(get, path = "/api/deliveries/{id}", tag = "deliveries", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The delivery.")),
    responses((status = 200, description = "The delivery.", body = Delivery),
              (status = 404, description = "There is no such delivery.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    Ok(HttpResponse::Ok().json(Delivery::new(stored, true)))
}

/// Runs a delivery again. What it brought before is not stored twice.
///
/// # Errors
/// 404 for an unknown delivery, 409 for one that cannot be run, 503 when it could not be written down.
#[utoipa::path(post, path = "/api/deliveries/{id}/redeliver", tag = "deliveries", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The delivery.")),
    responses((status = 200, description = "How it ended this time.", body = Outcome),
              (status = 404, description = "There is no such delivery.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Its channel is gone, or its body cannot be read.", body = crate::api::failure::FailureBody)))]
pub async fn redeliver(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    match doors.switchboard.take_again(stored).await {
        Ok(outcome) => Ok(HttpResponse::Ok().json(Outcome { outcome })),
        Err(Turned::Unavailable(reason)) => Err(Failure::unavailable(&request, &reason)),
        Err(Turned::Malformed(reason)) => {
            Err(Failure::new(&request, Code::Conflict, format!("its body cannot be read: {reason}")))
        }
        Err(Turned::UnknownChannel | Turned::Unverified) => {
            Err(Failure::new(&request, Code::Conflict, "the channel it was for does not exist any more"))
        }
    }
}

async fn find(request: &HttpRequest, caller: &Principal, doors: &Doors, id: &str) -> Result<StoredDelivery, Failure> {
    let id = reading::id(request, id, "delivery")?;
    let found = doors.switchboard.store.delivery(caller.workspace_id(), &id).await;
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "delivery"))
}
