//! The README is true: what it tells a newcomer to type is typed here, word by word, against a real server.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

pub mod blocks;
pub mod desk;

mod python_client;
mod walkthrough;
