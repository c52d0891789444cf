//! One runner over cases that are data: what the vendor sends, what we send, and what must never hurt.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expects by failing"
)]

mod email;
mod fitting;
mod fixtures;
mod hostile;
mod inbound;
mod messaging;
mod mutations;
mod outbound;
mod plain;
mod settings;
mod signature;
mod telegram;
mod templates;
mod twilio;
