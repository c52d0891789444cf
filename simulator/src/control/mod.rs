//! The control API under `/sim`: how tests, people and the phone page set the stage. No vendor has these addresses.

mod accounts;
mod ledger;
mod people;
mod stage;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use serde_json::json;

/// Registers the addresses.
pub fn routes(config: &mut ServiceConfig) {
    config
        .app_data(web::JsonConfig::default().limit(64 * 1024 * 1024).error_handler(|error, _| {
            let answer = refused(&error.to_string());
            actix_web::error::InternalError::from_response(error, answer).into()
        }))
        .route("/sim", web::get().to(stage::overview))
        .route("/sim/accounts", web::get().to(accounts::list))
        .route("/sim/accounts/{account}", web::put().to(accounts::put))
        .route("/sim/accounts/{account}", web::get().to(accounts::get))
        .route("/sim/accounts/{account}", web::delete().to(accounts::remove))
        .route("/sim/accounts/{account}/handshake", web::post().to(accounts::handshake))
        .route("/sim/media", web::post().to(people::put_media))
        .route("/sim/media/{id}", web::get().to(people::media))
        .route("/sim/customers", web::get().to(stage::customers))
        .route("/sim/customers", web::post().to(stage::add_customer))
        .route("/sim/clock", web::get().to(stage::clock))
        .route("/sim/clock", web::put().to(stage::set_clock))
        .route("/sim/faults", web::get().to(stage::faults))
        .route("/sim/faults", web::put().to(stage::set_faults))
        .route("/sim/faults", web::delete().to(stage::clear_faults))
        .route("/sim/model", web::get().to(stage::model))
        .route("/sim/model", web::put().to(stage::set_model))
        .route("/sim/model", web::delete().to(stage::clear_model))
        .route("/sim/model/replies", web::post().to(stage::add_replies))
        .route("/sim/model/requests", web::get().to(stage::model_requests))
        .route("/sim/books", web::get().to(ledger::all))
        .route("/sim/books", web::delete().to(ledger::clear))
        .route("/sim/books/stream", web::get().to(ledger::stream))
        .route("/sim/books/{account}", web::get().to(ledger::of))
        .route("/sim/{channel}/{account}/inbound", web::post().to(people::inbound))
        .route("/sim/{channel}/{account}/windows/{customer}", web::get().to(people::window))
        .route("/sim/{channel}/{account}/control", web::post().to(people::control));
}

/// A request that cannot be understood, with the reason.
fn refused(reason: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"error": reason}))
}

/// Something that is not there.
fn missing(what: &str) -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": format!("there is no such {what}")}))
}
