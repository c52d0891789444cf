//! The doors, address by address.

mod assistant;
mod authorisation;
mod callbacks;
mod limits;
mod functions;
mod operations;
mod platform;
mod unbuilt;
