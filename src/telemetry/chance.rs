//! Chance: random bytes for secrets, and jitter for waiting.

/// Fills `N` bytes from the operating system.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A number below `bound` (0 for a bound of 0). Good enough for jitter, not for secrets.
#[must_use]
pub fn below(bound: u64) -> u64 {
    let random = bytes::<8>().map(u64::from_le_bytes).unwrap_or_default();
    random.checked_rem(bound).unwrap_or_default()
}
