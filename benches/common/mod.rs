//! What the benchmarks share: data sets, CPU time, memory, figures and the page they are written to.

pub(crate) mod cpu;
pub(crate) mod data;
pub(crate) mod drawn;
pub(crate) mod memory;
pub(crate) mod report;
pub(crate) mod stats;
