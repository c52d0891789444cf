//! Vendors' callbacks, under `/api/webhooks`. The raw body is read once, size-capped, and checked before it is read.

pub mod deliveries;

use actix_web::web;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.configure(deliveries::configure);
}
