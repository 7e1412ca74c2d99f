//! Memory of a process.

use std::path::Path;

use helpers::support::daemon::read_lossy;

/// Returns the resident memory of a process in bytes.
///
/// # Panics
///
/// When there is no such process.
#[must_use]
pub(crate) fn resident(process: u32) -> u64 {
    let status = read_lossy(Path::new(&format!("/proc/{process}/status")));
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("the kernel tells kB");
    kib * 1_024
}
