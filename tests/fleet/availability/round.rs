//! One failure under load, and its results.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::availability::cluster::{CONNECTIONS, HaCluster, MAX_STALENESS};
use crate::availability::failures::{FailureKind, FailureOutcome};
use crate::availability::write_probe::WriteProbe;
use helpers::fleet::ledger::Ledger;
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::now;
use helpers::support::{eventually_async, pass};

/// Time before the failure.
const QUIET: Duration = Duration::from_millis(1_500);
/// Time between calls of one caller.
const PAUSE: Duration = Duration::from_millis(10);
/// Bound for writes to be acknowledged again.
const RECOVERY: Duration = Duration::from_secs(150);

/// Results for each server in the order of [`CONNECTIONS`].
#[derive(Debug)]
pub struct RoundResult {
    kind: FailureKind,
    /// Calls for keys in use with a decision, and without.
    warm: Vec<(usize, usize)>,
    /// The first call without a decision.
    failure: Option<String>,
    /// The longest time without an acknowledged write.
    gaps: Vec<Duration>,
    /// Number of ended keys that the oracle checked with.
    ends: usize,
}

/// Causes a failure under load, and lets the oracle check every decision.
pub async fn run(cluster: &mut HaCluster, what: FailureKind) -> RoundResult {
    cluster.set_synchronous(!what.loses_commits());
    cluster.wait_settled().await;
    cluster.fleet.ledger = Arc::new(Ledger::new(MAX_STALENESS));
    let load = Load::start(&cluster.fleet, 20, 2, PAUSE).await;
    let mut write_probe = WriteProbe::start(&cluster.fleet).await;
    let writers = Writers::start(&cluster.fleet, &[0, 1, 2], 2, Duration::from_millis(100));
    pass(QUIET).await;
    if what.loses_commits() {
        // Around a loss, the history of an acknowledged write cannot be determined.
        let writers = writers.end().await;
        assert!(writers.0 > 0, "keys were ended before");
        write_probe.end().await;
        let outcome = what.inject(cluster).await;
        let write_probe = WriteProbe::start_when_possible(&cluster.fleet, RECOVERY).await;
        return settle(cluster, what, outcome, load, write_probe).await;
    }
    let outcome = what.inject(cluster).await;
    wait_for_writes(&write_probe, now()).await;
    let (done, _) = writers.end().await;
    assert!(done > 0, "keys were ended");
    settle(cluster, what, outcome, load, write_probe).await
}

async fn wait_for_writes(write_probe: &WriteProbe, from: Duration) {
    eventually_async("writes are acknowledged through every server, without a restart", RECOVERY, async || {
        write_probe.since(from).iter().all(|count| *count > 3).then_some(())
    })
    .await;
}

async fn settle(
    cluster: &HaCluster,
    kind: FailureKind,
    outcome: FailureOutcome,
    load: Load,
    mut write_probe: WriteProbe,
) -> RoundResult {
    let FailureOutcome { fault, lost } = outcome;
    wait_for_writes(&write_probe, fault).await;
    let gaps = write_probe.gaps(fault);
    write_probe.end().await;
    cluster.wait_settled().await;
    pass(QUIET).await;
    let tally = load.end().await;
    let warm = (0..CONNECTIONS.len()).map(|at| {
        let failed = tally.failures.iter().filter(|failure| failure.server == at).count();
        (tally.answered[at].len(), failed)
    });
    let warm = warm.collect();
    let failure = tally.failures.first().map(|failure| {
        let after = failure.sent.saturating_sub(fault);
        format!("{}, {after:?} after the fault: {}", CONNECTIONS[failure.server], failure.status)
    });
    cluster.fleet.assert_agrees_after(lost).await;
    let gaps = gaps.into_iter().map(|gap| gap.expect("a write was acknowledged")).collect();
    RoundResult { kind, warm, failure, gaps, ends: cluster.fleet.ledger.ended_count() }
}

impl RoundResult {
    /// Returns all rows as a Markdown table.
    pub fn table(rows: &[Self]) -> String {
        let mut text = format!(
            "| what broke | calls for keys in use | not answered: {0} | {1} | {2} | next write, s: {0} | {1} | {2} | keys ended |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            CONNECTIONS[0], CONNECTIONS[1], CONNECTIONS[2]
        );
        for row in rows {
            let calls: usize = row.warm.iter().map(|(answered, failed)| answered + failed).sum();
            let failed: Vec<_> = row.warm.iter().map(|(_, failed)| failed.to_string()).collect();
            let gaps: Vec<_> = row.gaps.iter().map(|gap| format!("{:.1}", gap.as_secs_f64())).collect();
            let columns = [format!("{:?}", row.kind), calls.to_string(), failed.join(" | "), gaps.join(" | ")];
            text.push_str(&format!("| {} | {} |\n", columns.join(" | "), row.ends));
        }
        text
    }

    /// Asserts that keys in use got decisions, and that several hosts performed no worse than HAProxy.
    pub fn assert_bounds(rows: &[Self]) {
        let failed: usize = rows.iter().flat_map(|row| &row.warm).map(|(_, failed)| failed).sum();
        let all: usize = rows.iter().flat_map(|row| &row.warm).map(|(answered, failed)| answered + failed).sum();
        let failures: Vec<_> = rows.iter().filter_map(|row| row.failure.as_deref()).collect();
        let failures = failures.join("\n");
        assert!(all > 1_000 && failed * 10_000 <= all, "{failed} calls of {all} were not answered:\n{failures}");
        let worse: Vec<_> = rows
            .iter()
            .filter(|row| row.gaps[0] > row.gaps[1].mul_f64(1.5) + Duration::from_secs(5))
            .map(ToString::to_string)
            .collect();
        assert!(worse.is_empty(), "by several hosts writes came back later than by HAProxy:\n{}", worse.join("\n"));
        let refused: Vec<_> =
            rows.iter().filter(|row| row.warm[0].1 > row.warm[1].1 + 2).map(ToString::to_string).collect();
        assert!(refused.is_empty(), "by several hosts more calls failed than by HAProxy:\n{}", refused.join("\n"));
    }
}

impl fmt::Display for RoundResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: answered and not {:?}, next write {:.1?}, {} keys ended",
            self.kind, self.warm, self.gaps, self.ends
        )?;
        self.failure.as_ref().map_or(Ok(()), |failure| write!(f, "; the first: {failure}"))
    }
}
