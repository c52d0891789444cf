//! The simulator's clock, its ids and its dice: the only file that reads the system's time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The machine's wall clock in Unix milliseconds.
pub fn real_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the simulator's clock")]
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// Wall-clock time with an offset that tests and the phone page may move.
#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// The simulated time in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        real_ms().saturating_add(self.offset_ms())
    }

    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    pub fn set_offset_ms(&self, offset: i64) {
        self.offset_ms.store(offset, Ordering::Relaxed);
    }

    pub fn advance_ms(&self, by: i64) {
        self.offset_ms.fetch_add(by, Ordering::Relaxed);
    }
}

/// One step of `SplitMix64`: a good spread from a plain counter, without a dependency.
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Makes the vendors' ids. They differ from one run to the next, as a gateway's database outlives the simulator.
#[derive(Debug)]
pub struct Ids {
    seed: u64,
    counter: AtomicU64,
}

impl Ids {
    pub fn new() -> Self {
        Self { seed: mix(real_ms().unsigned_abs() ^ (u64::from(std::process::id()) << 44)), counter: AtomicU64::new(1) }
    }

    /// A fresh pseudo-random number.
    pub fn number(&self) -> u64 {
        mix(self.seed ^ self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// Sixteen decimal digits, as Meta's node ids have them.
    pub fn digits(&self) -> String {
        format!("{}", 1_000_000_000_000_000 + self.number() % 9_000_000_000_000_000)
    }

    /// A message id laid out like the real ones: peer, direction, a random hexadecimal part.
    pub fn wamid(&self, peer: &str, outbound: bool) -> String {
        let peer = peer.as_bytes();
        let peer = peer.get(..peer.len().min(64)).unwrap_or_default();
        let mut raw = Vec::with_capacity(peer.len() + 32);
        raw.extend_from_slice(&[0x1c, 0x18, u8::try_from(peer.len()).unwrap_or(0)]);
        raw.extend_from_slice(peer);
        raw.extend_from_slice(&[0x15, 0x02, 0x00, if outbound { 0x11 } else { 0x12 }, 0x18, 0x14]);
        let counter = self.counter.load(Ordering::Relaxed) & 0xFFFF_FFFF;
        raw.extend_from_slice(format!("3A{:010X}{counter:08X}", self.number() & 0xFF_FFFF_FFFF).as_bytes());
        raw.push(0);
        let mut id = String::with_capacity(80);
        id.push_str("wamid.");
        STANDARD.encode_string(&raw, &mut id);
        id
    }

    /// The trace id that stands in Graph errors.
    pub fn trace(&self) -> String {
        let mut id = String::from("A");
        STANDARD.encode_string(self.number().to_le_bytes(), &mut id);
        id.retain(|c| c.is_ascii_alphanumeric());
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_unique_and_look_real() {
        let ids = Ids::new();
        let some: std::collections::HashSet<_> = (0..10_000).map(|_| ids.wamid("16505551234", true)).collect();
        assert_eq!(some.len(), 10_000);
        assert!(some.iter().all(|id| id.starts_with("wamid.HBgLMTY1MDU1NTEyMzQVAgARGBQzQ")));
    }

    #[test]
    fn the_clock_moves_both_ways() {
        let clock = Clock::default();
        clock.advance_ms(-90_000_000);
        assert!(clock.now_ms() < real_ms() - 89_000_000);
        clock.set_offset_ms(0);
        assert!((clock.now_ms() - real_ms()).abs() < 1_000);
    }
}
