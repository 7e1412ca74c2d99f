//! Random and exhaustive comparisons: CPU time, no servers.

pub mod coherence;
pub mod deciding;
pub mod model;
