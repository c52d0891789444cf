//! Redis, where it is configured: what several nodes count together. It only speeds things up and keeps no promise: with
//! Redis gone each node counts by itself.

pub mod limits;
mod memory;
mod redis;

use std::time::Duration;

/// Where Redis is, and how long to wait for it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `redis://…`; none: each node counts by itself.
    pub url: Option<String>,
}

/// Longest time that a request waits for Redis.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long nobody asks Redis after it did not answer, in milliseconds.
const PAUSE_MS: i64 = 1_000;
