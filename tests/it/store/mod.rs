//! The store's promises, each kept on both databases.

mod calendars;
mod connections;
mod contacts;
mod deliveries;
mod documents;
mod inbound;
mod invariants;
mod jobs;
mod mailboxes;
mod memories;
mod outcomes;
mod progress;
mod revisions;
mod secrets;
mod tasks;
mod tenancy;
mod texts;
mod used_tokens;
