//! Health, readiness and metrics.

use actix_web::{HttpResponse, Route, web};
use serde::Serialize;

use super::Doors;
use super::failure::no_such_method;
use crate::domain::jobs::Work;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    let resource =
        |path, route: Route| web::resource(path).route(route).default_service(web::route().to(no_such_method));
    services
        .service(resource("/healthz", web::get().to(healthz)))
        .service(resource("/readyz", web::get().to(readyz)))
        .service(resource("/metrics", web::get().to(metrics)));
}

/// Whether it is well.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`, or `unavailable`.
    pub status: String,
    /// Version of the gateway.
    pub version: String,
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()),
    responses((status = 200, description = "The process lives.", body = Health)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// The database answers.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, description = "It can serve.", body = Health),
              (status = 503, description = "The database does not answer.", body = Health)))]
pub async fn readyz(doors: web::Data<Doors>) -> HttpResponse {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    match doors.switchboard.store.ping().await {
        Ok(()) => HttpResponse::Ok().json(Health { status: "ok".to_owned(), version }),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable().json(Health { status: "unavailable".to_owned(), version })
        }
    }
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, description = "Metrics in the text format of Prometheus.", body = String, content_type = "text/plain")))]
pub async fn metrics(doors: web::Data<Doors>) -> HttpResponse {
    let (living, quarantined) = doors.switchboard.conversations.count().await;
    metrics::gauge!("switchboard_conversations_living").set(number(living));
    metrics::gauge!("switchboard_conversations_quarantined").set(number(quarantined));
    if let Ok(counts) = doors.switchboard.store.count_jobs().await {
        // What is no longer there is not counted, and its gauge would stand where it stood.
        for kind in Work::KINDS {
            for state in ["ready", "dead"] {
                metrics::gauge!("switchboard_jobs", "kind" => *kind, "state" => state).set(0.0);
            }
        }
        for state in counts {
            metrics::gauge!("switchboard_jobs", "kind" => state.kind, "state" => state.state)
                .set(number(usize::try_from(state.count).unwrap_or_default()));
        }
    }
    if let Ok(pending) = doors.switchboard.store.count_unfinished_deliveries().await {
        metrics::gauge!("switchboard_deliveries_pending").set(number(usize::try_from(pending).unwrap_or_default()));
    }
    let text = doors.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text.unwrap_or_default())
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
