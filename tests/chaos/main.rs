//! Breaking what several servers stand on, under load: the database killed, stopped, failed over, restored; networks cut;
//! servers frozen; clocks moved. What must hold throughout: no wrong answer, no acknowledged write lost, keys in use
//! answered for as long as freshness is proven, and recovery without a restart.
//!
//! `max_staleness` is a few seconds here, not a minute: what is proven is how an outage compares with it.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../fleet/mod.rs"]
pub mod fleet;
#[path = "../oracle/mod.rs"]
pub mod oracle;
#[path = "../support/mod.rs"]
pub mod support;

mod away;
mod clock;
mod cut_off;
mod drift;
mod emptied;
mod failover;
mod frozen;
mod hosts;
mod imported;
mod logs;
mod lost;
mod network;
mod pooler;
mod restored;
mod revocation;
mod unrelated;
mod unwritable;
mod upgrade;
mod waiting;
mod whole;

use std::time::Duration;

use support::pass;

/// Time in which nothing is broken, before and after something is.
const CALM: Duration = Duration::from_millis(1_500);

/// For calls between those under load.
const PAUSE: Duration = Duration::from_millis(4);

/// A port of this machine.
fn local(port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], port))
}

/// `url`, reached at another address.
fn at(url: &str, address: std::net::SocketAddr) -> String {
    let (before, rest) = url.split_once('@').expect("a URL names a user");
    let (_, database) = rest.split_once('/').expect("a URL names a database");
    format!("{before}@{address}/{database}")
}
