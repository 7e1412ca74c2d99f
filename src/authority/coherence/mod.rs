//! How memory stays coherent with storage: the state that decisions use, the rule that decides whether a cached grant may
//! be used with it, and the order in which a poll is applied. tests/coherence explores it.
//!
//! Pure apart from memory: no task, no waiting, no clock, no I/O. The follower and the callers provide what it needs.

pub(super) mod apply;
mod fingerprints;
mod floors;
pub(super) mod rows;
mod state;
mod steps;
pub(super) mod usability;

pub(super) use self::fingerprints::Fingerprints;
pub(super) use self::state::{Epoch, State};
pub use self::steps::{Step, Steps};
pub(super) use self::usability::{CachedGrant, Usability};
