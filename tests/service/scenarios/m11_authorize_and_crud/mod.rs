//! M11: `Authorize(key, method, store)` and the calls that create, read, change and end its data.

mod batch;
mod feed;
mod lifecycle;
mod operators;
mod replicas;
mod revisions;
mod rotation;
mod takeover;
mod usage;
mod writes;
