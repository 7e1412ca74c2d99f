//! The oracle works: a real server's answers pass, and each kind of wrong answer is found.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../oracle/mod.rs"]
pub mod oracle;
#[path = "../support/mod.rs"]
pub mod support;

mod promises;
mod story;
