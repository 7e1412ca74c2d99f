//! How memory stays coherent with storage: the state that decisions use, the rule that decides whether a cached grant may
//! be used with it, and the order in which a poll is applied. tests/exhaustive/coherence explores it.
//!
//! Pure apart from memory: no task, no waiting, no clock, no I/O. The follower and the callers provide what it needs.

pub(super) mod apply;
mod fingerprints;
pub(super) mod row_hashes;
mod state;
mod step_hook;
pub(super) mod usability;
mod watermarks;

pub(super) use self::fingerprints::Fingerprints;
pub(super) use self::state::{Epoch, REMEMBERED, RecentCursors, State};
pub use self::step_hook::{ApplyStep, StepHook};
pub(super) use self::usability::{CachedGrant, Usability};
