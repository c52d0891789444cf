//! The platform surface, under `/api`: one file for the first word of an address.

pub mod agents;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod deliveries;
pub mod events;
pub mod files;
pub mod jobs;
pub mod messages;
pub mod providers;
pub mod widget;

use actix_web::web;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .configure(agents::configure)
        .configure(channels::configure)
        .configure(contacts::configure)
        .configure(conversations::configure)
        .configure(deliveries::configure)
        .configure(events::configure)
        .configure(files::configure)
        .configure(jobs::configure)
        .configure(messages::configure)
        .configure(providers::configure)
        .configure(widget::configure);
}
