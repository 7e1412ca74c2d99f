//! The oracle: every answer equals the naive answer over the state rebuilt from the audit trail, at the revision that the
//! answer names, and no answer is older than was promised.
//!
//! ```text
//! harness ── begin, authorize, acknowledged, issued ──▶ Recorder ─┐
//! audit trail (ListChanges, or the table `changes`) ──▶ History ──┴─▶ Checker::check ──▶ Report
//! ```
//!
//! A test program takes it in with `#[path = "oracle/mod.rs"] pub mod oracle;` (`pub`, so that the parts it leaves alone
//! are not called dead code). It shares no code with the crate's own deciding. What it holds answers to:
//!
//! - *truth*: verdict, every failed check, store, scope, denied stores, methods, key and secret are the naive ones;
//! - *acknowledged writes*: each is part of the history, and an answer that was asked for after one which every live
//!   replica had applied is at least as new;
//! - *`min_revision`*: no answer is older than was asked for;
//! - *freshness*: no answer is older than the newest write acknowledged `max_staleness` before it was asked for;
//! - *order*: a replica never answers from an older revision than it has answered from before;
//! - *the feed*: no revision is missing in the history.

mod check;
mod history;
#[path = "../model/naive.rs"]
#[expect(clippy::duplicate_mod, reason = "the naive reader serves several suites")]
mod naive;
#[path = "../deciding/naive.rs"]
#[expect(clippy::duplicate_mod, reason = "the naive deciding serves several suites")]
mod naive_decide;
mod record;
mod state;
mod token;

pub use check::{Checker, Report};
pub use history::{COLUMNS, Change, History};
pub use record::{Answer, Begun, Question, Recorder, Records, Told, Verdict};
pub use token::fault as token_fault;
