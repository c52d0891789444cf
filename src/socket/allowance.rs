//! How much a client may do: so many at once, then so many a second. It reads no clock.

use std::time::Instant;

/// What is left of an allowance, as a bucket that fills again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: f32,
    at: Instant,
    burst: f32,
    rate: f32,
}

impl Allowance {
    /// A full one: `burst` at once, then `rate` a second.
    pub(super) fn new(now: Instant, burst: u16, rate: u16) -> Self {
        Self { left: f32::from(burst), at: now, burst: f32::from(burst), rate: f32::from(rate) }
    }

    /// Takes one if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let waited = now.saturating_duration_since(self.at).as_secs_f32();
        self.left = waited.mul_add(self.rate, self.left).min(self.burst);
        self.at = now;
        let enough = self.left >= 1.0;
        if enough {
            self.left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Allowance;

    #[test]
    fn it_is_used_up_and_fills_again() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 3, 2);
        let taken = |allowance: &mut Allowance, at: Instant| (0..10).filter(|_| allowance.take(at)).count();
        assert_eq!(taken(&mut allowance, start), 3);
        assert_eq!(taken(&mut allowance, start + Duration::from_millis(400)), 0);
        assert_eq!(taken(&mut allowance, start + Duration::from_millis(1_000)), 2);
        assert_eq!(taken(&mut allowance, start + Duration::from_secs(3_600)), 3);
    }
}
