//! The platform surface, under `/api`.

use actix_web::web;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    let _ = services;
}
