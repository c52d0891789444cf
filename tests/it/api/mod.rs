//! The doors, address by address.

mod assistant;
mod authorisation;
mod callbacks;
mod operations;
mod platform;
mod unbuilt;
