//! The doors, address by address.

mod authorisation;
mod callbacks;
mod functions;
mod operations;
mod platform;
mod unbuilt;
