//! The console in a real browser: headless Chromium, controlled by clicks and keys as the integration manager would.
//! Assertions cover what is on the screen; resulting decisions are requested over gRPC.

pub mod chromium;
pub mod tab;

mod attacks;
mod manager;
mod pages;
mod weight;
mod without_scripts;
