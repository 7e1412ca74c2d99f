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

use crate::clock::{Virtual, pass};
use crate::life::{MAX_STALENESS, Member, know_all_tokens, question};
use crate::oracle::{Checker, Question, Recorder};
use crate::storage::{Call, Database, Road, Way};
use crate::tables::{Action, KEYS};

/// Every action that revokes the second key's access to the first method.
const ENDINGS: [Action; 9] = [
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
const A_WHILE: Duration = Duration::from_millis(250);

/// A network with gates, each of which holds the next call that reaches it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<Shut>>);

type Shut = BTreeMap<(Call, Way), Arc<Gate>>;

#[derive(Debug)]
struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

#[async_trait]
impl Road for Gates {
    async fn pass(&self, call: Call, way: Way) -> Result<()> {
        let gate = self.0.lock().remove(&(call, way));
        if let Some(gate) = gate {
            gate.reached.add_permits(1);
            let _ = gate.open.acquire().await;
        }
        Ok(())
    }
}

impl Gates {
    fn shut(&self, call: Call, way: Way) -> Arc<Gate> {
        let gate = Arc::new(Gate { reached: Semaphore::new(0), open: Semaphore::new(0) });
        self.0.lock().insert((call, way), Arc::clone(&gate));
        gate
    }
}

impl Gate {
    async fn reached(&self) {
        let reached = tokio::time::timeout(Duration::from_secs(60), self.reached.acquire()).await;
        reached.expect("something comes to the gate").expect("the gate stays").forget();
    }

    fn open(&self) {
        self.open.add_permits(1);
    }
}

/// A database, a replica, and the recorder of its decisions.
struct Scene {
    database: Arc<Database>,
    gates: Gates,
    member: Arc<Member>,
    recorder: Arc<Recorder>,
}

/// Creates a database in which the second key has access to the store `a` and the first method.
fn house(clock: &SharedClock) -> (Arc<Database>, Arc<Recorder>) {
    let database = Database::new(Arc::clone(clock));
    let stores = [0, 1].map(Action::Store).into_iter();
    let keys = (0..KEYS).map(Action::Switch).chain([Action::Methods(1)]);
    for action in stores.chain([0, 1].map(Action::Method)).chain(keys) {
        database.commit(action, false).expect("there is something to change");
    }
    let recorder = Arc::new(Recorder::new(Arc::clone(clock)));
    know_all_tokens(&recorder);
    (database, recorder)
}

fn call() -> Question {
    question(1, 0, "GET /x", "a")
}

impl Scene {
    fn begin() -> Self {
        let clock: SharedClock = Arc::new(Virtual::new());
        let (database, recorder) = house(&clock);
        let gates = Gates::default();
        let line = database.line(gates.clone(), true);
        let member = Arc::new(Member::start(1, line, &clock, StepHook::default()));
        Self { database, gates, member, recorder }
    }

    async fn ready(&self) {
        let head = self.database.head().revision;
        assert!(self.member.authority.wait_applied(head, Duration::from_secs(60)).await, "everything is loaded");
    }

    /// Makes a call concurrently.
    fn ask_beside(&self) {
        let (member, recorder) = (Arc::clone(&self.member), Arc::clone(&self.recorder));
        drop(self.member.tasks.spawn("ask", async move {
            let _ = member.ask(&recorder, call(), None).await;
        }));
    }

    fn commit(&self, action: Action) -> Cursor {
        let cursor = self.database.commit(action, false).expect("there is something to change");
        self.database.wake(|| true);
        cursor
    }

    /// Changes the key without revoking anything.
    fn takes_nothing(&self) {
        self.commit(Action::Methods(1));
        self.commit(Action::Methods(1));
    }

    /// Marks the change as applied: from now on no decision may ignore it.
    async fn is_over(&self, cursor: Cursor) {
        pass(A_WHILE).await;
        self.ready().await;
        self.recorder.acknowledged_as(&cursor.to_string(), true);
        for round in 0..3 {
            pass(A_WHILE).await;
            self.member.ask(&self.recorder, call(), None).await.expect("a call is decided");
            let verdict = self.member.ask_now(&self.recorder, call(), None);
            let verdict = verdict.expect("what was asked for before is at hand");
            assert!(!verdict.allowed, "round {round}: it came back: {verdict:?}");
        }
    }

    fn check(self, at_least: usize) {
        Checker::new(self.database.history(), MAX_STALENESS)
            .slack(Duration::from_millis(5))
            .check(&self.recorder.records())
            .assert_clean(at_least);
        self.member.tasks.stop();
    }
}

fn simulated(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime is made").block_on(work);
}

/// Holds one storage call while each ending completes. `cause` makes the call; `warm`: the grant is cached before.
fn hold(call_held: Call, way: Way, warm: bool, cause: fn(&Scene)) {
    for ending in ENDINGS {
        simulated(async move {
            let scene = Scene::begin();
            scene.ready().await;
            if warm {
                scene.member.ask(&scene.recorder, call(), None).await.expect("a call is decided");
            }
            pass(Duration::from_millis(30)).await;
            let gate = scene.gates.shut(call_held, way);
            cause(&scene);
            gate.reached().await;
            scene.ask_beside();
            let cursor = scene.commit(ending);
            pass(A_WHILE).await;
            scene.ask_beside();
            let _ = scene.member.ask_now(&scene.recorder, call(), None);
            gate.open();
            if ending == Action::Expire(1) {
                pass(Duration::from_millis(700)).await;
            }
            scene.is_over(cursor).await;
            scene.check(3);
        });
    }
}

#[test]
fn nothing_comes_back_from_a_read_that_has_not_begun() {
    hold(Call::Grant, Way::There, false, Scene::ask_beside);
}

#[test]
fn nothing_comes_back_from_a_read_whose_answer_is_late() {
    hold(Call::Grant, Way::Back, false, Scene::ask_beside);
}

#[test]
fn nothing_comes_back_from_a_refresh_whose_answer_is_late() {
    // A change of a key in use that revokes nothing: the key is read again.
    hold(Call::Grant, Way::Back, true, |scene| {
        scene.takes_nothing();
    });
}

#[test]
fn nothing_comes_back_while_a_poll_is_on_its_way() {
    [Way::There, Way::Back]
        .into_iter()
        .for_each(|way| hold(Call::Poll, way, true, |scene| scene.database.wake(|| true)));
}

#[test]
fn nothing_comes_back_while_a_report_is_on_its_way() {
    [Way::There, Way::Back].into_iter().for_each(|way| hold(Call::Renew, way, true, |_| {}));
}

#[test]
fn nothing_comes_back_while_everything_is_loaded() {
    let reload = |scene: &Scene| {
        scene.commit(Action::Unknown);
    };
    [Way::There, Way::Back].into_iter().for_each(|way| hold(Call::Snapshot, way, true, reload));
    [Way::There, Way::Back].into_iter().for_each(|way| hold(Call::Snapshot, way, false, reload));
}

/// At each step of applying one change another one is committed, and calls are made.
#[test]
fn nothing_comes_back_between_the_steps_of_applying() {
    type Told = (Arc<Member>, Arc<Recorder>, Arc<Database>);
    for step in
        [ApplyStep::Fingerprints, ApplyStep::Watermarks, ApplyStep::World, ApplyStep::Refresh, ApplyStep::Applied]
    {
        for ending in ENDINGS {
            simulated(async move {
                let clock: SharedClock = Arc::new(Virtual::new());
                let (database, recorder) = house(&clock);
                let gates = Gates::default();
                let line = database.line(gates.clone(), true);
                let told: Arc<OnceLock<Told>> = Arc::default();
                let (listener, next) = (Arc::clone(&told), Mutex::new(Some(ending)));
                let steps = StepHook::new(move |taken| {
                    let Some((member, recorder, database)) = listener.get() else { return };
                    if taken == step
                        && let Some(ending) = next.lock().take()
                    {
                        database.commit(ending, false).expect("there is something to change");
                    }
                    for key in 0..KEYS {
                        let _ = member.ask_now(recorder, question(key, 0, "GET /x", ""), None);
                    }
                });
                let member = Arc::new(Member::start(1, line, &clock, steps));
                let scene = Scene { database, gates, member, recorder };
                scene.ready().await;
                for key in 0..KEYS {
                    let question = question(key, 0, "GET /x", "");
                    scene.member.ask(&scene.recorder, question, None).await.expect("a call is decided");
                }
                let all = (Arc::clone(&scene.member), Arc::clone(&scene.recorder), Arc::clone(&scene.database));
                told.set(all).expect("it is set once");
                scene.takes_nothing();
                pass(A_WHILE).await;
                if ending == Action::Expire(1) {
                    pass(Duration::from_millis(700)).await;
                }
                scene.is_over(scene.database.head()).await;
                scene.check(20);
            });
        }
    }
}

/// Storage is restored from an older dump and exceeds its previous revision before the follower polls again.
#[test]
fn what_is_read_from_another_past_is_not_judged_by_this_one() {
    simulated(async {
        let scene = Scene::begin();
        scene.ready().await;
        // In the followed history the key now has access to all stores.
        let lost = scene.commit(Action::Stores(1));
        pass(A_WHILE).await;
        scene.ready().await;
        let before = scene.database.history();
        let gate = scene.gates.shut(Call::Poll, Way::There);
        gate.reached().await;
        scene.database.restore(Revision(lost.revision.0 - 1));
        let restored = scene.recorder.begin().mono;
        // In the other history it has access to one, which is switched off in the same revision.
        let other = scene.database.commit(Action::Store(0), false).expect("there is something to change");
        assert_eq!(other.revision, lost.revision);
        scene.ask_beside();
        pass(Duration::from_millis(100)).await;
        scene.ask_beside();
        gate.open();
        pass(Duration::from_secs(2)).await;
        scene.is_over(other).await;
        Checker::new(before, MAX_STALENESS)
            .then(restored, scene.database.history())
            .check(&scene.recorder.records())
            .assert_clean(4);
    });
}

/// A read that storage processed before a restore, and whose response is received after it.
#[test]
fn what_was_read_before_a_restore_is_not_used_after_it() {
    simulated(async {
        let scene = Scene::begin();
        scene.ready().await;
        let off = scene.commit(Action::Switch(1));
        let on = scene.commit(Action::Switch(1));
        pass(A_WHILE).await;
        let gate = scene.gates.shut(Call::Grant, Way::Back);
        scene.ask_beside();
        gate.reached().await;
        let before = scene.database.history();
        scene.database.restore(off.revision);
        let restored = scene.recorder.begin().mono;
        // The key stays off for as many revisions as it was on before, and more.
        for _ in 0..3 {
            let _ = scene.commit(Action::Store(1));
        }
        assert!(scene.database.head().revision > on.revision);
        pass(A_WHILE).await;
        gate.open();
        scene.is_over(scene.database.head()).await;
        Checker::new(before, MAX_STALENESS)
            .then(restored, scene.database.history())
            .check(&scene.recorder.records())
            .assert_clean(5);
    });
}

/// A clock that runs a function once, when the thread queries the time in the middle of a decision.
#[derive(Debug)]
struct Interrupting {
    clock: latchkey::clock::SystemClock,
    due: Mutex<Option<Due>>,
}

struct Due {
    thread: std::thread::ThreadId,
    /// Number of queries to skip.
    skip: usize,
    work: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Due").field("skip", &self.skip).finish_non_exhaustive()
    }
}

impl Clock for Interrupting {
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
        for ending in [Action::Revoke(1), Action::Switch(1), Action::Store(0), Action::Method(0)] {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
            let runtime = runtime.expect("a runtime is made");
            let interrupting = Arc::new(Interrupting { clock: latchkey::clock::SystemClock, due: Mutex::new(None) });
            let clock: SharedClock = Arc::<Interrupting>::clone(&interrupting);
            let (database, recorder) = house(&clock);
            let (applied, heard) = mpsc::channel();
            let steps = StepHook::new(move |step| {
                if step == ApplyStep::Applied {
                    let _ = applied.send(());
                }
            });
            let line = database.line(Gates::default(), false);
            let member = runtime.block_on(async {
                let member = Member::start_slow(1, line, &clock, steps);
                let head = database.head().revision;
                assert!(member.authority.wait_applied(head, Duration::from_secs(60)).await, "everything is loaded");
                member.ask(&recorder, call(), None).await.expect("a call is decided");
                member
            });
            assert!(member.ask_now(&recorder, call(), None).is_some_and(|verdict| verdict.allowed));
            // Committed, but not received before the decision has begun.
            let cursor = database.commit(ending, false).expect("there is something to change");
            let waking = Arc::clone(&database);
            let work = move || {
                waking.wake(|| true);
                heard.recv_timeout(Duration::from_secs(60)).expect("the change is applied");
            };
            // The recorder queries the time once before it.
            let due = Due { thread: std::thread::current().id(), skip: skip + 1, work: Box::new(work) };
            *interrupting.due.lock() = Some(due);
            let min_revision = demand.then_some(cursor);
            let question = Question { min_revision: min_revision.map(|cursor| cursor.revision.0), ..call() };
            let verdict = member.ask_now(&recorder, question, min_revision);
            let done = interrupting.due.lock().take().is_none();
            interrupted += usize::from(done);
            if let Some(verdict) = &verdict {
                assert!(!verdict.allowed || verdict.revision < cursor.revision.0, "{verdict:?} after {cursor}");
            }
            Checker::new(database.history(), Duration::from_secs(60)).check(&recorder.records()).assert_clean(2);
            member.tasks.stop();
        }
    }
    assert!(interrupted >= 8, "only {interrupted} decisions were interrupted");
}

/// A network that loses the next poll if the flag is set.
#[derive(Debug, Clone, Default)]
struct LosesPoll(Arc<AtomicBool>);

#[async_trait]
impl Road for LosesPoll {
    async fn pass(&self, call: Call, _: Way) -> Result<()> {
        let lost = call == Call::Poll && self.0.swap(false, Ordering::SeqCst);
        if lost { Err(Error::unavailable("the connection was lost")) } else { Ok(()) }
    }
}

/// Otherwise the change would wait for the poll interval, of up to 10 s.
#[test]
fn a_wake_up_is_not_lost_with_the_poll_that_it_caused() {
    simulated(async {
        let clock: SharedClock = Arc::new(Virtual::new());
        let (database, _) = house(&clock);
        let road = LosesPoll::default();
        let member = Member::start_slow(1, database.line(road.clone(), true), &clock, StepHook::default());
        pass(A_WHILE).await;
        assert_eq!(member.authority.revision(), database.head().revision, "everything is loaded");
        road.0.store(true, Ordering::SeqCst);
        let head = database.commit(Action::Switch(1), false).expect("there is something to change");
        database.wake(|| true);
        // No calls meanwhile: a call would be another reason to poll.
        pass(Duration::from_secs(5)).await;
        assert_eq!(member.authority.revision(), head.revision, "the change waits for the next interval");
        assert!(!road.0.load(Ordering::SeqCst), "a poll was lost");
        member.tasks.stop();
    });
}
