//! Nouns and rules: true with the computer switched off. No async, no clock, no I/O.

pub mod actions;
pub mod agents;
pub mod api_keys;
pub mod changes;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod deliveries;
pub mod errors;
pub mod events;
pub mod files;
pub mod jobs;
pub mod messages;
pub mod plans;
pub mod prices;
pub mod principals;
pub mod traces;
pub mod windows;
pub mod workspaces;
