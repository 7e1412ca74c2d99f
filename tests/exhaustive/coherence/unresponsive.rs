//! Unresponsive replicas as an explicit state machine, explored exhaustively: a replica that reports and polls, or does
//! not, a writer that reads its report, and storage whose clock can be set. Invariant: once a write is acknowledged
//! without naming the replica, the replica allows nothing from before it.
//!
//! It is a model of `src/authority/liveness.rs` and `freshness.rs`; `simulate` runs those. Removing any guard breaks
//! the promise.

use helpers::hash::StateSet;

/// A mechanism that the promise depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// The time without reports is measured by the writer's own clock, not by storage's.
    OwnClock,
    /// For a replica seen for the first time it counts from then.
    FirstSeen,
    /// It counts from when a report was received, not from when the query was sent.
    Received,
    /// It counts until the query was sent, not until its result was received.
    Sent,
    /// The replica's own setting counts, not the writer's.
    ItsSetting,
    /// A row that has disappeared still counts.
    Lost,
    /// In that case from when it was missed: the replica may have reported until then.
    Missed,
    /// After a partition a report alone proves nothing.
    Poll,
}

/// Parameters of an exploration.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// `max_staleness` of the replica and of the writer.
    settings: (u8, u8),
    leaps: u8,
    restarts: u8,
    losses: u8,
    without: Option<Guard>,
}

/// Time when the exploration ends.
const END: u8 = 4;
/// How far storage's clock leaps.
const LEAP: i8 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    /// Time of writing, which distinguishes it from other rows.
    version: u8,
    /// Time of the report by storage's clock.
    reported: i8,
    applied: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KnownRow {
    row: Row,
    since: i8,
    lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Query {
    No,
    Sent { at: u8, after_write: bool },
    Read { at: u8, after_write: bool, row: Option<Row>, wall: i8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    /// Offset of storage's clock.
    ahead: i8,
    leaps: u8,
    restarts: u8,
    losses: u8,
    polled: u8,
    renewed: u8,
    needs_poll: bool,
    knows: bool,
    row: Option<Row>,
    written: bool,
    acknowledged: bool,
    known_row: Option<KnownRow>,
    query: Query,
}

impl State {
    fn new(shape: &Shape) -> Self {
        let row = Row { version: 0, reported: 0, applied: false };
        Self {
            now: 0,
            ahead: 0,
            leaps: shape.leaps,
            restarts: shape.restarts,
            losses: shape.losses,
            polled: 0,
            renewed: 0,
            needs_poll: false,
            knows: false,
            row: Some(row),
            written: false,
            acknowledged: false,
            // A row that is lost before any writer has seen it is one that no writer can know about.
            known_row: (shape.losses > 0).then_some(KnownRow { row, since: 0, lost: false }),
            query: Query::No,
        }
    }

    fn wall(&self) -> i8 {
        signed(self.now) + self.ahead
    }

    /// Returns whether the replica allows something from before the write although no writer named it.
    fn is_broken(&self, shape: &Shape) -> bool {
        let proven = !self.needs_poll && self.now - self.polled.min(self.renewed) <= shape.settings.0;
        self.acknowledged && !self.knows && proven
    }

    fn successors(&self, shape: &Shape, next: &mut Vec<Self>) {
        let now = self.now;
        if now < END {
            next.push(Self { now: now + 1, ..*self });
        }
        // A partitioned replica does neither.
        let silent = now - self.renewed > shape.settings.0 && shape.without != Some(Guard::Poll);
        let row = Row { version: now, reported: self.wall(), applied: self.knows };
        next.push(Self { row: Some(row), renewed: now, needs_poll: self.needs_poll || silent, ..*self });
        next.push(Self { polled: now, needs_poll: false, knows: self.written, ..*self });
        if self.leaps > 0 {
            next.extend([LEAP, -LEAP].map(|leap| Self { ahead: self.ahead + leap, leaps: self.leaps - 1, ..*self }));
        }
        if self.losses > 0 {
            next.push(Self { row: None, losses: self.losses - 1, ..*self });
        }
        if self.restarts > 0 {
            next.push(Self { known_row: None, query: Query::No, restarts: self.restarts - 1, ..*self });
        }
        next.push(Self { written: true, ..*self });
        if self.acknowledged {
            // The writer has no further steps.
            return;
        }
        next.push(match self.query {
            Query::No => Self { query: Query::Sent { at: now, after_write: self.written }, ..*self },
            Query::Sent { at, after_write } => {
                Self { query: Query::Read { at, after_write, row: self.row, wall: self.wall() }, ..*self }
            }
            Query::Read { at, after_write, row, wall } => {
                let mut after = Self { query: Query::No, ..*self };
                let pending = after.receive(shape, at, row, wall);
                if after_write && !pending {
                    after = Self { acknowledged: true, known_row: None, ..after };
                }
                after
            }
        });
    }

    /// Processes the result of a query; returns whether it names the replica.
    fn receive(&mut self, shape: &Shape, sent: u8, row: Option<Row>, wall: i8) -> bool {
        let without = |guard| shape.without == Some(guard);
        let received = signed(if without(Guard::Received) { sent } else { self.now });
        match (row, &mut self.known_row) {
            (Some(row), Some(known_row)) if known_row.row == row => known_row.lost = false,
            (Some(row), known) => {
                let first = known.is_none() && without(Guard::FirstSeen);
                let since = if first { received - (wall - row.reported).max(0) } else { received };
                *known = Some(KnownRow { row, since, lost: false });
            }
            (None, Some(known_row)) if !known_row.lost => {
                known_row.lost = true;
                known_row.since = if without(Guard::Missed) { known_row.since } else { received };
            }
            (None, _) => {}
        }
        let Some(known_row) = self.known_row.filter(|known_row| !(known_row.lost && without(Guard::Lost))) else {
            return false;
        };
        let until = signed(if without(Guard::Sent) { self.now } else { sent });
        let silence = if without(Guard::OwnClock) { wall - known_row.row.reported } else { until - known_row.since };
        let bound = signed(if without(Guard::ItsSetting) { shape.settings.1 } else { shape.settings.0 });
        (!known_row.row.applied || known_row.lost) && silence <= bound
    }
}

fn signed(number: u8) -> i8 {
    i8::try_from(number).expect("small")
}

/// Returns the number of states, if none breaks the promise.
fn explore(shape: &Shape) -> Result<usize, Box<State>> {
    let first = State::new(shape);
    let (mut visited, mut open, mut next) = (StateSet::from_iter([first]), vec![first], Vec::new());
    while let Some(state) = open.pop() {
        state.successors(shape, &mut next);
        for successor in next.drain(..) {
            if successor.is_broken(shape) {
                return Err(Box::new(successor));
            }
            if visited.insert(successor) {
                open.push(successor);
            }
        }
    }
    Ok(visited.len())
}

fn shapes(without: Option<Guard>) -> Vec<Shape> {
    let shape = |settings, leaps, restarts, losses| Shape { settings, leaps, restarts, losses, without };
    vec![shape((2, 2), 1, 0, 0), shape((2, 2), 1, 1, 0), shape((3, 1), 0, 0, 0), shape((2, 2), 0, 0, 1)]
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was explored, shown with a failure or when asked for")]
fn no_leap_restart_or_loss_hides_a_replica_that_may_still_decide() {
    let mut total = 0;
    for shape in shapes(None) {
        total += explore(&shape).unwrap_or_else(|broken| panic!("{shape:?}\n{broken:#?}"));
    }
    println!("{total} states");
    assert!(total > 100_000, "{total} states are too few to have explored anything");
}

#[track_caller]
fn assert_guard_needed(guard: Guard) {
    let found = shapes(Some(guard)).iter().any(|shape| explore(shape).is_err());
    assert!(found, "without {guard:?} the promise is kept too: it guards nothing, or the model does not see it");
}

#[test]
fn by_storages_clock_a_leap_hides_a_replica() {
    assert_guard_needed(Guard::OwnClock);
}

#[test]
fn by_storages_clock_a_writer_that_was_started_again_takes_a_replica_for_silent() {
    assert_guard_needed(Guard::FirstSeen);
}

#[test]
fn counted_from_the_look_a_report_is_older_than_it_is() {
    assert_guard_needed(Guard::Received);
}

#[test]
fn counted_until_the_answer_a_report_that_came_meanwhile_is_missed() {
    assert_guard_needed(Guard::Sent);
}

#[test]
fn by_the_writers_setting_a_longer_one_is_cut_short() {
    assert_guard_needed(Guard::ItsSetting);
}

#[test]
fn a_row_that_was_lost_hides_a_replica() {
    assert_guard_needed(Guard::Lost);
}

#[test]
fn a_row_that_was_lost_was_perhaps_written_after_it_was_seen() {
    assert_guard_needed(Guard::Missed);
}

#[test]
fn after_a_silence_a_report_alone_lets_a_replica_allow_again() {
    assert_guard_needed(Guard::Poll);
}
