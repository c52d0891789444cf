//! How often somebody may try: so many at once, then one every so often. It guards doors that have no credential yet,
//! counts by what the caller claims and by where they come from, and so tells nothing about who exists. Each process
//! counts for itself.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

/// Counts that are remembered; the longest unused is forgotten first.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// How often.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// So many at once.
    pub burst: i64,
    /// Then one every so many milliseconds.
    pub every_ms: i64,
}

/// Too often: try again after so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften(pub i64);

/// The counts.
pub struct Throttle {
    /// When each would be fully rested again, Unix milliseconds.
    rested_at: Mutex<LruCache<(&'static str, String), i64>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { rested_at: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

impl Throttle {
    /// Counts a try of `who` at `door`.
    ///
    /// # Errors
    /// Too often; this try did not count.
    pub fn take(&self, door: &'static str, who: &str, rate: Rate, now: i64) -> Result<(), TooOften> {
        let mut rested_at = self.rested_at.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (door, who.to_owned());
        let rested = rested_at.get(&key).copied().unwrap_or(now).max(now);
        let wait = rested + rate.every_ms - now - rate.burst * rate.every_ms;
        if wait > 0 {
            return Err(TooOften((wait + 999) / 1_000));
        }
        rested_at.put(key, rested + rate.every_ms);
        Ok(())
    }
}

/// The place that counts as one: an IPv4 address, or the network of an IPv6 address that one customer has.
#[must_use]
pub fn place(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [first, second, third, fourth, ..] = ip.segments();
            format!("{first:x}:{second:x}:{third:x}:{fourth:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rate, Throttle, TooOften, place};

    #[test]
    fn it_is_used_up_and_rests() {
        let throttle = Throttle::default();
        let rate = Rate { burst: 3, every_ms: 10_000 };
        let taken = |who: &str, now| (0..10).filter(|_| throttle.take("door", who, rate, now).is_ok()).count();
        assert_eq!(taken("jane", 0), 3);
        assert_eq!(throttle.take("door", "jane", rate, 0), Err(TooOften(10)));
        assert_eq!(throttle.take("door", "jane", rate, 9_001), Err(TooOften(1)));
        assert_eq!(taken("jane", 10_000), 1);
        assert_eq!(taken("kim", 0), 3, "each for themselves");
        assert!(throttle.take("other door", "jane", rate, 0).is_ok());
        assert_eq!(taken("jane", 3_600_000), 3);
    }

    #[test]
    fn one_customer_is_one_place() {
        for (ip, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(place(ip.parse().unwrap()), expected);
        }
    }
}
