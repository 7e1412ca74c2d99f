//! The conformance suite of storage: checks what the docs of [`Storage`](latchkey::storage::Storage) and
//! [`Transaction`](latchkey::storage::Transaction) promise, on each engine, through nothing but the two traits.
//!
//! A case is an async function that receives a [`Case`](engine::Case) with its own empty storage. [`for_each_engine`]
//! generates one test per engine from it, so that `cargo test --test storage revision::postgres` works as expected:
//!
//! ```text
//! sqlite      a file in a temporary folder
//! postgres    a database of the throw-away cluster that this process shares
//! pgbouncer   such a database behind a pooler in transaction mode: no session outlives a transaction
//! ```
//!
//! Cases of single engines (files, dying servers, schema versions) are in [`sqlite_files`], [`survival`] and
//! [`schema`].

#[macro_use]
pub mod engine;
pub mod factory;
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
