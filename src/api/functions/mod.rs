//! The functions surface, under `/functions/v1`: one file for the first word of an address. A list is `{"data":[…]}`,
//! anything else the resource itself; a failure is that of the platform.

pub mod agents;
pub mod chat;
pub mod leads;
pub mod webhooks;

use actix_web::web;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .configure(agents::configure)
        .configure(chat::configure)
        .configure(leads::configure)
        .configure(webhooks::configure);
}
