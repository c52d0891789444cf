//! The doors, address by address.

mod authorisation;
mod callbacks;
mod operations;
mod platform;
mod unbuilt;
