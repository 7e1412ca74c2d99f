//! Short simulation runs by seed: replicas, writers and callers over storage that delays, loses wake-ups, is
//! partitioned, crashes, is restored, and whose clock is set. The oracle replays every decision of every run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use latchkey::authority::StepHook;
use latchkey::clock::{Clock, SharedClock};
use latchkey::lifecycle::Tasks;
use latchkey::model::change::{Cursor, Revision};
use latchkey::storage::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::coherence::clock::{SettableClock, VirtualClock, pass};
use crate::coherence::replica::{MAX_STALENESS, POLL_INTERVAL, TestReplica, record_all_tokens, request};
use crate::coherence::storage::{Call, Database, Direction, Network};
use crate::coherence::tables::{Action, DelayedTables, KEYS, SECRETS};
use helpers::oracle::{Checker, DecisionRequest, History, Outcome, Recorder, Records, Report};
use helpers::random::Random;

/// Default number of runs.
const SEEDS: u64 = 4_000;
const WRITES: usize = 12;
const CALLERS: usize = 2;
const CALLS: usize = 14;
/// Longest time that a write waits for replicas.
const WRITE_WAIT: Duration = Duration::from_millis(300);

type SharedRandom = Arc<Mutex<Random>>;

/// A network whose failures are drawn at random.
#[derive(Debug)]
struct UnreliableNetwork {
    random: SharedRandom,
    healthy: Arc<AtomicBool>,
    partitioned: watch::Receiver<bool>,
}

/// State of one run.
struct Simulation {
    random: SharedRandom,
    /// Whether nothing fails in this run.
    faultless: bool,
    /// Whether the network is currently without failures.
    network_healthy: Arc<AtomicBool>,
    clock: SharedClock,
    /// Storage's clock.
    storage_clock: Arc<SettableClock>,
    /// Whether storage's clock is set during the run.
    leaps: bool,
    /// Whether the settings of the replicas differ.
    unequal: bool,
    database: Arc<Database>,
    recorder: Recorder,
    replicas: Mutex<Vec<Arc<TestReplica>>>,
    partitions: Vec<watch::Sender<bool>>,
    /// Held by the current writer.
    writing: tokio::sync::Mutex<Written>,
    undecided: AtomicUsize,
}

#[derive(Default)]
struct Written {
    newest: Option<Cursor>,
    /// The history before the restore, and when it ended.
    restored: Option<(History, Duration)>,
}

/// Statistics of one run, or of many.
#[derive(Debug, Default)]
struct Stats {
    right: usize,
    undecided: usize,
    restores: usize,
    reasons: BTreeMap<String, usize>,
}

#[async_trait]
impl Network for UnreliableNetwork {
    async fn deliver(&self, _: Call, _: Direction) -> Result<()> {
        let (delay, lost) = {
            let mut random = self.random.lock();
            let healthy = self.healthy.load(Ordering::Relaxed);
            let slow = !healthy && random.percent(3);
            (random.below(if slow { 700 } else { 6 }), !healthy && random.percent(3))
        };
        pass(Duration::from_millis(delay.try_into().expect("small"))).await;
        if lost {
            return Err(Error::unavailable("lost on the way"));
        }
        let refused = *self.partitioned.borrow() && self.random.lock().percent(50);
        if refused {
            return Err(Error::unavailable("cut off"));
        }
        // Held until the network works again: earlier reads are delivered late.
        self.partitioned.clone().wait_for(|cut| !cut).await.map(|_| ()).map_err(|_| Error::unavailable("over"))
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let clock: SharedClock = Arc::new(VirtualClock::new());
        let storage_clock = SettableClock::new(&clock);
        let recorder = Recorder::new(Arc::clone(&clock));
        record_all_tokens(&recorder);
        Self {
            random: Arc::new(Mutex::new(Random::new(seed))),
            faultless: seed.is_multiple_of(4),
            network_healthy: Arc::new(AtomicBool::new(seed.is_multiple_of(4))),
            database: Database::new(Arc::<SettableClock>::clone(&storage_clock)),
            storage_clock,
            leaps: seed % 4 == 1,
            unequal: seed % 4 == 2,
            clock,
            recorder,
            replicas: Mutex::default(),
            partitions: (0..2).map(|_| watch::Sender::new(false)).collect(),
            writing: tokio::sync::Mutex::default(),
            undecided: AtomicUsize::new(0),
        }
    }

    fn below(&self, bound: usize) -> usize {
        self.random.lock().below(bound)
    }

    fn percent(&self, percentage: usize) -> bool {
        self.random.lock().percent(percentage)
    }

    async fn for_a_while(&self, at_most: usize) {
        let millis = self.below(at_most).try_into().expect("small");
        pass(Duration::from_millis(millis)).await;
    }

    /// Starts a replica in a slot; a crashed one in the slot is removed.
    fn start(&self, at: usize, number: u8) {
        let network = UnreliableNetwork {
            random: Arc::clone(&self.random),
            healthy: Arc::clone(&self.network_healthy),
            partitioned: self.partitions[at].subscribe(),
        };
        let shared = self.percent(50);
        let link = self.database.link(network, shared);
        // The second one's is longer.
        let replica = Arc::new(TestReplica::start_with(
            number,
            link,
            &self.clock,
            StepHook::default(),
            POLL_INTERVAL,
            self.staleness(at),
        ));
        let mut replicas = self.replicas.lock();
        if at < replicas.len() {
            replicas[at].tasks.stop();
            replicas[at] = replica;
        } else {
            replicas.push(replica);
        }
    }

    fn staleness(&self, at: usize) -> Duration {
        if self.unequal && at == 1 { MAX_STALENESS * 3 } else { MAX_STALENESS }
    }

    fn longest_staleness(&self) -> Duration {
        self.staleness(0).max(self.staleness(1))
    }

    async fn write(&self) {
        let mut written = self.writing.lock().await;
        let action = Action::random(&mut self.random.lock());
        let huge = self.percent(3);
        let Some(cursor) = self.database.commit(action, huge) else { return };
        let reaches = if self.percent(50) { 100 } else { 30 };
        self.database.wake(|| self.percent(reaches));
        // As in the server: replicas that may still decide from the state before the write are waited for, or named.
        let writer = {
            let replicas = self.replicas.lock();
            Arc::clone(&replicas[self.below(replicas.len())])
        };
        let here = writer.authority.wait_applied_cursor(cursor, WRITE_WAIT);
        let (here, pending) = tokio::join!(here, writer.authority.wait_applied_elsewhere(cursor.revision, WRITE_WAIT));
        let everywhere = here && pending.is_some_and(|pending| pending.is_empty());
        self.recorder.record_revision(&cursor.to_string(), everywhere);
        written.newest = Some(cursor);
    }

    async fn authorize(&self) {
        let replica = {
            let replicas = self.replicas.lock();
            Arc::clone(&replicas[self.below(replicas.len())])
        };
        let min_revision = if self.percent(20) { self.writing.lock().await.newest } else { None };
        let method = ["GET /x", "GET /y", "/x", "GET /none"][self.below(4)];
        let stores = ["", "", "a", "b"];
        let mut request = request(self.below(KEYS), self.below(SECRETS), method, stores[self.below(4)]);
        if self.percent(3) {
            request = DecisionRequest { token: "lk_mistyped".to_owned(), ..request };
        }
        request.min_revision = min_revision.map(|cursor| cursor.revision.0);
        if replica.authorize(&self.recorder, request, min_revision).await.is_err() {
            self.undecided.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Causes a failure, unless the run is calm.
    async fn inject_failure(&self) {
        if self.faultless {
            return;
        }
        self.for_a_while(1_000).await;
        let at = self.below(2);
        if self.leaps {
            return self.set_the_clock(at).await;
        }
        match self.below(4) {
            0 | 1 => {
                self.partitions[at].send_replace(true);
                self.for_a_while(2_500).await;
                self.partitions[at].send_replace(false);
            }
            2 => self.start(at, 7),
            _ => self.restore().await,
        }
    }

    /// Sets storage's clock, forward or back and perhaps back again, before, during or after a partition of a replica.
    async fn set_the_clock(&self, at: usize) {
        let leap: i64 = [3, 45, 3_600][self.below(3)];
        let leap = if self.percent(70) { leap } else { -leap };
        let cut = self.below(4);
        self.partitions[at].send_replace(cut == 0);
        if cut == 0 {
            self.for_a_while(600).await;
        }
        self.storage_clock.leap(leap);
        self.partitions[at].send_replace(cut <= 1);
        self.for_a_while(600).await;
        self.authorize_first_key_everywhere().await;
        if self.percent(20) {
            self.start(at, 7);
        }
        if self.percent(70) {
            self.storage_clock.leap(-leap);
        }
        self.for_a_while(900).await;
        self.partitions[at].send_replace(false);
        self.for_a_while(300).await;
        self.authorize_first_key_everywhere().await;
    }

    async fn authorize_first_key_everywhere(&self) {
        let replicas = self.replicas.lock().clone();
        for replica in replicas {
            for secret in 0..SECRETS {
                let result = replica.authorize(&self.recorder, request(0, secret, "GET /none", ""), None).await;
                self.undecided.fetch_add(usize::from(result.is_err()), Ordering::Relaxed);
            }
        }
    }

    async fn restore(&self) {
        let mut written = self.writing.lock().await;
        let millisecond = Duration::from_millis(1);
        pass(millisecond).await;
        let before = self.database.history();
        let head = before.latest_revision();
        let back = u64::try_from(self.below(6)).expect("small").min(head - 1);
        self.database.restore(Revision(head - back));
        written.restored = Some((before, self.clock.monotonic()));
        written.newest = written.newest.filter(|newest| newest.revision.0 <= head - back);
        // Other writers may have committed much before any replica polls again.
        for _ in 0..self.below(10) {
            let action = Action::random(&mut self.random.lock());
            let _ = self.database.commit(action, false);
        }
        // Table by table: the revision may be restored long before the rest.
        let late = DelayedTables { secrets: self.percent(30), stores: self.percent(30), methods: self.percent(30) };
        self.database.delay_tables(late);
        pass(millisecond).await;
        drop(written);
        if late != DelayedTables::default() {
            self.for_a_while(3_000).await;
            self.database.delay_tables(DelayedTables::default());
        }
    }

    async fn converge(&self, seed: u64) {
        for partition in &self.partitions {
            partition.send_replace(false);
        }
        self.network_healthy.store(true, Ordering::Relaxed);
        pass(Duration::from_secs(8)).await;
        let replicas = self.replicas.lock().clone();
        for replica in replicas {
            let (revision, head) = (replica.authority.revision(), self.database.head().revision);
            assert!(replica.authority.readiness().is_ok(), "seed {seed}: {} does not recover", replica.name);
            assert_eq!(revision, head, "seed {seed}: {} has not caught up", replica.name);
            // However storage's clock was set, every replica follows it.
            let (now, storage) = (replica.authority.now(), self.storage_clock.now());
            let apart = now.since(storage).max(storage.since(now));
            assert!(
                apart < Duration::from_millis(100),
                "seed {seed}: {} is at {now}, storage at {storage}",
                replica.name
            );
            replica.tasks.stop();
        }
    }

    fn report(&self, written: &Written) -> Report {
        let records = self.recorder.records();
        let now = self.database.history();
        let checker = match &written.restored {
            Some((before, at)) => Checker::new(before.clone(), self.longest_staleness()).then(*at, now),
            None => Checker::new(now, self.longest_staleness()),
        };
        // A replica's clock lags storage's by the duration of its best poll: at most the permitted staleness. If
        // storage's clock is set, expiry is checked separately: `assert_expired_keys_stay_refused`.
        let slack = match () {
            () if self.leaps => Duration::from_hours(3),
            () if self.faultless => Duration::from_millis(20),
            () => self.longest_staleness(),
        };
        checker.slack(slack).check(&records)
    }
}

/// Asserts that a replica never allows a call that it has refused as expired, unless the key was changed meanwhile; nor
/// does any other replica, once that must have polled.
fn assert_expired_keys_stay_refused(records: &Records, history: &History, seed: u64) {
    let changed = |token: &str, after: u64, until: u64| {
        let key = (0..KEYS)
            .find(|key| (0..SECRETS).any(|secret| crate::coherence::tables::token(*key, secret).reveal() == token));
        let subject = key.map(|key| crate::coherence::tables::key_id(key).to_string());
        history.changes.iter().any(|change| {
            change.revision > after && change.revision <= until && Some(&change.subject) == subject.as_ref()
        })
    };
    let verdict = |result: &Outcome| if let Outcome::Decision(verdict) = result { Some(verdict.clone()) } else { None };
    let expired = |verdict: &helpers::oracle::Verdict| verdict.failed.iter().any(|reason| reason == "KEY_EXPIRED");
    for refused in &records.calls {
        let Some(before) = verdict(&refused.outcome).filter(expired) else { continue };
        for later in records.calls.iter().filter(|later| later.request.token == refused.request.token) {
            let settled = if later.replica == refused.replica { Duration::ZERO } else { MAX_STALENESS };
            let Some(after) = verdict(&later.outcome).filter(|after| after.allowed) else { continue };
            if later.sent.mono > refused.received.mono + settled {
                let opened = !changed(&refused.request.token, before.revision, after.revision);
                assert!(
                    !opened || after.revision < before.revision,
                    "seed {seed}: {} refused at {:?} as expired what {} allowed at {:?}: {before:?}, {after:?}",
                    refused.replica,
                    refused.received,
                    later.replica,
                    later.sent
                );
            }
        }
    }
}

async fn run_simulation(seed: u64) -> Stats {
    let sim = Arc::new(Simulation::new(seed));
    let setup = [0, 1].map(Action::Store).into_iter().chain([0, 1].map(Action::Method));
    for action in setup.chain((0..KEYS).map(Action::Switch)) {
        sim.database.commit(action, false).expect("there is something to change");
    }
    if sim.leaps {
        sim.database.commit(Action::ExpireLater(0), false).expect("the key is there");
    }
    (0..2).for_each(|at| sim.start(at, at.try_into().expect("small")));
    let tasks = Tasks::new();
    let mut running = Vec::new();
    let begin = sim.database.head().revision;
    let replicas = sim.replicas.lock().clone();
    for replica in replicas.iter().filter(|_| sim.faultless) {
        assert!(replica.authority.wait_applied(begin, Duration::from_secs(60)).await, "seed {seed}: no start");
    }
    for _ in 0..CALLERS {
        let sim = Arc::clone(&sim);
        running.push(tasks.spawn(async move {
            for _ in 0..CALLS {
                sim.for_a_while(160).await;
                sim.authorize().await;
            }
        }));
    }
    let writer = Arc::clone(&sim);
    running.push(tasks.spawn(async move {
        for _ in 0..WRITES {
            writer.for_a_while(200).await;
            writer.write().await;
            if writer.percent(50) {
                writer.authorize().await;
            }
        }
    }));
    let failures = Arc::clone(&sim);
    running.push(tasks.spawn(async move { failures.inject_failure().await }));
    for task in running {
        task.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    sim.converge(seed).await;
    let written = sim.writing.lock().await;
    let report = sim.report(&written);
    assert!(report.wrong == 0, "seed {seed}: {} wrong answer(s):\n{}", report.wrong, report.complaints.join("\n"));
    assert_expired_keys_stay_refused(&sim.recorder.records(), &sim.database.history(), seed);
    let undecided = sim.undecided.load(Ordering::Relaxed);
    assert!(!sim.faultless || undecided == 0, "seed {seed}: {undecided} calls undecided although nothing went wrong");
    Stats { right: report.right, undecided, restores: usize::from(written.restored.is_some()), reasons: report.reasons }
}

/// Runs a single-threaded runtime whose clock jumps: the run depends on the seed alone.
fn run_seed(seed: u64) -> Stats {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime is made").block_on(run_simulation(seed))
}

fn env_number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
#[expect(clippy::print_stdout, reason = "shown with a failure, or when asked for")]
fn every_decision_of_every_run_is_correct() {
    let (first, count) = (env_number("LATCHKEY_TEST_SEED", 1), env_number("LATCHKEY_TEST_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let total = Mutex::new(Stats::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let stats = std::panic::catch_unwind(|| run_seed(seed)).unwrap_or_else(|panic| {
                        // The other threads need not continue.
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                        println!("replay it: LATCHKEY_TEST_SEED={seed} LATCHKEY_TEST_SEEDS=1 cargo test --test exhaustive coherence::simulate");
                        std::panic::resume_unwind(panic)
                    });
                    total.lock().add(stats);
                }
            });
        }
    });
    let total = total.into_inner();
    println!("{count} runs from seed {first}: {total:?}");
    if count >= 1_000 {
        total.assert_covers_enough(usize::try_from(count).expect("small"));
    }
}

impl Stats {
    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.undecided += other.undecided;
        self.restores += other.restores;
        for (reason, times) in other.reasons {
            *self.reasons.entry(reason).or_default() += times;
        }
    }

    /// Asserts that the runs covered enough for their success to mean something.
    fn assert_covers_enough(&self, runs: usize) {
        assert!(self.right >= 10 * runs && self.restores >= runs / 20 && self.undecided > 0, "{self:?}");
        for reason in [
            "ALLOWED",
            "KEY_MALFORMED",
            "KEY_UNKNOWN",
            "KEY_REVOKED",
            "KEY_INACTIVE",
            "KEY_EXPIRED",
            "METHOD_UNKNOWN",
            "METHOD_DENIED",
            "STORE_REQUIRED",
            "STORE_UNKNOWN",
            "STORE_INACTIVE",
            "STORE_DENIED",
            "NO_STORE_OPEN",
        ] {
            let times = self.reasons.get(reason).copied().unwrap_or_default();
            assert!(times > 0, "{reason} was never met: {self:?}");
        }
    }
}
