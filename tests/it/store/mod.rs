//! The store's promises, each kept on both databases.

mod awaited_mails;
mod agents;
mod calendars;
mod connections;
mod contacts;
mod deliveries;
mod documents;
mod elsewhere;
mod inbound;
mod invariants;
mod jobs;
mod leads;
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
mod waiting;
mod webhooks;
