//! Replays recorded decisions against the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::history::History;
use super::record::{Acknowledged, Answer, Records, Told, Verdict};
use super::state::State;

/// Complaints that are kept as text; the rest are counted.
const TOLD: usize = 50;

/// Checks decisions against a history, or several if storage switched to a different one in between.
#[derive(Debug, Clone)]
pub struct Checker {
    eras: Vec<Era>,
    max_staleness: Duration,
    slack: Duration,
    cut_off: BTreeSet<String>,
}

/// A history, and the time when storage had it, by the recorder's monotonic clock.
#[derive(Debug, Clone)]
struct Era {
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
struct Promised(Vec<(Duration, u64)>);

impl Checker {
    /// Creates a checker for `history`. Replicas must not decide from state older than `max_staleness`.
    #[must_use]
    pub fn new(history: History, max_staleness: Duration) -> Self {
        Self {
            eras: vec![Era { history, from: Duration::ZERO, until: Duration::MAX }],
            max_staleness,
            slack: Duration::from_secs(1),
            cut_off: BTreeSet::new(),
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
        self.eras.last_mut().expect("there is a first history").until = at;
        self.eras.push(Era { history, from: at, until: Duration::MAX });
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
    pub fn cut_off(mut self, replica: &str) -> Self {
        self.cut_off.insert(replica.to_owned());
        self
    }

    /// Replays everything.
    #[must_use]
    pub fn check(&self, records: &Records) -> Report {
        let mut outcomes: Vec<Option<Result<(), String>>> = vec![None; records.answers.len()];
        let mut report = Report::default();
        for era in &self.eras {
            era.history.holes().into_iter().for_each(|complaint| report.complain(complaint));
            self.replay(era, records, &mut outcomes);
            report.lost(era, &records.acknowledged);
        }
        for (answer, outcome) in records.answers.iter().zip(outcomes) {
            match outcome {
                Some(Ok(())) => report.agree(answer),
                Some(Err(complaint)) => report.complain(complaint),
                None => report.complain(format!("{}: no history is of its time", describe(answer))),
            }
        }
        for era in &self.eras {
            self.order(era, records, &mut report);
        }
        report
    }

    /// Checks every decision that may belong to `era` and is not correct by another.
    fn replay(&self, era: &Era, records: &Records, outcomes: &mut [Option<Result<(), String>>]) {
        let everywhere = era.promised(&records.acknowledged, true);
        let anywhere = era.promised(&records.acknowledged, false);
        let mut by_revision: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut floors = vec![0; records.answers.len()];
        let mut open: Vec<usize> = Vec::new();
        let head = era.history.head();
        for (at, answer) in records.answers.iter().enumerate() {
            let of_its_time =
                answer.begun.mono <= era.until.saturating_add(self.max_staleness) && answer.ended.mono >= era.from;
            if !of_its_time || outcomes[at] == Some(Ok(())) {
                continue;
            }
            floors[at] = self.floor(answer, &everywhere, &anywhere);
            match answer.revision() {
                Some(revision) if revision > head => {
                    let what = format!("{}: the history ends at r{head}", describe(answer));
                    settle(&mut outcomes[at], Err(what));
                }
                Some(revision) => by_revision.entry(revision).or_default().push(at),
                None => open.push(at),
            }
        }
        let mut state = State::default();
        let mut changes = era.history.changes.as_slice();
        for revision in 0..=head {
            let here = changes.partition_point(|change| change.revision <= revision);
            state.apply(&changes[..here]);
            changes = &changes[here..];
            state.revision = revision;
            for at in by_revision.remove(&revision).unwrap_or_default() {
                let outcome = self.judge(&state, &records.answers[at], records, floors[at]);
                settle(&mut outcomes[at], outcome);
            }
            open.retain(|at| {
                let outcome = self.judge(&state, &records.answers[*at], records, floors[*at]);
                let done = outcome.is_ok();
                if done || revision == head {
                    settle(&mut outcomes[*at], outcome);
                }
                !done
            });
        }
    }

    /// Returns the oldest permitted revision of a decision.
    fn floor(&self, answer: &Answer, everywhere: &Promised, anywhere: &Promised) -> u64 {
        let asked = answer.question.min_revision.unwrap_or_default();
        let fresh = answer.begun.mono.checked_sub(self.max_staleness).map_or(0, |at| anywhere.at(at));
        let live = if self.cut_off.contains(&answer.replica) { 0 } else { everywhere.at(answer.begun.mono) };
        asked.max(fresh).max(live)
    }

    fn judge(&self, state: &State, answer: &Answer, records: &Records, floor: u64) -> Result<(), String> {
        let slack = i64::try_from(self.slack.as_micros()).expect("a short time");
        let (from, until) = (answer.begun.wall.as_micros() - slack, answer.ended.wall.as_micros() + slack);
        let owner = records.tokens.0.get(&answer.question.token);
        let right = state.verdicts(&answer.question, owner, from, until);
        let agrees = match &answer.told {
            Told::Decision(verdict) => right.contains(verdict),
            Told::Allowed { allowed, .. } => right.iter().any(|verdict| verdict.allowed == *allowed),
        };
        if !agrees {
            return Err(format!("{}: right would be {}", describe(answer), one_of(&right)));
        }
        // Refusals by the format of a token do not depend on the state.
        let by_look = right.iter().any(|verdict| verdict.reason == "KEY_MISSING" || verdict.reason == "KEY_MALFORMED");
        if state.revision < floor && !by_look {
            return Err(format!("{}: too old, it must be of r{floor} at least", describe(answer)));
        }
        Ok(())
    }

    /// Checks that a replica never goes back within a history.
    fn order(&self, era: &Era, records: &Records, report: &mut Report) {
        let mut replicas: BTreeMap<&str, Vec<&Answer>> = BTreeMap::new();
        for answer in &records.answers {
            let within = answer.begun.mono >= era.from && answer.ended.mono <= era.until;
            // Shortly after a restore a replica may still decide from before it, with larger revisions.
            let settled = era.from.is_zero() || answer.begun.mono >= era.from.saturating_add(self.max_staleness);
            if within && settled && answer.revision().is_some() && !answer.is_by_look() {
                replicas.entry(&answer.replica).or_default().push(answer);
            }
        }
        for answers in replicas.values_mut() {
            let mut ended = answers.clone();
            ended.sort_by_key(|answer| answer.ended.mono);
            answers.sort_by_key(|answer| answer.begun.mono);
            let mut ended = ended.into_iter().peekable();
            let mut newest = 0;
            for answer in answers {
                while let Some(before) = ended.next_if(|before| before.ended.mono < answer.begun.mono) {
                    newest = newest.max(before.revision().unwrap_or_default());
                }
                if answer.revision().is_some_and(|revision| revision < newest) {
                    report.complain(format!("{}: the replica had answered from r{newest} before", describe(answer)));
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

    fn complain(&mut self, complaint: String) {
        self.wrong += 1;
        if self.complaints.len() < TOLD {
            self.complaints.push(complaint);
        }
    }

    fn agree(&mut self, answer: &Answer) {
        self.right += 1;
        let reason = match &answer.told {
            Told::Decision(verdict) => verdict.reason.as_str(),
            Told::Allowed { allowed: true, .. } => "ALLOWED",
            Told::Allowed { allowed: false, .. } => "REFUSED",
        };
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }

    fn lost(&mut self, era: &Era, acknowledged: &[Acknowledged]) {
        let head = era.history.head();
        for write in acknowledged.iter().filter(|write| era.holds(write.at) && write.revision > head) {
            let revision = write.revision;
            self.complain(format!("r{revision} was acknowledged, and the history ends at r{head}: a write is lost"));
        }
    }
}

impl Era {
    fn holds(&self, at: Duration) -> bool {
        (self.from..self.until).contains(&at)
    }

    fn promised(&self, acknowledged: &[Acknowledged], everywhere: bool) -> Promised {
        let of_it = acknowledged.iter().filter(|write| self.holds(write.at) && (write.everywhere || !everywhere));
        let mut writes: Vec<_> = of_it.map(|write| (write.at, write.revision)).collect();
        writes.sort_unstable();
        let mut newest = 0;
        for write in &mut writes {
            newest = newest.max(write.1);
            write.1 = newest;
        }
        Promised(writes)
    }
}

impl Promised {
    /// Returns the newest revision acknowledged before `at`.
    fn at(&self, at: Duration) -> u64 {
        let before = self.0.partition_point(|(acknowledged, _)| *acknowledged < at);
        before.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

impl Answer {
    fn revision(&self) -> Option<u64> {
        match &self.told {
            Told::Decision(verdict) => Some(verdict.revision),
            Told::Allowed { revision, .. } => *revision,
        }
    }

    fn is_by_look(&self) -> bool {
        super::token::fault(&self.question.token).is_some()
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

fn describe(answer: &Answer) -> String {
    let Answer { replica, question, told, begun, .. } = answer;
    let at = begun.mono;
    match told {
        Told::Decision(verdict) => {
            format!("{replica} at {at:?}: {question:?}: {}", words(verdict))
        }
        Told::Allowed { allowed, revision } => {
            format!("{replica} at {at:?}: {question:?}: allowed {allowed} at {revision:?}")
        }
    }
}

fn one_of(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(words).collect::<Vec<_>>().join(" or ")
}

fn words(verdict: &Verdict) -> String {
    let Verdict { allowed, reason, failed, key, secret, store, scope, denied, methods, within_scope, revision } =
        verdict;
    format!(
        "r{revision} {reason} (allowed {allowed}) {failed:?} key {key:?} {secret:?} store {store:?} scope {scope:?} \
         denied {denied:?} methods {methods:?} within scope {within_scope}"
    )
}
