//! The simulator under test from outside, over HTTP, with a small receiver in place of a gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod exchanges;
mod faults;
mod library;
mod mail;
mod model;
mod pages;
mod phone;
mod receipts;
mod stage;
mod twilio;
