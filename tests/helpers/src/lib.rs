//! What the test programs and the benchmarks share. The first lines of each module state its purpose.

pub mod calls;
pub mod fleet;
pub mod hash;
pub mod naive;
pub mod naive_decide;
pub mod oracle;
pub mod random;
pub mod support;
pub mod test_server;
