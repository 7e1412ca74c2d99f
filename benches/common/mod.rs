//! Code shared by the benchmarks: data sets, CPU time, memory, statistics and the results page.

pub(crate) mod cpu;
pub(crate) mod data;
pub(crate) mod generated;
pub(crate) mod memory;
pub(crate) mod report;
pub(crate) mod stats;
