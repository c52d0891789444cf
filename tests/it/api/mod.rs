//! The doors, address by address.

mod assistant;
mod authorisation;
mod callbacks;
mod functions;
mod idempotency;
mod limits;
mod operations;
mod platform;
mod tenancy;
mod unbuilt;
