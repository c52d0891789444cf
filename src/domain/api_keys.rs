//! API keys: shown once, stored as a hash.

use hmac::digest::Digest;
use serde::Serialize;

use super::principals::Permission;

/// A key as its workspace sees it: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ApiKey {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000013")]
    pub id: String,
    /// Unique name in the workspace.
    #[schema(example = "shop backend")]
    pub name: String,
    /// The key's first characters.
    #[schema(example = "sb_4fK2pQx")]
    pub prefix: String,
    /// The one agent that it is for; null: the workspace.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: Option<String>,
    /// What it may do.
    #[schema(example = json!(["chat", "read"]))]
    pub scopes: Vec<Permission>,
    /// Requests that it may make in a minute, within its plan's; null: as many as its plan's.
    #[schema(example = 30)]
    pub requests_per_minute: Option<u32>,
    /// Unix milliseconds; null: it does not expire.
    #[schema(example = 1_798_761_600_000_i64)]
    pub expires_at: Option<i64>,
    /// When it was revoked, Unix milliseconds; null: it was not.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute, Unix milliseconds; null: never.
    #[schema(example = 1_767_225_600_000_i64)]
    pub last_used_at: Option<i64>,
    /// Until when the secret before it still counts, Unix milliseconds; null: it does not.
    pub old_secret_until: Option<i64>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
    /// Who made it: `user:<id>` or `key:<id>`; null: the operator.
    #[schema(example = "user:0198c1d2-7e00-7000-8000-000000000010")]
    pub created_by: Option<String>,
}

/// Every key starts with this.
pub const PREFIX: &str = "sb_";
/// Shortest key that an operator may give.
pub const SHORTEST: usize = 32;

/// Limits that a key may have, in requests a minute.
pub const LIMITS: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// The same in words.
pub const LIMIT: &str = "requests in a minute: 1 to 1000000";

/// What is stored of a key: SHA-256 as lower-case hex. Keys are long and random, so a slow hash would only cost time.
#[must_use]
pub fn hash(key: &str) -> String {
    hex::encode(sha2::Sha256::digest(key.as_bytes()))
}

/// What stays visible of a key: its first characters.
#[must_use]
pub fn visible_prefix(key: &str) -> String {
    key.chars().take(10).collect()
}

/// A new key from random bytes.
#[must_use]
pub fn format(random: &[u8; 32]) -> String {
    use base64::Engine as _;
    format!("{PREFIX}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random))
}
