//! The platform surface, column by column.

mod agents;
mod channels;
mod contacts;
mod conversations;
mod deliveries;
mod documents;
mod events;
mod files;
mod jobs;
mod messages;
mod leads;
mod webhook_endpoints;
mod widget;
