//! The clock and the ids made from it: the only room that reads the system's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall-clock time in Unix milliseconds, with an offset that tests may move.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// Now, in Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX).saturating_add(self.offset.load(Ordering::Relaxed))
    }

    /// Moves this clock and its clones by so many milliseconds.
    pub fn advance(&self, by_ms: i64) {
        self.offset.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// A new id: `UUIDv7`, so that ids of one process sort by time of making.
    #[must_use]
    pub fn id(&self) -> String {
        #[expect(clippy::disallowed_methods, reason = "this is where ids are made")]
        let id = uuid::Uuid::now_v7();
        let mut buffer = uuid::Uuid::encode_buffer();
        id.hyphenated().encode_lower(&mut buffer).to_owned()
    }
}
