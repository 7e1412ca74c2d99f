//! Coherence: the real `authority`, over a storage that is simulated, so that every delay, loss and crash is chosen.
//!
//! - `model`: the protocol as an explicit state machine, exhaustively; each guard left out yields a counter-example.
//! - `races`: a revocation completes at each await and each step; nothing comes back.
//! - `silence`: who may still decide when nobody names it, exhaustively, with clocks that leap; each guard left out likewise.
//! - `drift`: what is changed by hand is noticed and followed.
//! - `simulate`: thousands of small lives by seed, each replayed by the oracle. `make simulate SEEDS=1000000` for more;
//!   `LATCHKEY_TEST_SEED=n LATCHKEY_TEST_SEEDS=1` replays one.

#[path = "../oracle/mod.rs"]
pub mod oracle;
#[path = "../model/random.rs"]
#[expect(dead_code, clippy::duplicate_mod, reason = "the random numbers serve several suites, each its own part")]
mod random;

mod clock;
mod drift;
mod life;
mod model;
mod races;
mod silence;
mod simulate;
mod storage;
mod sweeping;
mod tables;
