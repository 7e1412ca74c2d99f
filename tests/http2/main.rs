//! Connections: what a hostile peer, a slow one and a busy one can do to a server and to whoever else it serves.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

mod attacks;
mod busy;
mod cut;
mod frames;
mod house;
mod memory_without_a_token;
mod patience;
mod tls;
