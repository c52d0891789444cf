//! What is counted beside the database: each promise in this process's memory and in a real Redis.

mod limits;

/// The Redis that the environment names.
#[expect(clippy::disallowed_methods, reason = "the tests are told where their servers are")]
pub fn redis_url() -> String {
    std::env::var("SWITCHBOARD_TEST_REDIS").expect("SWITCHBOARD_TEST_REDIS names no Redis; ./check starts one")
}
