//! The simulator's clock, its ids and its dice: the only file that reads the system's time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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

/// Year, month, day, hour, minute, second and day of the week (Monday is 0) of a time, in UTC.
fn civil(ms: i64) -> [i64; 7] {
    let (days, seconds) = (ms.div_euclid(86_400_000), ms.div_euclid(1_000).rem_euclid(86_400));
    // Days are counted from 1 March of the year 0, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    [year, month, day, seconds / 3_600, seconds / 60 % 60, seconds % 60, (days + 3).rem_euclid(7)]
}

/// A time as mail headers and Twilio write it.
pub fn rfc2822(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [year, month, day, hour, minute, second, weekday] = civil(ms);
    let name = |names: &[&'static str], index: i64| usize::try_from(index).ok().and_then(|i| names.get(i).copied());
    let (weekday, month) = (name(&DAYS, weekday).unwrap_or_default(), name(&MONTHS, month - 1).unwrap_or_default());
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}

/// A time as carriers write it: `YYMMDDhhmm`.
pub fn compact(ms: i64) -> String {
    let [year, month, day, hour, minute, ..] = civil(ms);
    format!("{:02}{month:02}{day:02}{hour:02}{minute:02}", year % 100)
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

    /// A message id of Messenger or Instagram.
    pub fn mid(&self, instagram: bool) -> String {
        let mut raw = Vec::with_capacity(48);
        for _ in 0..6 {
            raw.extend_from_slice(&self.number().to_le_bytes());
        }
        let random = URL_SAFE_NO_PAD.encode(raw);
        if instagram { format!("aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOj{random}ZD") } else { format!("m_{random}") }
    }

    /// A SID of Twilio: its kind and 32 hexadecimal digits.
    pub fn sid(&self, kind: &str) -> String {
        format!("{kind}{:016x}{:016x}", self.number(), self.number())
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
    fn dates_are_written_as_mail_writes_them() {
        for (ms, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (1_692_853_305_000, "Thu, 24 Aug 2023 05:01:45 +0000"),
            (1_709_164_800_000, "Thu, 29 Feb 2024 00:00:00 +0000"),
            (1_798_761_599_000, "Thu, 31 Dec 2026 23:59:59 +0000"),
        ] {
            assert_eq!(rfc2822(ms), text);
        }
        assert_eq!(compact(1_692_853_305_000), "2308240501");
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
