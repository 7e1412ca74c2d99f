//! The `latchkey` executable.
fn main() {}
