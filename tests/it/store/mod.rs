//! The store's promises, each kept on both databases.

mod connections;
mod contacts;
mod deliveries;
mod documents;
mod inbound;
mod invariants;
mod jobs;
mod mailboxes;
mod outcomes;
mod progress;
mod providers;
mod revisions;
mod secrets;
mod tenancy;
mod texts;
mod traces;
mod used_tokens;
