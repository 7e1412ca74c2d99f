//! The protocol as an explicit state machine, explored exhaustively: every script of a few changes, committed, lost to
//! a restore, polled, applied, read, cached and used in every order. One key K (open or closed) and one store S (on or
//! off): every decision must equal K and S at the World that it names, and be as new as promised when it began.
//!
//! It is a model of `src/authority` without its code; `simulate` and `races` run that. With every guard no order of
//! events breaks the promises. Without any one guard some order does, and the test named after it finds it.

mod machine;

use helpers::hash::StateSet;

use machine::{Change, Guard, Shape, State};

/// Result of an exploration.
enum Explored {
    /// Every reachable state keeps the promises.
    Kept { states: usize },
    /// A state breaks a promise; the path to it.
    Broken(Vec<State>),
}

/// Explores all reachable states.
fn explore(shape: &Shape) -> Explored {
    let first = State::new();
    let mut states = vec![(first, 0)];
    let mut seen = StateSet::from_iter([first]);
    let mut at = 0;
    let mut next = Vec::new();
    while at < states.len() {
        let state = states[at].0;
        state.successors(shape, &mut next);
        for successor in next.drain(..) {
            if successor.broken {
                let mut trace = vec![successor];
                let mut from = at;
                while from > 0 {
                    trace.push(states[from].0);
                    from = states[from].1;
                }
                trace.reverse();
                return Explored::Broken(trace);
            }
            if seen.insert(successor) {
                states.push((successor, at));
            }
        }
        at += 1;
    }
    Explored::Kept { states: states.len() }
}

/// Returns every script of `length` changes.
fn scripts(length: usize) -> Vec<Vec<Change>> {
    let mut scripts = vec![Vec::new()];
    for _ in 0..length {
        let longer = |script: &Vec<Change>| {
            [Change::Key, Change::Store, Change::Other].map(|change| [script.as_slice(), &[change]].concat())
        };
        scripts = scripts.iter().flat_map(longer).collect();
    }
    scripts
}

/// Returns the shapes: three changes and every cache; two replicas whose writes wait for both; restored storage.
fn shapes(without: Option<Guard>) -> Vec<Shape> {
    let shape = |script, replicas, restores, decisions| Shape { script, replicas, restores, decisions, without };
    let mut shapes: Vec<Shape> = scripts(2).into_iter().map(|script| shape(script, 1, 1, 2)).collect();
    // A lost history that is overtaken without a change of the key, after a change of it.
    shapes.push(shape(vec![Change::Key, Change::Other, Change::Other], 1, 1, 2));
    shapes.extend(scripts(2).into_iter().map(|script| shape(script, 2, 0, 1)));
    shapes.extend(scripts(3).into_iter().map(|script| shape(script, 1, 0, 2)));
    shapes
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was explored, shown with a failure or when asked for")]
fn with_every_guard_no_order_of_events_breaks_a_promise() {
    let mut total = 0;
    for shape in shapes(None) {
        match explore(&shape) {
            Explored::Kept { states } => total += states,
            Explored::Broken(trace) => panic!("{shape:?}\n{trace:#?}"),
        }
    }
    println!("{total} states");
    assert!(total > 100_000, "{total} states are too few to have explored anything");
}

#[track_caller]
fn assert_guard_needed(guard: Guard) {
    let found = shapes(Some(guard)).into_iter().any(|shape| matches!(explore(&shape), Explored::Broken(_)));
    assert!(found, "without {guard:?} everything is kept too: it guards nothing, or the model does not see it");
}

#[test]
fn without_floors_a_change_of_a_key_is_missed() {
    assert_guard_needed(Guard::Floor);
}

#[test]
fn without_waiting_for_the_world_a_grant_is_judged_by_an_older_one() {
    assert_guard_needed(Guard::Ahead);
}

#[test]
fn without_floors_before_the_world_a_new_world_meets_an_old_grant() {
    assert_guard_needed(Guard::Order);
}

#[test]
fn without_asking_again_after_a_read_a_late_answer_is_used() {
    assert_guard_needed(Guard::Recheck);
}

#[test]
fn without_the_nonce_of_a_read_two_pasts_are_mixed() {
    assert_guard_needed(Guard::Lineage);
}

#[test]
fn without_epochs_grants_of_a_lost_past_are_used() {
    assert_guard_needed(Guard::Epoch);
}

#[test]
fn without_floors_of_their_own_a_decision_of_the_old_epoch_loses_its_floor() {
    assert_guard_needed(Guard::OwnFloors);
}

#[test]
fn without_the_nonce_of_the_cursor_a_lost_past_is_followed_on() {
    assert_guard_needed(Guard::Gap);
}

#[test]
fn without_reporting_last_a_write_is_acknowledged_too_early() {
    assert_guard_needed(Guard::ReportLast);
}
