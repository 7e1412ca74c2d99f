//! The oracle works: decisions of a real server pass, and each kind of wrong decision is found.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../oracle/mod.rs"]
pub mod oracle;
#[path = "../support/mod.rs"]
pub mod support;

mod promises;
mod recorded_run;
