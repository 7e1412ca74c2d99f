//! One failure under load, and its results.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::breaking::{Breaking, Broken};
use crate::fleet::ledger::Ledger;
use crate::fleet::load::{Load, Writers};
use crate::fleet::now;
use crate::rig::{MAX_STALENESS, Rig, WAYS};
use crate::support::{eventually_async, pass};
use crate::writing::Writing;

/// Time before the failure.
const CALM: Duration = Duration::from_millis(1_500);
/// Time between calls of one caller.
const PAUSE: Duration = Duration::from_millis(10);
/// Bound for writes to be acknowledged again.
const RECOVERY: Duration = Duration::from_secs(150);

/// Results for each server in the order of [`WAYS`].
#[derive(Debug)]
pub struct Row {
    broke: Breaking,
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
pub async fn play(rig: &mut Rig, what: Breaking) -> Row {
    rig.set_synchronous(!what.loses());
    rig.settled().await;
    rig.fleet.ledger = Arc::new(Ledger::new(MAX_STALENESS));
    let load = Load::begin(&rig.fleet, 20, 2, PAUSE).await;
    let mut writing = Writing::begin(&rig.fleet).await;
    let writers = Writers::begin(&rig.fleet, &[0, 1, 2], 2, Duration::from_millis(100));
    pass(CALM).await;
    if what.loses() {
        // Around a loss, the history of an acknowledged write cannot be determined.
        let writers = writers.end().await;
        assert!(writers.0 > 0, "keys were ended before");
        writing.end().await;
        let broken = what.happen(rig).await;
        let writing = Writing::begin_when_possible(&rig.fleet, RECOVERY).await;
        return settle(rig, what, broken, load, writing).await;
    }
    let broken = what.happen(rig).await;
    wait_for_writes(&writing, now()).await;
    let (done, _) = writers.end().await;
    assert!(done > 0, "keys were ended");
    settle(rig, what, broken, load, writing).await
}

async fn wait_for_writes(writing: &Writing, from: Duration) {
    eventually_async("writes are acknowledged through every server, without a restart", RECOVERY, async || {
        writing.since(from).iter().all(|count| *count > 3).then_some(())
    })
    .await;
}

async fn settle(rig: &Rig, broke: Breaking, broken: Broken, load: Load, mut writing: Writing) -> Row {
    let Broken { fault, lost } = broken;
    wait_for_writes(&writing, fault).await;
    let gaps = writing.gaps(fault);
    writing.end().await;
    rig.settled().await;
    pass(CALM).await;
    let tally = load.end().await;
    let warm = (0..WAYS.len()).map(|at| {
        let failed = tally.failures.iter().filter(|failure| failure.server == at).count();
        (tally.answered[at].len(), failed)
    });
    let warm = warm.collect();
    let failure = tally.failures.first().map(|failure| {
        let after = failure.sent.saturating_sub(fault);
        format!("{}, {after:?} after the fault: {}", WAYS[failure.server], failure.status)
    });
    rig.fleet.agrees_after(lost).await;
    let gaps = gaps.into_iter().map(|gap| gap.expect("a write was acknowledged")).collect();
    Row { broke, warm, failure, gaps, ends: rig.fleet.ledger.ends() }
}

impl Row {
    /// Returns all rows as a Markdown table.
    pub fn table(rows: &[Self]) -> String {
        let mut text = format!(
            "| what broke | calls for keys in use | not answered: {0} | {1} | {2} | next write, s: {0} | {1} | {2} | keys ended |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            WAYS[0], WAYS[1], WAYS[2]
        );
        for row in rows {
            let calls: usize = row.warm.iter().map(|(answered, failed)| answered + failed).sum();
            let failed: Vec<_> = row.warm.iter().map(|(_, failed)| failed.to_string()).collect();
            let gaps: Vec<_> = row.gaps.iter().map(|gap| format!("{:.1}", gap.as_secs_f64())).collect();
            let columns = [format!("{:?}", row.broke), calls.to_string(), failed.join(" | "), gaps.join(" | ")];
            text.push_str(&format!("| {} | {} |\n", columns.join(" | "), row.ends));
        }
        text
    }

    /// Asserts that keys in use got decisions, and that several hosts performed no worse than HAProxy.
    pub fn judge(rows: &[Self]) {
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

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: answered and not {:?}, next write {:.1?}, {} keys ended",
            self.broke, self.warm, self.gaps, self.ends
        )?;
        self.failure.as_ref().map_or(Ok(()), |failure| write!(f, "; the first: {failure}"))
    }
}
