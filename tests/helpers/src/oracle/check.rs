//! Replays recorded decisions against the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::history::History;
use super::record::{Acknowledged, Outcome, RecordedCall, Records, Verdict};
use super::state::State;

/// Complaints that are kept as text; the rest are counted.
const MAX_COMPLAINTS: usize = 50;

/// Checks decisions against a history, or several if storage switched to a different one in between.
#[derive(Debug, Clone)]
pub struct Checker {
    periods: Vec<HistoryPeriod>,
    max_staleness: Duration,
    slack: Duration,
    partitioned: BTreeSet<String>,
}

/// A history, and the time when storage had it, by the recorder's monotonic clock.
#[derive(Debug, Clone)]
struct HistoryPeriod {
    history: History,
    from: Duration,
    until: Duration,
}

/// Result of a check.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Number of correct decisions.
    pub right: usize,
    /// How often each reason (`ALLOWED` among them) was correct.
    pub reasons: BTreeMap<String, usize>,
    /// Number of complaints.
    pub wrong: usize,
    /// The first of them as text.
    pub complaints: Vec<String>,
}

/// The newest acknowledged revision at any time.
struct NewestAcknowledged(Vec<(Duration, u64)>);

impl Checker {
    /// Creates a checker for `history`. Replicas must not decide from state older than `max_staleness`.
    #[must_use]
    pub fn new(history: History, max_staleness: Duration) -> Self {
        Self {
            periods: vec![HistoryPeriod { history, from: Duration::ZERO, until: Duration::MAX }],
            max_staleness,
            slack: Duration::from_secs(1),
            partitioned: BTreeSet::new(),
        }
    }

    /// Adds the history that storage had from `at` (by the recorder's monotonic clock) on: it was restored, or lost
    /// commits. No writes may be made around that moment, because the history of their acknowledgement would be
    /// unknown. Decisions may use the earlier history for `max_staleness` longer.
    ///
    /// # Panics
    ///
    /// When a checker has no history at all, which cannot happen.
    #[must_use]
    pub fn then(mut self, at: Duration, history: History) -> Self {
        self.periods.last_mut().expect("there is a first history").until = at;
        self.periods.push(HistoryPeriod { history, from: at, until: Duration::MAX });
        self
    }

    /// Sets the maximum difference between the recorder's time of day and storage's. 1 s unless set.
    #[must_use]
    pub fn slack(mut self, slack: Duration) -> Self {
        self.slack = slack;
        self
    }

    /// Marks a replica that was partitioned or frozen for so long that it did not count as live: writes did not wait
    /// for it, so only freshness is checked.
    #[must_use]
    pub fn partitioned(mut self, replica: &str) -> Self {
        self.partitioned.insert(replica.to_owned());
        self
    }

    /// Replays everything.
    #[must_use]
    pub fn check(&self, records: &Records) -> Report {
        let mut outcomes: Vec<Option<Result<(), String>>> = vec![None; records.calls.len()];
        let mut report = Report::default();
        for period in &self.periods {
            period.history.gaps().into_iter().for_each(|complaint| report.add_complaint(complaint));
            self.replay(period, records, &mut outcomes);
            report.check_lost_writes(period, &records.acknowledged);
        }
        for (call, outcome) in records.calls.iter().zip(outcomes) {
            match outcome {
                Some(Ok(())) => report.add_correct(call),
                Some(Err(complaint)) => report.add_complaint(complaint),
                None => report.add_complaint(format!("{}: no history is of its time", describe(call))),
            }
        }
        for period in &self.periods {
            self.check_order(period, records, &mut report);
        }
        report
    }

    /// Checks every decision that may belong to `period` and is not correct by another.
    fn replay(&self, period: &HistoryPeriod, records: &Records, outcomes: &mut [Option<Result<(), String>>]) {
        let everywhere = period.newest_acknowledged(&records.acknowledged, true);
        let anywhere = period.newest_acknowledged(&records.acknowledged, false);
        let mut by_revision: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut minimums = vec![0; records.calls.len()];
        let mut open: Vec<usize> = Vec::new();
        let head = period.history.latest_revision();
        for (at, call) in records.calls.iter().enumerate() {
            let of_its_time =
                call.sent.mono <= period.until.saturating_add(self.max_staleness) && call.received.mono >= period.from;
            if !of_its_time || outcomes[at] == Some(Ok(())) {
                continue;
            }
            minimums[at] = self.minimum_revision(call, &everywhere, &anywhere);
            match call.revision() {
                Some(revision) if revision > head => {
                    let what = format!("{}: the history ends at r{head}", describe(call));
                    settle(&mut outcomes[at], Err(what));
                }
                Some(revision) => by_revision.entry(revision).or_default().push(at),
                None => open.push(at),
            }
        }
        let mut state = State::default();
        let mut changes = period.history.changes.as_slice();
        for revision in 0..=head {
            let here = changes.partition_point(|change| change.revision <= revision);
            state.apply(&changes[..here]);
            changes = &changes[here..];
            state.revision = revision;
            for at in by_revision.remove(&revision).unwrap_or_default() {
                let outcome = self.check_call(&state, &records.calls[at], records, minimums[at]);
                settle(&mut outcomes[at], outcome);
            }
            open.retain(|at| {
                let outcome = self.check_call(&state, &records.calls[*at], records, minimums[*at]);
                let done = outcome.is_ok();
                if done || revision == head {
                    settle(&mut outcomes[*at], outcome);
                }
                !done
            });
        }
    }

    /// Returns the oldest permitted revision of a decision.
    fn minimum_revision(
        &self,
        call: &RecordedCall,
        everywhere: &NewestAcknowledged,
        anywhere: &NewestAcknowledged,
    ) -> u64 {
        let asked = call.request.min_revision.unwrap_or_default();
        let fresh = call.sent.mono.checked_sub(self.max_staleness).map_or(0, |at| anywhere.at(at));
        let live = if self.partitioned.contains(&call.replica) { 0 } else { everywhere.at(call.sent.mono) };
        asked.max(fresh).max(live)
    }

    fn check_call(&self, state: &State, call: &RecordedCall, records: &Records, minimum: u64) -> Result<(), String> {
        let slack = i64::try_from(self.slack.as_micros()).expect("a short time");
        let (from, until) = (call.sent.wall.as_micros() - slack, call.received.wall.as_micros() + slack);
        let owner = records.tokens.0.get(&call.request.token);
        let right = state.verdicts(&call.request, owner, from, until);
        let agrees = match &call.outcome {
            Outcome::Decision(verdict) => right.contains(verdict),
            Outcome::Allowed { allowed, .. } => right.iter().any(|verdict| verdict.allowed == *allowed),
        };
        if !agrees {
            return Err(format!("{}: right would be {}", describe(call), join_verdicts(&right)));
        }
        // Refusals by the format of a token do not depend on the state.
        let by_format =
            right.iter().any(|verdict| verdict.reason == "KEY_MISSING" || verdict.reason == "KEY_MALFORMED");
        if state.revision < minimum && !by_format {
            return Err(format!("{}: too old, it must be of r{minimum} at least", describe(call)));
        }
        Ok(())
    }

    /// Checks that a replica never goes back within a history.
    fn check_order(&self, period: &HistoryPeriod, records: &Records, report: &mut Report) {
        let mut replicas: BTreeMap<&str, Vec<&RecordedCall>> = BTreeMap::new();
        for call in &records.calls {
            let within = call.sent.mono >= period.from && call.received.mono <= period.until;
            // Shortly after a restore a replica may still decide from before it, with larger revisions.
            let settled = period.from.is_zero() || call.sent.mono >= period.from.saturating_add(self.max_staleness);
            if within && settled && call.revision().is_some() && !call.is_refused_by_format() {
                replicas.entry(&call.replica).or_default().push(call);
            }
        }
        for calls in replicas.values_mut() {
            let mut ended = calls.clone();
            ended.sort_by_key(|call| call.received.mono);
            calls.sort_by_key(|call| call.sent.mono);
            let mut ended = ended.into_iter().peekable();
            let mut newest = 0;
            for call in calls {
                while let Some(before) = ended.next_if(|before| before.received.mono < call.sent.mono) {
                    newest = newest.max(before.revision().unwrap_or_default());
                }
                if call.revision().is_some_and(|revision| revision < newest) {
                    report.add_complaint(format!("{}: the replica had answered from r{newest} before", describe(call)));
                }
            }
        }
    }
}

impl Report {
    /// Fails with the complaints, if there are any, or if too few decisions were checked to mean anything.
    ///
    /// # Panics
    ///
    /// In those cases.
    pub fn assert_clean(&self, at_least: usize) {
        assert!(self.wrong == 0, "{} complaint(s), {} right:\n{}", self.wrong, self.right, self.complaints.join("\n"));
        assert!(self.right >= at_least, "only {} answers were checked, not {at_least}", self.right);
    }

    fn add_complaint(&mut self, complaint: String) {
        self.wrong += 1;
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint);
        }
    }

    fn add_correct(&mut self, call: &RecordedCall) {
        self.right += 1;
        let reason = match &call.outcome {
            Outcome::Decision(verdict) => verdict.reason.as_str(),
            Outcome::Allowed { allowed: true, .. } => "ALLOWED",
            Outcome::Allowed { allowed: false, .. } => "REFUSED",
        };
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }

    fn check_lost_writes(&mut self, period: &HistoryPeriod, acknowledged: &[Acknowledged]) {
        let head = period.history.latest_revision();
        for write in acknowledged.iter().filter(|write| period.contains(write.at) && write.revision > head) {
            let revision = write.revision;
            self.add_complaint(format!(
                "r{revision} was acknowledged, and the history ends at r{head}: a write is lost"
            ));
        }
    }
}

impl HistoryPeriod {
    fn contains(&self, at: Duration) -> bool {
        (self.from..self.until).contains(&at)
    }

    fn newest_acknowledged(&self, acknowledged: &[Acknowledged], everywhere: bool) -> NewestAcknowledged {
        let of_it = acknowledged.iter().filter(|write| self.contains(write.at) && (write.everywhere || !everywhere));
        let mut writes: Vec<_> = of_it.map(|write| (write.at, write.revision)).collect();
        writes.sort_unstable();
        let mut newest = 0;
        for write in &mut writes {
            newest = newest.max(write.1);
            write.1 = newest;
        }
        NewestAcknowledged(writes)
    }
}

impl NewestAcknowledged {
    /// Returns the newest revision acknowledged before `at`.
    fn at(&self, at: Duration) -> u64 {
        let before = self.0.partition_point(|(acknowledged, _)| *acknowledged < at);
        before.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

impl RecordedCall {
    fn revision(&self) -> Option<u64> {
        match &self.outcome {
            Outcome::Decision(verdict) => Some(verdict.revision),
            Outcome::Allowed { revision, .. } => *revision,
        }
    }

    fn is_refused_by_format(&self) -> bool {
        super::token::format_error(&self.request.token).is_some()
    }
}

/// Keeps a correct result by any history; otherwise reports the complaints of all.
fn settle(settled: &mut Option<Result<(), String>>, outcome: Result<(), String>) {
    *settled = Some(match (settled.take(), outcome) {
        (Some(Err(first)), Err(second)) => Err(format!("{first}; by another history: {second}")),
        (Some(Ok(())), _) | (_, Ok(())) => Ok(()),
        (None, outcome) => outcome,
    });
}

fn describe(call: &RecordedCall) -> String {
    let RecordedCall { replica, request, outcome, sent, .. } = call;
    let at = sent.mono;
    match outcome {
        Outcome::Decision(verdict) => {
            format!("{replica} at {at:?}: {request:?}: {}", format_verdict(verdict))
        }
        Outcome::Allowed { allowed, revision } => {
            format!("{replica} at {at:?}: {request:?}: allowed {allowed} at {revision:?}")
        }
    }
}

fn join_verdicts(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(format_verdict).collect::<Vec<_>>().join(" or ")
}

fn format_verdict(verdict: &Verdict) -> String {
    let Verdict { allowed, reason, failed, key, secret, store, scope, denied, methods, within_scope, revision } =
        verdict;
    format!(
        "r{revision} {reason} (allowed {allowed}) {failed:?} key {key:?} {secret:?} store {store:?} scope {scope:?} \
         denied {denied:?} methods {methods:?} within scope {within_scope}"
    )
}
