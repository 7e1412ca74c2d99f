//! A desk: what one data thread has of an authority for itself, so that threads do not wait for each other.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::find::{Found, look_at};
use super::grants::{CachedGrant, Usability};
use super::state::State;
use super::usage::Usage;
use super::{Authority, Undecided};
use crate::model::change::Cursor;
use crate::model::token::Digest;

/// Grants in the table. With what they point to they stay within a core's own cache for the keys that are asked for most.
const SLOTS: usize = 4_096;
/// Places of the table that a digest may have.
const WAYS: usize = 2;
/// Calls of one thread that may wait for a read of storage; what comes beyond is refused at once.
const MAX_WAITING: usize = 1_024;
/// What is longer than this, in bytes, is not read on a data thread but handed over: see [`Authority::hand_over`].
pub const LONG_CALL: usize = 16 * 1024;
/// One hit in so many is told to the shared cache, so that it does not take the keys that are used most for unused.
const TELL: u32 = 64;

/// What one data thread has for itself.
pub(super) struct Desk {
    /// Locked by its own thread; by another only for the rare call that was handed over.
    table: Mutex<Table>,
    pub(super) waiting: Semaphore,
    pub(super) usage: Usage,
}

/// Grants that were used lately. Small and simple: it forgets whenever it likes, since `grants` has them too.
struct Table {
    /// Sets of [`WAYS`] neighbours, the one used last first.
    slots: Box<[Slot]>,
    /// Keeps outsiders from choosing where their digests fall.
    key: u64,
    hits: u32,
}

/// A place of the table.
type Slot = Option<(Digest, Arc<CachedGrant>)>;

/// What a table has to say.
pub(super) enum Recent {
    /// A grant that may be used, and whether the shared cache should hear of it.
    Grant(Arc<CachedGrant>, bool),
    /// None.
    None,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Authority {
    /// The same authority for one data thread, which is to be the only one that decides by it: it has a small cache and
    /// counts of its own, and only so many of its calls may wait.
    #[must_use]
    pub fn at_desk(&self) -> Self {
        let desk = Arc::new(Desk::new(self.inner.grants.hash_key()));
        self.inner.desks.lock().push(Arc::clone(&desk));
        Self { inner: Arc::clone(&self.inner), desk: Some(desk) }
    }

    /// The grant of a digest, if one is at hand that may be used.
    pub(super) fn usable_now(&self, digest: &Digest, state: &State) -> Option<Arc<CachedGrant>> {
        let inner = &*self.inner;
        let usable = |grant: &CachedGrant| grant.usability(state) == Usability::Usable;
        let Some(desk) = &self.desk else {
            return inner.grants.get(digest).filter(|grant| usable(grant));
        };
        match desk.get(digest, usable) {
            Recent::Grant(grant, told) => {
                if told {
                    inner.grants.touch(digest);
                }
                Some(grant)
            }
            Recent::None => {
                let grant = inner.grants.get(digest).filter(|grant| usable(grant))?;
                desk.put(*digest, Arc::clone(&grant));
                Some(grant)
            }
        }
    }

    /// Finds what a token leads to, and may wait for it. Of one data thread only so many calls may that need a read.
    /// Calls with unknown tokens wait for polls, and are counted by the gate: however many there are, they take no place
    /// of a good key.
    pub(super) async fn find(&self, token: &str, min_revision: Option<Cursor>) -> Result<Found, Undecided> {
        let listed = || look_at(token).is_none() && self.inner.fingerprints.contains(&Digest::of(token.as_bytes()));
        let _place = match &self.desk {
            Some(desk) if listed() => Some(desk.waiting.try_acquire().map_err(|_| Undecided::Crowded)?),
            _ => None,
        };
        self.inner.find(token, min_revision).await
    }

    /// Does what would keep a data thread, and everybody who calls on it, waiting: on the control plane, unless this is
    /// not a data thread. `work` gets the authority as it is there. Once begun it is done to its end, even if the caller
    /// goes away.
    ///
    /// # Errors
    /// It panicked, or the process ends.
    pub async fn hand_over<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, tokio::task::JoinError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let work = work(Self { inner: Arc::clone(&self.inner), desk: None });
        if self.desk.is_none() {
            return Ok(work.await);
        }
        self.inner.tasks.spawn_on("long call", work, &self.inner.control).await
    }

    /// Where uses are counted.
    pub(super) fn counts(&self) -> &Usage {
        self.desk.as_ref().map_or(&self.inner.usage, |desk| &desk.usage)
    }
}

impl Desk {
    pub(super) fn new(key: u64) -> Self {
        let table = Table { slots: (0..SLOTS).map(|_| None).collect(), key, hits: 0 };
        Self { table: Mutex::new(table), waiting: Semaphore::new(MAX_WAITING), usage: Usage::new() }
    }

    /// The grant of `digest`, if it is here and `usable` says that it may be used; one that may not is thrown out.
    pub(super) fn get(&self, digest: &Digest, usable: impl FnOnce(&CachedGrant) -> bool) -> Recent {
        let mut table = self.table.lock();
        let set = table.set(digest);
        let slots = &mut table.slots[set..set + WAYS];
        let holds = |slot: &Slot| slot.as_ref().is_some_and(|(held, _)| held == digest);
        let Some(at) = slots.iter().position(holds) else {
            return Recent::None;
        };
        slots[..=at].rotate_right(1);
        let grant = match &slots[0] {
            Some((_, grant)) if usable(grant) || cfg!(feature = "guard-table") => Arc::clone(grant),
            _ => {
                slots[0] = None;
                return Recent::None;
            }
        };
        table.hits = table.hits.wrapping_add(1);
        Recent::Grant(grant, table.hits.is_multiple_of(TELL))
    }

    /// Keeps a grant, in the place of one that was used longer ago.
    pub(super) fn put(&self, digest: Digest, grant: Arc<CachedGrant>) {
        let mut table = self.table.lock();
        let set = table.set(&digest);
        let slots = &mut table.slots[set..set + WAYS];
        let holds = |slot: &Slot| slot.as_ref().is_some_and(|(held, _)| *held == digest);
        let at = slots.iter().position(holds).unwrap_or(WAYS - 1);
        slots[..=at].rotate_right(1);
        slots[0] = Some((digest, grant));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.table.lock().slots.iter().flatten().count()
    }
}

impl Table {
    /// Where the set of a digest begins.
    fn set(&self, digest: &Digest) -> usize {
        let first = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let spread = (first ^ self.key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from(spread).unwrap_or(0) % (SLOTS / WAYS) * WAYS
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::authority::grants::tests::read_at;
    use crate::model::change::Revision;

    fn grant() -> Arc<CachedGrant> {
        Arc::new(read_at(Cursor { revision: Revision(1), nonce: 1 }))
    }

    fn digest(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    fn found(recent: Recent) -> Option<Arc<CachedGrant>> {
        match recent {
            Recent::Grant(grant, _) => Some(grant),
            Recent::None => None,
        }
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_used_longest_ago() {
        let desk = Desk::new(7);
        let often = digest(0);
        let kept = grant();
        desk.put(often, Arc::clone(&kept));
        for number in 1..100_000 {
            desk.put(digest(number), grant());
            let again = found(desk.get(&often, |_| true));
            assert!(again.is_some_and(|grant| Arc::ptr_eq(&grant, &kept)), "what is used all the time stays");
        }
        assert!(desk.len() > SLOTS / 2 && desk.len() <= SLOTS, "{}", desk.len());
    }

    #[test]
    fn the_shared_cache_hears_of_some_uses() {
        let desk = Desk::new(7);
        desk.put(digest(0), grant());
        let told = (0..6_400).filter(|_| matches!(desk.get(&digest(0), |_| true), Recent::Grant(_, true)));
        assert_eq!(told.count(), 100);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put(u32),
        Get(u32, bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..40_u32).prop_map(Step::Put),
            (0..40_u32, any::<bool>()).prop_map(|(number, usable)| Step::Get(number, usable)),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes out was put in last under that digest, and the rule was asked about it and agreed; what the
        /// rule refused once does not come back.
        #[test]
        fn nothing_is_used_that_the_rule_refuses(steps in steps()) {
            let desk = Desk::new(7);
            let mut held: HashMap<u32, Arc<CachedGrant>> = HashMap::new();
            for step in steps {
                match step {
                    Step::Put(number) => {
                        let new = grant();
                        desk.put(digest(number), Arc::clone(&new));
                        held.insert(number, new);
                    }
                    Step::Get(number, usable) => {
                        let mut asked = None;
                        let got = found(desk.get(&digest(number), |grant| {
                            asked = Some(std::ptr::from_ref(grant));
                            usable
                        }));
                        if let Some(got) = got {
                            prop_assert!(usable && asked == Some(Arc::as_ptr(&got)));
                            prop_assert!(held.get(&number).is_some_and(|held| Arc::ptr_eq(held, &got)));
                        } else if asked.is_some() {
                            held.remove(&number);
                        }
                    }
                }
            }
        }
    }
}
