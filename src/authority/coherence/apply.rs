//! Applies a poll to memory, step by step. Coherence depends on the order; ARCHITECTURE.md, "Coherence", explains why.

use std::sync::Arc;

use super::row_hashes::{self, RowHashes};
use super::state::State;
use super::step_hook::{ApplyStep, StepHook};
use crate::model::change::{Action, Revision, SubjectKind};
use crate::model::token::Digest;
use crate::model::world::{MethodTable, OperatorTable, StoreTable, World};
use crate::storage::Poll;

/// The actions after which a poll no longer reads the row of a store or an operator; no write removes one of a method.
const REMOVING: [Action; 2] = [Action::Delete, Action::Revoke];

/// What a poll is applied to, in addition to the epoch of its state.
pub(in crate::authority) trait Memory {
    /// Adds the digests of new secrets to the fingerprints.
    fn list(&self, digests: &[Digest]);

    /// Replaces the state.
    fn swap(&self, state: State);

    /// Adds the changes to the recent history.
    fn remember(&self, poll: &mut Poll);

    /// Starts to read the grant of a digest again, if it is cached.
    fn refresh(&self, digest: Digest);

    /// Publishes the applied revision.
    fn applied(&self, revision: Revision);
}

/// Returns the table, among those a poll read, that lacks rows which were present before and which no change removed: a
/// restore that works table by table has brought the revisions, but not yet the rest.
pub(in crate::authority) fn incomplete_table(state: &State, poll: &Poll) -> Option<&'static str> {
    let removed = |kind: SubjectKind, name: &String| {
        // A change that only updates a row explains nothing: the row would still be there.
        let removes = |action: &str| REMOVING.iter().any(|removing| removing.as_str() == action);
        poll.subjects.iter().any(|(_, of, id, action)| of == kind.as_str() && id == name && removes(action))
    };
    let rows = rows_after(&state.rows, poll);
    let kinds = [SubjectKind::Store, SubjectKind::Method, SubjectKind::Operator];
    for ((kind, (table, held)), (_, stored)) in kinds.into_iter().zip(state.rows.tables()).zip(rows.tables()) {
        let was_read = !Arc::ptr_eq(held, stored);
        if was_read && held.keys().any(|name| !stored.contains_key(name) && !removed(kind, name)) {
            return Some(table);
        }
    }
    if let Some(missing) = poll.incomplete_tables.first() {
        return Some(missing.table);
    }
    // Each key has at least one secret, which no write removes.
    (!poll.overflow && poll.digests.len() < poll.keys.len()).then_some("secrets")
}

/// Returns the hashes of the rows once `poll` is applied; those of tables that it did not read are shared.
fn rows_after(held: &RowHashes, poll: &Poll) -> RowHashes {
    RowHashes {
        stores: next(&held.stores, poll.stores.as_deref().map(row_hashes::hash_stores)),
        methods: next(&held.methods, poll.methods.as_deref().map(row_hashes::hash_methods)),
        operators: next(&held.operators, poll.operators.as_deref().map(row_hashes::hash_operators)),
    }
}

/// Returns what was read, or else what is held.
fn next<T>(held: &Arc<T>, read: Option<T>) -> Arc<T> {
    read.map_or_else(|| Arc::clone(held), Arc::new)
}

/// Applies the result of a poll, in this order: fingerprints, watermarks and history, World, refresh.
pub(in crate::authority) fn apply(
    memory: &impl Memory,
    hook: &StepHook,
    state: &State,
    mut poll: Poll,
) -> Result<(), String> {
    if poll.revisions.is_empty() {
        return Ok(());
    }
    let world = &state.world;
    let rows = rows_after(&state.rows, &poll);
    let methods = poll.methods.take().map(MethodTable::new).transpose().map_err(|error| error.to_string())?;
    let world = World {
        cursor: poll.head,
        stores: next(&world.stores, poll.stores.take().map(StoreTable::new)),
        methods: next(&world.methods, methods),
        operators: next(&world.operators, poll.operators.take().map(OperatorTable::new)),
    };
    memory.list(&poll.digests);
    hook.completed(ApplyStep::Fingerprints);
    if poll.overflow {
        state.epoch.watermarks.raise_all(poll.head.revision);
    } else {
        state.epoch.watermarks.raise(&poll.keys);
    }
    state.epoch.extend(&poll.revisions);
    hook.completed(ApplyStep::Watermarks);
    memory.swap(State { world, rows, epoch: Arc::clone(&state.epoch) });
    hook.completed(ApplyStep::World);
    memory.remember(&mut poll);
    // Refreshed, not evicted: a key in use must not cost its next caller a read because its name was edited.
    if !poll.overflow {
        for digest in poll.digests {
            memory.refresh(digest);
        }
    }
    hook.completed(ApplyStep::Refresh);
    memory.applied(poll.head.revision);
    hook.completed(ApplyStep::Applied);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::authority::coherence::state::Epoch;
    use crate::authority::coherence::usability::tests::{cursor, state};
    use crate::model::change::Cursor;
    use crate::model::id::KeyId;
    use crate::model::time::Timestamp;

    /// Notes each call, and what it makes visible in the epoch.
    struct Recorded {
        epoch: Arc<Epoch>,
        key: KeyId,
        head: Cursor,
        calls: RefCell<Vec<String>>,
    }

    impl Recorded {
        fn note(&self, call: &str) {
            let (watermark, known) = (self.epoch.watermarks.watermark(self.key).0, self.epoch.has(self.head));
            self.calls.borrow_mut().push(format!("{call} {watermark} {known}"));
        }
    }

    impl Memory for Recorded {
        fn list(&self, digests: &[Digest]) {
            self.note(&format!("list {}", digests.len()));
        }

        fn swap(&self, state: State) {
            assert!(Arc::ptr_eq(&state.epoch, &self.epoch), "a poll stays in its epoch");
            self.note(&format!("swap {}", state.world.revision().0));
        }

        fn remember(&self, poll: &mut Poll) {
            self.note(&format!("remember {} {}", poll.revisions.len(), poll.overflow));
        }

        fn refresh(&self, _: Digest) {
            self.note("refresh");
        }

        fn applied(&self, revision: Revision) {
            self.note(&format!("applied {}", revision.0));
        }
    }

    /// Returns a poll with revision 6, which changed nothing.
    fn poll() -> Poll {
        Poll { head: cursor(6), continuous: true, revisions: vec![cursor(6)], ..Poll::default() }
    }

    /// Returns the calls of applying revision 6, which changed a key with one secret, to revision 5.
    fn calls(overflow: bool) -> Vec<String> {
        let key = KeyId::new(Timestamp::EPOCH, [1; 10]);
        let epoch = Arc::new(Epoch::new(1, cursor(5)));
        let poll = Poll { overflow, keys: vec![(key, Revision(6))], digests: vec![Digest::of(b"token")], ..poll() };
        let state = state(&epoch, 5);
        let memory = Recorded { epoch, key, head: cursor(6), calls: RefCell::default() };
        apply(&memory, &StepHook::default(), &state, poll).unwrap();
        memory.calls.into_inner()
    }

    #[test]
    fn a_row_is_missing_unless_a_change_removed_it() {
        let rows = RowHashes { stores: Arc::new([("a".to_owned(), 1)].into()), ..RowHashes::default() };
        let state = State { rows, ..state(&Arc::new(Epoch::new(1, cursor(5))), 5) };
        let without = |subjects: &[(&str, &str, &str)]| {
            let subject = |(kind, id, action): &(&str, &str, &str)| {
                (Revision(6), (*kind).to_owned(), (*id).to_owned(), (*action).to_owned())
            };
            incomplete_table(
                &state,
                &Poll { subjects: subjects.iter().map(subject).collect(), stores: Some(Vec::new()), ..poll() },
            )
        };
        assert_eq!(without(&[("store", "a", "delete")]), None);
        for explains_nothing in [("store", "a", "update"), ("store", "b", "delete"), ("method", "a", "delete")] {
            assert_eq!(without(&[explains_nothing]), Some("stores"), "{explains_nothing:?}");
        }
        assert_eq!(incomplete_table(&state, &poll()), None, "stores were not read");
    }

    #[test]
    fn watermarks_and_history_come_after_the_fingerprints_and_before_the_world() {
        let order =
            ["list 1 0 false", "swap 6 6 true", "remember 1 false 6 true", "refresh 6 true", "applied 6 6 true"];
        assert_eq!(calls(false), order);
    }

    #[test]
    fn an_overflow_blocks_every_grant_and_refreshes_none() {
        let order = ["list 1 0 false", "swap 6 6 true", "remember 1 true 6 true", "applied 6 6 true"];
        assert_eq!(calls(true), order);
    }
}
