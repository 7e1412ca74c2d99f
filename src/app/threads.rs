//! Assignment of work to threads, so that no client can block the server's own work.
//!
//! | threads | work |
//! |---|---|
//! | the program's own | following storage, heartbeats, reading grants, storage's connections, signals |
//! | `accept` | accepting connections of the decision port |
//! | `decide-N` | the decision port: short calls ([`crate::serve::WorkerPool`]) |
//! | `long-decide` | the decision port: long calls |
//! | `administer` | the administration port: short calls and pages |
//! | `long-administer` | the administration port: long calls and forms, such as imports |
//! | `operate` | the operations port |

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::{BoundedPool, OVERLOADS, PoolLimits, RefusalObserver, Tasks, Threads};
use crate::telemetry::metrics::Metrics;

/// Limits of long calls on the decision port. Its clients wait for a fraction of a second, so a longer queue would only
/// hold calls that have timed out.
const LONG_DECIDE: PoolLimits = PoolLimits {
    threads: 0,
    calls: 256,
    bytes: 24 * 1024 * 1024,
    queue: Duration::from_secs(1),
    run: Duration::from_secs(5),
};
/// Limits of long calls on the administration port: one import of 64 MiB, and others.
const LONG_ADMINISTER: PoolLimits = PoolLimits {
    threads: 1,
    calls: 32,
    bytes: 96 * 1024 * 1024,
    queue: Duration::from_secs(10),
    run: Duration::from_mins(5),
};
/// Threads for short calls of the administration port.
const ADMINISTER: usize = 2;

/// The threads, except those of the program itself and `decide-N`.
#[derive(Debug)]
pub(super) struct PortThreads {
    pub(super) accept: Threads,
    pub(super) long_decide: BoundedPool,
    pub(super) administer: Threads,
    pub(super) long_administer: BoundedPool,
    pub(super) operate: Threads,
}

impl PortThreads {
    /// Starts the threads. `decision_threads` is the number of threads that decide.
    pub(super) fn start(decision_threads: usize, tasks: &Tasks, metrics: &Arc<Metrics>) -> io::Result<Self> {
        // Half as many as the threads that decide, each of which may need a core at the same time.
        let long_decide = PoolLimits { threads: decision_threads.div_ceil(2).min(4), ..LONG_DECIDE };
        let pool = |name, limits, port| BoundedPool::start(name, limits, tasks, refusal_counter(port, metrics));
        Ok(Self {
            accept: Threads::start("accept", 1)?,
            long_decide: pool("long-decide", long_decide, "decision")?,
            administer: Threads::start("administer", ADMINISTER)?,
            long_administer: pool("long-administer", LONG_ADMINISTER, "administration")?,
            operate: Threads::start("operate", 1)?,
        })
    }
}

/// Returns an observer that counts the refusals of a port's pool.
fn refusal_counter(port: &'static str, metrics: &Arc<Metrics>) -> RefusalObserver {
    // Each series exists from the start.
    for overload in OVERLOADS {
        metrics.overload(port, overload.as_str());
    }
    let metrics = Arc::clone(metrics);
    Arc::new(move |overload| {
        metrics.overload(port, overload.as_str()).inc();
    })
}
