//! The platform surface, under `/api`: one file for the first word of an address.

pub mod agents;
pub mod analytics;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod deliveries;
pub mod erasures;
pub mod events;
pub mod files;
pub mod invitations;
pub mod jobs;
pub mod leads;
pub mod members;
pub mod messages;
pub mod providers;
pub mod retention;
pub mod templates;
pub mod usage;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
pub mod widget;
pub mod workspaces;

use actix_web::web;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .configure(agents::configure)
        .configure(analytics::configure)
        .configure(api_keys::configure)
        .configure(audit::configure)
        .configure(auth::configure)
        .configure(channels::configure)
        .configure(contacts::configure)
        .configure(conversations::configure)
        .configure(deliveries::configure)
        .configure(erasures::configure)
        .configure(events::configure)
        .configure(files::configure)
        .configure(invitations::configure)
        .configure(jobs::configure)
        .configure(members::configure)
        .configure(leads::configure)
        .configure(messages::configure)
        .configure(providers::configure)
        .configure(retention::configure)
        .configure(templates::configure)
        .configure(usage::configure)
        .configure(webhook_deliveries::configure)
        .configure(webhook_endpoints::configure)
        .configure(widget::configure)
        .configure(workspaces::configure);
}
