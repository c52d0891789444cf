//! The functions surface, column by column.

mod agents;
mod chat;
mod leads;
mod webhooks;
