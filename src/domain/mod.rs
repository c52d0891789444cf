//! Nouns and rules: true with the computer switched off. No async, no clock, no I/O.

pub mod agents;
pub mod api_keys;
pub mod calendars;
pub mod changes;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod days;
pub mod deliveries;
pub mod errors;
pub mod events;
pub mod fields;
pub mod files;
pub mod follow_ups;
pub mod jobs;
pub mod memories;
pub mod messages;
pub mod plans;
pub mod principals;
pub mod tasks;
pub mod time_words;
pub mod windows;
pub mod workspaces;
