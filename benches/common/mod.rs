//! What the benchmarks share: data sets, CPU time, figures and the page they are written to.
//!
//! Each benchmark is a program of its own, run by `cargo bench` (or `make bench`); it replaces its own section of
//! benches/RESULTS.md. Started in any other way, or with `--quick`, it runs a small version of itself and writes nothing.

pub mod cpu;
pub mod data;
pub mod report;
pub mod stats;

/// Whether this is the real thing: run by `cargo bench`, and not asked to be quick.
#[must_use]
pub fn in_earnest() -> bool {
    let mut arguments = std::env::args().skip(1);
    let mut bench = false;
    arguments.all(|argument| {
        bench |= argument == "--bench";
        argument != "--quick"
    }) && bench
}
