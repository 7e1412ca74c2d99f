//! Random and exhaustive comparisons: CPU time, no servers.

mod coherence;
mod deciding;
mod model;
