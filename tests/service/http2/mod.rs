//! Connections: effects of hostile, slow and busy peers on a server and on its other clients.

mod attacks;
mod busy;
mod frames;
mod memory_without_a_token;
mod message_splits;
mod server;
mod timeouts;
mod tls;
