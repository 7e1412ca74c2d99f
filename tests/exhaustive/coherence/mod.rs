//! Coherence: the real `authority` over simulated storage, so that every delay, loss and crash is controlled.
//!
//! - `model`: the protocol as an explicit state machine, exhaustively; removing any guard yields a counter-example.
//! - `races`: a revocation completes at each await and each step; revoked access never returns.
//! - `unresponsive`: replicas that may decide without being named, exhaustively, with leaping clocks; guards likewise.
//! - `drift`: changes made by hand are noticed and followed.
//! - `undecided`: calls without a decision name the reason that applies.
//! - `simulate`: thousands of short runs by seed, each replayed by the oracle. `make simulate SEEDS=1000000` for more;
//!   `LATCHKEY_TEST_SEED=n LATCHKEY_TEST_SEEDS=1` replays one.

mod clock;
mod drift;
mod model;
mod races;
mod replica;
mod simulate;
mod storage;
mod sweeping;
mod tables;
mod undecided;
mod unresponsive;
