//! Failures under several servers, under load: the database is killed, stopped, failed over, restored; networks are
//! cut; servers freeze; clocks move. Invariants: no wrong decision, no acknowledged write lost, decisions for keys in
//! use as long as freshness is proven, and recovery without a restart.
//!
//! `max_staleness` is a few seconds here, not a minute: what counts is the length of an outage relative to it.

mod clock;
mod drift;
mod emptied;
mod failover;
mod frozen;
mod hosts;
mod imported;
mod logs;
mod lost_commits;
mod network;
mod outage;
mod partial_restore;
mod partitioned;
mod pooler;
mod restored;
mod revocation;
mod unrelated;
mod unwritable;
mod upgrade;
mod waiting;

use std::time::Duration;

use helpers::support::pass;

/// Time without failures, before and after each one.
const QUIET: Duration = Duration::from_millis(1_500);

/// Time between calls under load.
const PAUSE: Duration = Duration::from_millis(4);

/// Returns the address of a port of this machine.
fn local(port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], port))
}

/// Returns `url` with another address.
fn at(url: &str, address: std::net::SocketAddr) -> String {
    let (before, rest) = url.split_once('@').expect("a URL names a user");
    let (_, database) = rest.split_once('/').expect("a URL names a database");
    format!("{before}@{address}/{database}")
}
