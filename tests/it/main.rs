//! The integration tests: one binary, so that linking happens once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of it is test code, where a panic is how a finding is told"
)]

mod api;
mod cache;
mod dialects;
mod faults;
mod flows;
mod hostile;
mod store;
mod support;
