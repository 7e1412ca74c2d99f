//! The console in a real browser: headless Chromium, controlled by clicks and keys as the integration manager would.
//! Assertions cover what is on the screen; resulting decisions are requested over gRPC.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;
#[path = "../scenarios/test_server.rs"]
pub mod test_server;

pub mod chromium;
pub mod tab;

mod attacks;
mod manager;
mod pages;
mod weight;
mod without_scripts;
