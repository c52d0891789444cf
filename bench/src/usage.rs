//! What a process has used, as the kernel counts it.

use std::time::Duration;

use crate::Outcome;

/// What a process has used so far, all of its threads together.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Time on processors, in the program and in the kernel for it.
    pub cpu: Duration,
    /// Memory it holds now, in KiB.
    pub resident_kib: u64,
    /// The most it has held, in KiB.
    pub peak_kib: u64,
}

/// Asks the kernel about a process.
///
/// # Errors
/// There is no such process, or the kernel does not tell.
pub fn of(pid: u32) -> Outcome<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let ticks = ticks(&stat).ok_or("the kernel's account of a process cannot be read")?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Usage {
        cpu: Duration::from_millis(ticks.saturating_mul(1_000) / per_second),
        resident_kib: kib(&status, "VmRSS:").unwrap_or_default(),
        peak_kib: kib(&status, "VmHWM:").unwrap_or_default(),
    })
}

/// Ticks in the program and in the kernel: fields 14 and 15, counted after the name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_account_is_read() {
        assert_eq!(ticks("12 (a) b) S 1 2 3 4 5 6 7 8 9 10 300 45 0 0"), Some(345));
        assert_eq!(ticks("12 (a"), None);
        assert_eq!(kib("Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n", "VmRSS:"), Some(1024));
        assert!(of(std::process::id()).unwrap().resident_kib > 0);
    }
}
