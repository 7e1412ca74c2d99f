//! The README and the book are true: the commands and programs that they show run here, word by word, against a real
//! server.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

pub mod blocks;
pub mod desk;

mod python_client;
mod walkthrough;
