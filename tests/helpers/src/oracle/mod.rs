//! The oracle: every decision equals the naive decision over the state rebuilt from the audit trail, at the revision
//! that it names, and no decision is older than promised.
//!
//! ```text
//! harness ── now, record, record_write, record_token ──▶ Recorder ─┐
//! audit trail (ListChanges, or the table `changes`) ──▶ History ──┴─▶ Checker::check ──▶ Report
//! ```
//!
//! A test program includes it with `#[path = "oracle/mod.rs"] pub mod oracle;` (`pub`, so that unused parts do not
//! count as dead code). It shares no code with the crate's own decisions. What it checks:
//!
//! - *truth*: verdict, every failed check, store, scope, denied stores, methods, key and secret are the naive ones;
//! - *acknowledged writes*: each is part of the history, and a decision requested after one that every live replica had
//!   applied is at least as new;
//! - *`min_revision`*: no decision is older than requested;
//! - *freshness*: no decision is older than the newest write acknowledged `max_staleness` before its request;
//! - *order*: a replica never decides at an older revision than before;
//! - *the feed*: no revision is missing in the history.

mod check;
mod history;
mod record;
mod state;
mod token;

pub use check::{Checker, Report};
pub use history::{CHANGES_QUERY, Change, History};
pub use record::{DecisionRequest, Moment, Outcome, RecordedCall, Recorder, Records, Verdict};
pub use token::format_error as token_format_error;
