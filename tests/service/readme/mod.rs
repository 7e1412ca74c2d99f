//! The README and the book are correct: the commands and programs in them run here, word by word, with a real server.

pub mod blocks;
pub mod terminal;

mod python_client;
mod walkthrough;
