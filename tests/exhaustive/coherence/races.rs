//! Forced races: a change that revokes access completes while a call is held at one of its awaits, while the follower
//! is at one of its steps, or in the middle of a decision. Revoked access never returns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use latchkey::authority::{ApplyStep, StepHook};
use latchkey::clock::{Clock, SharedClock};
use latchkey::model::change::{Cursor, Revision};
use latchkey::model::time::Timestamp;
use latchkey::storage::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::coherence::clock::{VirtualClock, pass};
use crate::coherence::replica::{MAX_STALENESS, TestReplica, record_all_tokens, request};
use crate::coherence::storage::{Call, Database, Direction, Network};
use crate::coherence::tables::{Action, KEYS};
use helpers::oracle::{Checker, DecisionRequest, Recorder};

/// Every action that revokes the second key's access to the first method.
const REVOCATIONS: [Action; 9] = [
    Action::Revoke(1),
    Action::Switch(1),
    Action::Delete(1),
    Action::EndSecret(1),
    Action::Rotate(1),
    Action::Expire(1),
    Action::Store(0),
    Action::DeleteStore(0),
    Action::Method(0),
];
/// Long enough for polls and reads to complete.
const SETTLE_TIME: Duration = Duration::from_millis(250);

/// A network that can block the next call of each kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlockingNetwork(Arc<Mutex<Blockers>>);

type Blockers = BTreeMap<(Call, Direction), Arc<Blocker>>;

#[derive(Debug)]
struct Blocker {
    reached: Semaphore,
    released: Semaphore,
}

#[async_trait]
impl Network for BlockingNetwork {
    async fn deliver(&self, call: Call, direction: Direction) -> Result<()> {
        let blocker = self.0.lock().remove(&(call, direction));
        if let Some(blocker) = blocker {
            blocker.reached.add_permits(1);
            let _ = blocker.released.acquire().await;
        }
        Ok(())
    }
}

impl BlockingNetwork {
    fn block_next(&self, call: Call, direction: Direction) -> Arc<Blocker> {
        let blocker = Arc::new(Blocker { reached: Semaphore::new(0), released: Semaphore::new(0) });
        self.0.lock().insert((call, direction), Arc::clone(&blocker));
        blocker
    }
}

impl Blocker {
    async fn wait_reached(&self) {
        let reached = tokio::time::timeout(Duration::from_secs(60), self.reached.acquire()).await;
        reached.expect("something comes to the gate").expect("the gate stays").forget();
    }

    fn release(&self) {
        self.released.add_permits(1);
    }
}

/// A database, a replica, and the recorder of its decisions.
struct Setup {
    database: Arc<Database>,
    network: BlockingNetwork,
    replica: Arc<TestReplica>,
    recorder: Arc<Recorder>,
}

/// Creates a database in which the second key has access to the store `a` and the first method.
fn create_database(clock: &SharedClock) -> (Arc<Database>, Arc<Recorder>) {
    let database = Database::new(Arc::clone(clock));
    let stores = [0, 1].map(Action::Store).into_iter();
    let keys = (0..KEYS).map(Action::Switch).chain([Action::Methods(1)]);
    for action in stores.chain([0, 1].map(Action::Method)).chain(keys) {
        database.commit(action, false).expect("there is something to change");
    }
    let recorder = Arc::new(Recorder::new(Arc::clone(clock)));
    record_all_tokens(&recorder);
    (database, recorder)
}

fn call() -> DecisionRequest {
    request(1, 0, "GET /x", "a")
}

impl Setup {
    fn begin() -> Self {
        let clock: SharedClock = Arc::new(VirtualClock::new());
        let (database, recorder) = create_database(&clock);
        let network = BlockingNetwork::default();
        let link = database.link(network.clone(), true);
        let replica = Arc::new(TestReplica::start(1, link, &clock, StepHook::default()));
        Self { database, network, replica, recorder }
    }

    async fn ready(&self) {
        let head = self.database.head().revision;
        assert!(self.replica.authority.wait_applied(head, Duration::from_secs(60)).await, "everything is loaded");
    }

    /// Makes a call concurrently.
    fn spawn_authorize(&self) {
        let (replica, recorder) = (Arc::clone(&self.replica), Arc::clone(&self.recorder));
        drop(self.replica.tasks.spawn(async move {
            let _ = replica.authorize(&recorder, call(), None).await;
        }));
    }

    fn commit(&self, action: Action) -> Cursor {
        let cursor = self.database.commit(action, false).expect("there is something to change");
        self.database.wake(|| true);
        cursor
    }

    /// Changes the key without revoking anything.
    fn change_without_revoking(&self) {
        self.commit(Action::Methods(1));
        self.commit(Action::Methods(1));
    }

    /// Marks the change as applied: from now on no decision may ignore it.
    async fn assert_revoked(&self, cursor: Cursor) {
        pass(SETTLE_TIME).await;
        self.ready().await;
        self.recorder.record_revision(&cursor.to_string(), true);
        for round in 0..3 {
            pass(SETTLE_TIME).await;
            self.replica.authorize(&self.recorder, call(), None).await.expect("a call is decided");
            let verdict = self.replica.authorize_now(&self.recorder, call(), None);
            let verdict = verdict.expect("what was asked for before is at hand");
            assert!(!verdict.allowed, "round {round}: it came back: {verdict:?}");
        }
    }

    fn check(self, at_least: usize) {
        Checker::new(self.database.history(), MAX_STALENESS)
            .slack(Duration::from_millis(5))
            .check(&self.recorder.records())
            .assert_clean(at_least);
        self.replica.tasks.stop();
    }
}

fn run_simulated(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime is made").block_on(work);
}

/// Holds one storage call while each revocation completes. `cause` makes the call; `warm`: the grant is cached before.
fn revoke_while_blocked(call_held: Call, direction: Direction, warm: bool, cause: fn(&Setup)) {
    for revocation in REVOCATIONS {
        run_simulated(async move {
            let setup = Setup::begin();
            setup.ready().await;
            if warm {
                setup.replica.authorize(&setup.recorder, call(), None).await.expect("a call is decided");
            }
            pass(Duration::from_millis(30)).await;
            let blocker = setup.network.block_next(call_held, direction);
            cause(&setup);
            blocker.wait_reached().await;
            setup.spawn_authorize();
            let cursor = setup.commit(revocation);
            pass(SETTLE_TIME).await;
            setup.spawn_authorize();
            let _ = setup.replica.authorize_now(&setup.recorder, call(), None);
            blocker.release();
            if revocation == Action::Expire(1) {
                pass(Duration::from_millis(700)).await;
            }
            setup.assert_revoked(cursor).await;
            setup.check(3);
        });
    }
}

#[test]
fn nothing_comes_back_from_a_read_that_has_not_begun() {
    revoke_while_blocked(Call::Grant, Direction::Request, false, Setup::spawn_authorize);
}

#[test]
fn nothing_comes_back_from_a_read_whose_answer_is_late() {
    revoke_while_blocked(Call::Grant, Direction::Response, false, Setup::spawn_authorize);
}

#[test]
fn nothing_comes_back_from_a_refresh_whose_answer_is_late() {
    // A change of a key in use that revokes nothing: the key is read again.
    revoke_while_blocked(Call::Grant, Direction::Response, true, |setup| {
        setup.change_without_revoking();
    });
}

#[test]
fn nothing_comes_back_while_a_poll_is_on_its_way() {
    [Direction::Request, Direction::Response]
        .into_iter()
        .for_each(|direction| revoke_while_blocked(Call::Poll, direction, true, |setup| setup.database.wake(|| true)));
}

#[test]
fn nothing_comes_back_while_a_report_is_on_its_way() {
    [Direction::Request, Direction::Response]
        .into_iter()
        .for_each(|direction| revoke_while_blocked(Call::Heartbeat, direction, true, |_| {}));
}

#[test]
fn nothing_comes_back_while_everything_is_loaded() {
    let reload = |setup: &Setup| {
        setup.commit(Action::Unknown);
    };
    [Direction::Request, Direction::Response]
        .into_iter()
        .for_each(|direction| revoke_while_blocked(Call::Snapshot, direction, true, reload));
    [Direction::Request, Direction::Response]
        .into_iter()
        .for_each(|direction| revoke_while_blocked(Call::Snapshot, direction, false, reload));
}

/// At each step of applying one change another one is committed, and calls are made.
#[test]
fn nothing_comes_back_between_the_steps_of_applying() {
    type SharedParts = (Arc<TestReplica>, Arc<Recorder>, Arc<Database>);
    for step in
        [ApplyStep::Fingerprints, ApplyStep::Watermarks, ApplyStep::World, ApplyStep::Refresh, ApplyStep::Applied]
    {
        for revocation in REVOCATIONS {
            run_simulated(async move {
                let clock: SharedClock = Arc::new(VirtualClock::new());
                let (database, recorder) = create_database(&clock);
                let network = BlockingNetwork::default();
                let link = database.link(network.clone(), true);
                let parts: Arc<OnceLock<SharedParts>> = Arc::default();
                let (listener, next) = (Arc::clone(&parts), Mutex::new(Some(revocation)));
                let steps = StepHook::new(move |taken| {
                    let Some((replica, recorder, database)) = listener.get() else { return };
                    if taken == step
                        && let Some(revocation) = next.lock().take()
                    {
                        database.commit(revocation, false).expect("there is something to change");
                    }
                    for key in 0..KEYS {
                        let _ = replica.authorize_now(recorder, request(key, 0, "GET /x", ""), None);
                    }
                });
                let replica = Arc::new(TestReplica::start(1, link, &clock, steps));
                let setup = Setup { database, network, replica, recorder };
                setup.ready().await;
                for key in 0..KEYS {
                    let request = request(key, 0, "GET /x", "");
                    setup.replica.authorize(&setup.recorder, request, None).await.expect("a call is decided");
                }
                let all = (Arc::clone(&setup.replica), Arc::clone(&setup.recorder), Arc::clone(&setup.database));
                parts.set(all).expect("it is set once");
                setup.change_without_revoking();
                pass(SETTLE_TIME).await;
                if revocation == Action::Expire(1) {
                    pass(Duration::from_millis(700)).await;
                }
                setup.assert_revoked(setup.database.head()).await;
                setup.check(20);
            });
        }
    }
}

/// Storage is restored from an older dump and exceeds its previous revision before the follower polls again.
#[test]
fn what_is_read_from_another_past_is_not_judged_by_this_one() {
    run_simulated(async {
        let setup = Setup::begin();
        setup.ready().await;
        // In the followed history the key now has access to all stores.
        let lost = setup.commit(Action::Stores(1));
        pass(SETTLE_TIME).await;
        setup.ready().await;
        let before = setup.database.history();
        let blocker = setup.network.block_next(Call::Poll, Direction::Request);
        blocker.wait_reached().await;
        setup.database.restore(Revision(lost.revision.0 - 1));
        let restored = setup.recorder.now().mono;
        // In the other history it has access to one, which is switched off in the same revision.
        let other = setup.database.commit(Action::Store(0), false).expect("there is something to change");
        assert_eq!(other.revision, lost.revision);
        setup.spawn_authorize();
        pass(Duration::from_millis(100)).await;
        setup.spawn_authorize();
        blocker.release();
        pass(Duration::from_secs(2)).await;
        setup.assert_revoked(other).await;
        Checker::new(before, MAX_STALENESS)
            .then(restored, setup.database.history())
            .check(&setup.recorder.records())
            .assert_clean(4);
    });
}

/// A read that storage processed before a restore, and whose response is received after it.
#[test]
fn what_was_read_before_a_restore_is_not_used_after_it() {
    run_simulated(async {
        let setup = Setup::begin();
        setup.ready().await;
        let off = setup.commit(Action::Switch(1));
        let on = setup.commit(Action::Switch(1));
        pass(SETTLE_TIME).await;
        let blocker = setup.network.block_next(Call::Grant, Direction::Response);
        setup.spawn_authorize();
        blocker.wait_reached().await;
        let before = setup.database.history();
        setup.database.restore(off.revision);
        let restored = setup.recorder.now().mono;
        // The key stays off for as many revisions as it was on before, and more.
        for _ in 0..3 {
            let _ = setup.commit(Action::Store(1));
        }
        assert!(setup.database.head().revision > on.revision);
        pass(SETTLE_TIME).await;
        blocker.release();
        setup.assert_revoked(setup.database.head()).await;
        Checker::new(before, MAX_STALENESS)
            .then(restored, setup.database.history())
            .check(&setup.recorder.records())
            .assert_clean(5);
    });
}

/// A clock that runs a function once, when the thread queries the time in the middle of a decision.
#[derive(Debug)]
struct InterruptingClock {
    clock: latchkey::clock::SystemClock,
    due: Mutex<Option<PendingInterrupt>>,
}

struct PendingInterrupt {
    thread: std::thread::ThreadId,
    /// Number of queries to skip.
    skip: usize,
    work: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for PendingInterrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingInterrupt").field("skip", &self.skip).finish_non_exhaustive()
    }
}

impl Clock for InterruptingClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        let mut due = self.due.lock();
        if let Some(waiting) = due.as_mut().filter(|due| due.thread == std::thread::current().id()) {
            match waiting.skip.checked_sub(1) {
                Some(left) => waiting.skip = left,
                None => {
                    let work = due.take().expect("it is there").work;
                    drop(due);
                    work();
                }
            }
        }
        self.clock.monotonic()
    }
}

/// A change is applied in the middle of a decision that needs no await: between loading the World, checking whether the
/// grant may be used, and deciding.
#[test]
fn a_change_applied_in_the_middle_of_a_decision_is_seen_whole_or_not_at_all() {
    let mut interrupted = 0;
    for (skip, demand) in (0..4).flat_map(|skip| [(skip, false), (skip, true)]) {
        for revocation in [Action::Revoke(1), Action::Switch(1), Action::Store(0), Action::Method(0)] {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
            let runtime = runtime.expect("a runtime is made");
            let clock_source =
                Arc::new(InterruptingClock { clock: latchkey::clock::SystemClock, due: Mutex::new(None) });
            let clock: SharedClock = Arc::<InterruptingClock>::clone(&clock_source);
            let (database, recorder) = create_database(&clock);
            let (applied_sender, applied_receiver) = mpsc::channel();
            let steps = StepHook::new(move |step| {
                if step == ApplyStep::Applied {
                    let _ = applied_sender.send(());
                }
            });
            let link = database.link(BlockingNetwork::default(), false);
            let replica = runtime.block_on(async {
                let replica = TestReplica::start_slow(1, link, &clock, steps);
                let head = database.head().revision;
                assert!(replica.authority.wait_applied(head, Duration::from_secs(60)).await, "everything is loaded");
                replica.authorize(&recorder, call(), None).await.expect("a call is decided");
                replica
            });
            assert!(replica.authorize_now(&recorder, call(), None).is_some_and(|verdict| verdict.allowed));
            // Committed, but not received before the decision has begun.
            let cursor = database.commit(revocation, false).expect("there is something to change");
            let waking = Arc::clone(&database);
            let work = move || {
                waking.wake(|| true);
                applied_receiver.recv_timeout(Duration::from_secs(60)).expect("the change is applied");
            };
            // The recorder queries the time once before it.
            let due = PendingInterrupt { thread: std::thread::current().id(), skip: skip + 1, work: Box::new(work) };
            *clock_source.due.lock() = Some(due);
            let min_revision = demand.then_some(cursor);
            let request = DecisionRequest { min_revision: min_revision.map(|cursor| cursor.revision.0), ..call() };
            let verdict = replica.authorize_now(&recorder, request, min_revision);
            let done = clock_source.due.lock().take().is_none();
            interrupted += usize::from(done);
            if let Some(verdict) = &verdict {
                assert!(!verdict.allowed || verdict.revision < cursor.revision.0, "{verdict:?} after {cursor}");
            }
            Checker::new(database.history(), Duration::from_secs(60)).check(&recorder.records()).assert_clean(2);
            replica.tasks.stop();
        }
    }
    assert!(interrupted >= 8, "only {interrupted} decisions were interrupted");
}

/// A network that loses the next poll if the flag is set.
#[derive(Debug, Clone, Default)]
struct PollLosingNetwork(Arc<AtomicBool>);

#[async_trait]
impl Network for PollLosingNetwork {
    async fn deliver(&self, call: Call, _: Direction) -> Result<()> {
        let lost = call == Call::Poll && self.0.swap(false, Ordering::SeqCst);
        if lost { Err(Error::unavailable("the connection was lost")) } else { Ok(()) }
    }
}

/// Otherwise the change would wait for the poll interval, of up to 10 s.
#[test]
fn a_wake_up_is_not_lost_with_the_poll_that_it_caused() {
    run_simulated(async {
        let clock: SharedClock = Arc::new(VirtualClock::new());
        let (database, _) = create_database(&clock);
        let network = PollLosingNetwork::default();
        let replica = TestReplica::start_slow(1, database.link(network.clone(), true), &clock, StepHook::default());
        pass(SETTLE_TIME).await;
        assert_eq!(replica.authority.revision(), database.head().revision, "everything is loaded");
        network.0.store(true, Ordering::SeqCst);
        let head = database.commit(Action::Switch(1), false).expect("there is something to change");
        database.wake(|| true);
        // No calls meanwhile: a call would be another reason to poll.
        pass(Duration::from_secs(5)).await;
        assert_eq!(replica.authority.revision(), head.revision, "the change waits for the next interval");
        assert!(!network.0.load(Ordering::SeqCst), "a poll was lost");
        replica.tasks.stop();
    });
}
