//! Connections: effects of hostile, slow and busy peers on a server and on its other clients.

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
