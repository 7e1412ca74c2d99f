//! The README and the book are correct: the commands and programs in them run here, word by word, with a real server.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

pub mod blocks;
pub mod terminal;

mod python_client;
mod walkthrough;
