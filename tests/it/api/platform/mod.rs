//! The platform surface, column by column.

mod agents;
mod analytics;
mod api_keys;
mod audit;
mod auth;
mod channels;
mod contacts;
mod conversations;
mod deliveries;
mod documents;
mod erasures;
mod events;
mod files;
mod invitations;
mod jobs;
mod leads;
mod members;
mod messages;
mod providers;
mod retention;
mod templates;
mod usage;
mod webhook_endpoints;
mod widget;
mod workspaces;
