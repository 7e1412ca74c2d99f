//! The rules of management, checked with real storage: effects, refusals, responses and stored results of each write.

mod harness;
mod keys;
mod lists;
mod operators;
mod stores;
mod tokens;
mod writes;
