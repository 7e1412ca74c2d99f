//! The `latchkey` program: a wrapper of the library.

use std::process::ExitCode;

/// A decision server mostly makes small allocations on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    latchkey::cli::run()
}
