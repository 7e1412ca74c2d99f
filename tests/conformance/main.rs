//! The conformance suite of storage: what the comments of [`Storage`](latchkey::storage::Storage) and
//! [`Transaction`](latchkey::storage::Transaction) promise, asked of each engine through nothing but the two traits.
//!
//! A case is one async function from a [`Case`](engine::Case), which holds an empty storage of its own, to nothing. [`for_each_engine`]
//! makes one test of it per engine, so that `cargo test --test conformance revision::postgres` runs what it says:
//!
//! ```text
//! sqlite      a file in a temporary folder
//! postgres    a database of the throw-away cluster that this process shares
//! pgbouncer   such a database behind a pooler in transaction mode: no session outlives a transaction
//! ```
//!
//! What only one engine has (files, a server that dies, the versions of a schema) stands in modules of its own: [`sqlite_files`],
//! [`survival`] and [`schema`].

#[path = "../support/mod.rs"]
pub mod support;

#[macro_use]
pub mod engine;
pub mod make;
pub mod model;
pub mod write;

mod deleting;
mod following;
mod grants;
mod idempotency;
mod imports;
mod key_filters;
mod lists;
mod long_lists;
mod missing;
mod operators;
mod paging;
mod polling;
mod replicas;
mod revisions;
mod rollback;
mod roundtrip;
mod schema;
mod secrets;
mod sessions;
mod sqlite_files;
mod survival;
mod text;
mod uniqueness;
mod usage;
mod users;
mod writers;
