//! Cost of a process: CPU time and memory, as reported by Linux.

use std::collections::HashMap;
use std::fs;

/// CPU time of each thread of a process at one moment, in nanoseconds.
#[derive(Debug, Clone)]
pub struct CpuTimes(HashMap<String, u64>);

impl CpuTimes {
    /// Reads the CPU time used so far.
    pub fn read(pid: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
        let spent = tasks.filter_map(|task| {
            let task = task.ok()?;
            // A thread may end meanwhile.
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            let spent = text.split(' ').next()?.parse().ok()?;
            Some((task.file_name().to_string_lossy().into_owned(), spent))
        });
        Self(spent.collect())
    }

    /// Returns the CPU time used since `before`, in nanoseconds.
    pub fn since(&self, before: &Self) -> u64 {
        self.0.iter().map(|(task, spent)| spent.saturating_sub(before.0.get(task).copied().unwrap_or(0))).sum()
    }
}

/// Returns the memory of a process in bytes; `None` once it has ended.
pub fn memory(pid: u32) -> Option<usize> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<usize>().ok().map(|kib| kib << 10)
}
