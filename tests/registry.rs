//! The rules of management, checked with real storage: effects, refusals, responses and stored results of each write.

#[path = "registry/harness.rs"]
#[expect(clippy::unwrap_used, reason = "what fails here fails the test that called it, with its line")]
mod harness;
#[path = "registry/keys.rs"]
mod keys;
#[path = "registry/lists.rs"]
mod lists;
#[path = "registry/operators.rs"]
mod operators;
#[path = "registry/stores.rs"]
mod stores;
#[path = "registry/tokens.rs"]
mod tokens;
#[path = "registry/writes.rs"]
mod writes;
