//! Whether the settings can work together: every problem at once, each a sentence that names its key and the remedy.

use url::Url;

use crate::telemetry::logs;

use super::{Problem, Settings};

/// What the settings are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A newcomer's machine: what is missing is made up.
    Dev,
    /// Production: what is missing or weak stops the start.
    Serve,
}

const MAKE_A_KEY: &str = "make one with `openssl rand -hex 32`, keep a copy of it, and set it in the file or as SWITCHBOARD__SECURITY__MASTER_KEY";

impl Settings {
    /// Names everything that cannot work; empty when all is well.
    #[must_use]
    pub fn check(&self, mode: Mode) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut demand = |fine: bool, key: &str, sentence: &str| {
            if !fine {
                problems.push(Problem::new(key, sentence));
            }
        };
        if let Some(sentence) = self.master_key_problem(mode) {
            demand(false, "security.master_key", &sentence);
        }
        demand(
            self.security.previous_master_key.is_none() || self.previous_master_key().is_some(),
            "security.previous_master_key",
            "must be exactly the 64 hex digits that were security.master_key before",
        );
        demand(
            is_database(self.database().reveal()),
            "database",
            "must be `sqlite:PATH` or `postgres://user:password@host/name`",
        );
        self.check_addresses(&mut demand);
        demand(
            self.trusted_proxies().is_some(),
            "network.trusted_proxies",
            "must be networks or addresses separated by commas, such as `10.0.0.0/8, ::1`",
        );
        demand(
            self.uncounted_addresses().is_some(),
            "limits.uncounted_addresses",
            "must be networks or addresses separated by commas, such as `127.0.0.0/8, ::1`",
        );
        demand(
            self.redis.as_deref().is_none_or(|url| url.starts_with("redis://") || url.starts_with("rediss://")),
            "redis",
            "must be the address of a Redis, such as redis://127.0.0.1:6379",
        );
        demand(
            logs::is_level(&self.logging.level),
            "logging.level",
            "must be a level (error, warn, info, debug, trace) or directives such as `info,switchboard::jobs=debug`",
        );
        for (key, value) in self.positive() {
            demand(value > 0, key, "must be more than zero");
        }
        demand(
            self.store.lease.as_millis() >= 1_000,
            "store.lease",
            "must be at least a second, or this process loses its jobs while it works on them",
        );
        problems.extend(self.plans().err());
        problems.extend(self.prices().err());
        problems
    }

    /// Judges the addresses of the web that settings name.
    fn check_addresses(&self, demand: &mut impl FnMut(bool, &str, &str)) {
        let addresses = [
            ("public_url", &self.public_url),
            ("assistant.weather_url", &self.assistant.weather_url),
            ("models.openai_url", &self.models.openai_url),
            ("models.anthropic_url", &self.models.anthropic_url),
            ("models.gemini_url", &self.models.gemini_url),
            ("embeddings.url", &self.embeddings.url),
        ];
        for (key, address) in addresses {
            demand(
                address.as_deref().is_none_or(is_web_address),
                key,
                "must be an http or https address without query and fragment, such as https://chat.example.com",
            );
        }
        demand(
            self.embeddings.url.is_none() || self.embedder().is_some(),
            "embeddings.model",
            "must name the model where embeddings.url names its server",
        );
    }

    /// What must be more than zero.
    fn positive(&self) -> [(&'static str, u64); 13] {
        [
            ("network.connect_timeout", self.network.connect_timeout.as_millis()),
            ("network.request_timeout", self.network.request_timeout.as_millis()),
            ("network.download_idle_timeout", self.network.download_idle_timeout.as_millis()),
            ("network.max_response_bytes", self.network.max_response_bytes),
            ("sending.receipt_wait", self.sending.receipt_wait.as_millis()),
            ("conversations.idle_after", self.conversations.idle_after.as_millis()),
            ("limits.body_bytes", self.limits.body_bytes as u64),
            ("limits.request_timeout", self.limits.request_timeout.as_millis()),
            ("limits.connections", self.limits.connections as u64),
            ("media.max_bytes", self.media.max_bytes),
            ("store.connections", u64::from(self.store.connections)),
            ("store.queue", self.store.queue as u64),
            ("store.acquire_timeout", self.store.acquire_timeout.as_millis()),
        ]
    }

    fn master_key_problem(&self, mode: Mode) -> Option<String> {
        let Some(key) = &self.security.master_key else {
            return (mode == Mode::Serve)
                .then(|| format!("is not set; without it no secret can be kept: {MAKE_A_KEY}"));
        };
        if self.master_key().is_none() {
            return Some(format!("must be exactly 64 hex digits: {MAKE_A_KEY}"));
        }
        (mode == Mode::Serve && is_weak(key.reveal().trim())).then(|| format!("can be guessed: {MAKE_A_KEY}"))
    }
}

/// Whether somebody typed it: few different digits, a short group repeated, or digits that count up or down.
fn is_weak(key: &str) -> bool {
    let digits: Vec<u32> = key.chars().filter_map(|character| character.to_digit(16)).collect();
    let different: std::collections::BTreeSet<u32> = digits.iter().copied().collect();
    let repeats = (1..=4).any(|period| digits.iter().zip(digits.iter().skip(period)).all(|(one, next)| one == next));
    let steps: std::collections::BTreeSet<u32> =
        digits.iter().zip(digits.iter().skip(1)).map(|(one, next)| (16 + next - one) % 16).collect();
    different.len() < 4 || repeats || steps.len() == 1
}

fn is_database(url: &str) -> bool {
    match url.split_once(':') {
        Some(("sqlite", path)) => !path.trim_start_matches("//").trim().is_empty(),
        Some(("postgres" | "postgresql", _)) => Url::parse(url).is_ok(),
        _ => false,
    }
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::is_weak;

    #[test]
    fn keys_that_were_typed_are_weak() {
        let weak = [
            "0".repeat(64),
            "ab".repeat(32),
            "dead".repeat(16),
            "0123456789abcdef".repeat(4),
            "fedcba9876543210".repeat(4),
            format!("{}1", "0".repeat(63)),
        ];
        for key in weak {
            assert!(is_weak(&key), "{key}");
        }
        assert!(!is_weak("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
    }
}
