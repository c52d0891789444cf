//! The platform surface, column by column.

mod agents;
mod channels;
mod contacts;
mod conversations;
mod deliveries;
mod events;
mod files;
mod jobs;
mod providers;
mod widget;
