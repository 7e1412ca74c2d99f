//! Logging of outages: one line when an operation begins to fail, one when it works again, and a count at intervals in
//! between, however often it fails.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::SharedClock;

/// Time between two lines while an operation keeps failing.
const REMINDER_INTERVAL: Duration = Duration::from_secs(30);
/// An outage that begins this soon after the last one ended is part of it: only an outage that lasts this long has
/// lines of its own.
const QUIET_PERIOD: Duration = Duration::from_secs(10);

/// The status of one operation that may fail, such as polling storage.
pub struct Outage {
    what: Cow<'static, str>,
    clock: SharedClock,
    /// Keeps successes cheap as long as nothing has failed.
    failing: AtomicBool,
    state: Mutex<OutageState>,
}

#[derive(Debug, Default)]
struct OutageState {
    running: Option<OngoingOutage>,
    /// When the last logged outage ended.
    ended: Option<Duration>,
    /// Failures that no line has counted yet.
    uncounted: u64,
}

#[derive(Debug)]
struct OngoingOutage {
    began: Duration,
    /// When its last log line was written; `None` before the first.
    logged: Option<Duration>,
    failures: u64,
}

impl Outage {
    /// Creates a tracker. `what` is a noun phrase for the log, such as `polling storage`.
    pub fn new(what: impl Into<Cow<'static, str>>, clock: &SharedClock) -> Self {
        let (what, clock) = (what.into(), SharedClock::clone(clock));
        Self { what, clock, failing: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Records a failure. `cause` is the error with its underlying causes.
    pub fn failed(&self, cause: impl fmt::Display) {
        let now = self.clock.monotonic();
        let cause = cause.to_string();
        let mut state = self.state.lock();
        self.failing.store(true, Ordering::Release);
        let uncounted = std::mem::take(&mut state.uncounted);
        let calm = state.ended.is_none_or(|ended| now.saturating_sub(ended) >= QUIET_PERIOD);
        let new = OngoingOutage { began: now, logged: None, failures: uncounted };
        let running = state.running.get_or_insert(new);
        running.failures += 1;
        match running.logged {
            None if calm => {
                running.logged = Some(now);
                tracing::warn!(cause, failures = running.failures, "{}: failing", self.what);
            }
            Some(logged) if now.saturating_sub(logged) >= REMINDER_INTERVAL => {
                running.logged = Some(now);
                let seconds = now.saturating_sub(running.began).as_secs();
                tracing::warn!(cause, failures = running.failures, seconds, "{}: still failing", self.what);
            }
            _ => {}
        }
    }

    /// Records a success.
    pub fn succeeded(&self) {
        if !self.failing.load(Ordering::Acquire) {
            return;
        }
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        self.failing.store(false, Ordering::Release);
        let Some(running) = state.running.take() else { return };
        if running.logged.is_none() {
            state.uncounted += running.failures;
            return;
        }
        state.ended = Some(now);
        let seconds = now.saturating_sub(running.began).as_secs_f64();
        let seconds = (seconds * 10.0).round() / 10.0;
        tracing::info!(failures = running.failures, seconds, "{}: recovered", self.what);
    }
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").field("what", &self.what).finish_non_exhaustive()
    }
}

/// Formats an error with all its causes in one line. Uses only the first line of each: databases add details below it,
/// such as the values of a row, which must not be logged.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        let line = cause_text.lines().next().unwrap_or_default();
        // Drivers repeat their causes.
        if !text.contains(line) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(line);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    /// Returns the lines logged during `work`, which receives an outage and a way to set its clock.
    fn lines(work: impl FnOnce(&Outage, &dyn Fn(u64))) -> Vec<String> {
        let (log, clock) = (Arc::new(tempfile::tempfile().unwrap()), Arc::new(ManualClock::default()));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let outage = Outage::new("polling storage", &shared);
        let subscriber =
            tracing_subscriber::fmt().with_writer(Arc::clone(&log)).without_time().with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            work(&outage, &|seconds| *clock.0.lock() = Duration::from_secs(seconds));
        });
        let mut text = String::new();
        (&*log).rewind().unwrap();
        (&*log).read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_outage_has_a_line_at_each_end_and_one_every_half_minute() {
        let lines = lines(|outage, at| {
            outage.succeeded();
            for second in 100..175 {
                at(second);
                for _ in 0..1_000 {
                    outage.failed("Connection refused");
                }
            }
            outage.succeeded();
            outage.succeeded();
        });
        let found: Vec<_> = lines.iter().map(|line| line.contains("Connection refused")).collect();
        assert_eq!(found, [true, true, true, false], "{lines:#?}");
        assert!(lines[0].contains("polling storage: failing"), "{lines:#?}");
        assert!(lines[1].contains("still failing") && lines[1].contains("failures=30001"), "{lines:#?}");
        assert!(lines[3].contains("recovered") && lines[3].contains("failures=75000"), "{lines:#?}");
    }

    #[test]
    fn something_that_fails_now_and_then_does_not_fill_the_log() {
        let lines = lines(|outage, at| {
            for second in 100..160 {
                at(second);
                for _ in 0..100 {
                    outage.failed("too many connections");
                    outage.succeeded();
                }
            }
        });
        assert!(lines.len() <= 2 * 7, "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("failures=1000")), "none is forgotten: {lines:#?}");
    }

    #[test]
    fn causes_are_told_once_without_their_details() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Layer(&'static str, #[source] Option<Box<Layer>>);

        let inner = Layer("ERROR: no room\nDETAIL: Key (digest)=(secret)", None);
        let error = Layer("storage is unavailable", Some(Box::new(Layer("db error", Some(Box::new(inner))))));
        assert_eq!(causes(&error), "storage is unavailable: db error: ERROR: no room");
    }
}
