//! Nouns and rules: true with the computer switched off. No async, no clock, no I/O.

pub mod agents;
pub mod api_keys;
pub mod audit;
pub mod changes;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod deliveries;
pub mod documents;
pub mod errors;
pub mod events;
pub mod files;
pub mod jobs;
pub mod members;
pub mod leads;
pub mod messages;
pub mod plans;
pub mod principals;
pub mod users;
pub mod webhooks;
pub mod windows;
pub mod workspaces;
