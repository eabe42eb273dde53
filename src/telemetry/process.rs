//! Metrics of this process, read from `/proc`. On systems other than Linux they stay at zero.

use std::fs;

use metrics::{counter, gauge};

/// Clock ticks per second in `/proc`, the same on every Linux target of Rust.
const TICKS_PER_S: u64 = 100;

/// Updates the metrics. Called before each scrape.
pub fn sample() {
    if let Some(resident_kib) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_kib) {
        gauge!("muster_process_resident_bytes").set(metric(resident_kib.saturating_mul(1024)));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge!("muster_process_open_files").set(metric(open.count() as u64));
    }
    if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(ticks) {
        counter!("muster_process_cpu_seconds_total").absolute(ticks / TICKS_PER_S);
    }
}

/// Converts a value. The result is exact up to 2^53, which none of these values reaches.
#[expect(clippy::cast_precision_loss, reason = "see above")]
const fn metric(value: u64) -> f64 {
    value as f64
}

/// The resident memory from `/proc/self/status`, in KiB: the line `VmRSS: 12345 kB`.
fn resident_kib(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// User and system time from `/proc/self/stat`, in clock ticks: fields 14 and 15. The second field, the program's name,
/// may contain spaces and parentheses, so counting starts after it.
fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(field(14)? + field(15)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_read_from_proc() {
        assert_eq!(resident_kib("Name:\tmuster\nVmRSS:\t   12345 kB\nThreads:\t3\n"), Some(12_345));
        assert_eq!(ticks("7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 3 0 9 1 2"), Some(175));
        assert_eq!(ticks("nonsense"), None);
    }
}
