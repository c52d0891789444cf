//! The store's promises, each kept on both databases.

mod audit;
mod connections;
mod contacts;
mod deliveries;
mod documents;
mod inbound;
mod invariants;
mod jobs;
mod mailboxes;
mod members;
mod one_time_codes;
mod outcomes;
mod progress;
mod revisions;
mod secrets;
mod tenancy;
mod texts;
mod used_tokens;
mod users;
