//! The `latchkey` program: everything it does is in the library.

use std::process::ExitCode;

/// Small allocations on many threads are most of what a server of decisions does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    latchkey::cli::run()
}
