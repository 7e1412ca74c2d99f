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

use crate::clock::{Settable, Virtual, pass};
use crate::life::{MAX_STALENESS, Member, POLL_INTERVAL, know_all_tokens, question};
use crate::oracle::{Checker, History, Question, Recorder, Records, Report, Told};
use crate::random::Random;
use crate::storage::{Call, Database, Road, Way};
use crate::tables::{Action, KEYS, Late, SECRETS};

/// Default number of runs.
const SEEDS: u64 = 4_000;
const WRITES: usize = 12;
const CALLERS: usize = 2;
const CALLS: usize = 14;
/// Longest time that a write waits for replicas.
const WRITE_WAIT: Duration = Duration::from_millis(300);

type Chance = Arc<Mutex<Random>>;

/// A network whose failures are drawn at random.
#[derive(Debug)]
struct Weather {
    chance: Chance,
    calm: Arc<AtomicBool>,
    cut: watch::Receiver<bool>,
}

/// State of one run.
struct Life {
    chance: Chance,
    /// Whether nothing fails in this run.
    calm: bool,
    /// Whether the network is currently without failures.
    fair: Arc<AtomicBool>,
    clock: SharedClock,
    /// Storage's clock.
    settable: Arc<Settable>,
    /// Whether storage's clock is set during the run.
    leaps: bool,
    /// Whether the settings of the replicas differ.
    unequal: bool,
    database: Arc<Database>,
    recorder: Recorder,
    members: Mutex<Vec<Arc<Member>>>,
    cuts: Vec<watch::Sender<bool>>,
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
struct Toll {
    right: usize,
    undecided: usize,
    restores: usize,
    reasons: BTreeMap<String, usize>,
}

#[async_trait]
impl Road for Weather {
    async fn pass(&self, _: Call, _: Way) -> Result<()> {
        let (delay, lost) = {
            let mut chance = self.chance.lock();
            let calm = self.calm.load(Ordering::Relaxed);
            let slow = !calm && chance.percent(3);
            (chance.below(if slow { 700 } else { 6 }), !calm && chance.percent(3))
        };
        pass(Duration::from_millis(delay.try_into().expect("small"))).await;
        if lost {
            return Err(Error::unavailable("lost on the way"));
        }
        let refused = *self.cut.borrow() && self.chance.lock().percent(50);
        if refused {
            return Err(Error::unavailable("cut off"));
        }
        // Held until the network works again: earlier reads are delivered late.
        self.cut.clone().wait_for(|cut| !cut).await.map(|_| ()).map_err(|_| Error::unavailable("over"))
    }
}

impl Life {
    fn new(seed: u64) -> Self {
        let clock: SharedClock = Arc::new(Virtual::new());
        let settable = Settable::new(&clock);
        let recorder = Recorder::new(Arc::clone(&clock));
        know_all_tokens(&recorder);
        Self {
            chance: Arc::new(Mutex::new(Random::new(seed))),
            calm: seed.is_multiple_of(4),
            fair: Arc::new(AtomicBool::new(seed.is_multiple_of(4))),
            database: Database::new(Arc::<Settable>::clone(&settable)),
            settable,
            leaps: seed % 4 == 1,
            unequal: seed % 4 == 2,
            clock,
            recorder,
            members: Mutex::default(),
            cuts: (0..2).map(|_| watch::Sender::new(false)).collect(),
            writing: tokio::sync::Mutex::default(),
            undecided: AtomicUsize::new(0),
        }
    }

    fn below(&self, bound: usize) -> usize {
        self.chance.lock().below(bound)
    }

    fn percent(&self, chance: usize) -> bool {
        self.chance.lock().percent(chance)
    }

    async fn for_a_while(&self, at_most: usize) {
        let millis = self.below(at_most).try_into().expect("small");
        pass(Duration::from_millis(millis)).await;
    }

    /// Starts a replica in a slot; a crashed one in the slot is removed.
    fn start(&self, at: usize, number: u8) {
        let road =
            Weather { chance: Arc::clone(&self.chance), calm: Arc::clone(&self.fair), cut: self.cuts[at].subscribe() };
        let shared = self.percent(50);
        let line = self.database.line(road, shared);
        // The second one's is longer.
        let member = Arc::new(Member::start_with(
            number,
            line,
            &self.clock,
            StepHook::default(),
            POLL_INTERVAL,
            self.staleness(at),
        ));
        let mut members = self.members.lock();
        if at < members.len() {
            members[at].tasks.stop();
            members[at] = member;
        } else {
            members.push(member);
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
        let action = Action::random(&mut self.chance.lock());
        let huge = self.percent(3);
        let Some(cursor) = self.database.commit(action, huge) else { return };
        let reaches = if self.percent(50) { 100 } else { 30 };
        self.database.wake(|| self.percent(reaches));
        // As in the server: replicas that may still decide from the state before the write are waited for, or named.
        let writer = {
            let members = self.members.lock();
            Arc::clone(&members[self.below(members.len())])
        };
        let here = writer.authority.wait_applied_cursor(cursor, WRITE_WAIT);
        let (here, pending) = tokio::join!(here, writer.authority.wait_applied_elsewhere(cursor.revision, WRITE_WAIT));
        let everywhere = here && pending.is_some_and(|pending| pending.is_empty());
        self.recorder.acknowledged_as(&cursor.to_string(), everywhere);
        written.newest = Some(cursor);
    }

    async fn ask(&self) {
        let member = {
            let members = self.members.lock();
            Arc::clone(&members[self.below(members.len())])
        };
        let min_revision = if self.percent(20) { self.writing.lock().await.newest } else { None };
        let method = ["GET /x", "GET /y", "/x", "GET /none"][self.below(4)];
        let stores = ["", "", "a", "b"];
        let mut question = question(self.below(KEYS), self.below(SECRETS), method, stores[self.below(4)]);
        if self.percent(3) {
            question = Question { token: "lk_mistyped".to_owned(), ..question };
        }
        question.min_revision = min_revision.map(|cursor| cursor.revision.0);
        if member.ask(&self.recorder, question, min_revision).await.is_err() {
            self.undecided.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Causes a failure, unless the run is calm.
    async fn befall(&self) {
        if self.calm {
            return;
        }
        self.for_a_while(1_000).await;
        let at = self.below(2);
        if self.leaps {
            return self.set_the_clock(at).await;
        }
        match self.below(4) {
            0 | 1 => {
                self.cuts[at].send_replace(true);
                self.for_a_while(2_500).await;
                self.cuts[at].send_replace(false);
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
        self.cuts[at].send_replace(cut == 0);
        if cut == 0 {
            self.for_a_while(600).await;
        }
        self.settable.leap(leap);
        self.cuts[at].send_replace(cut <= 1);
        self.for_a_while(600).await;
        self.ask_all_about_the_first_key().await;
        if self.percent(20) {
            self.start(at, 7);
        }
        if self.percent(70) {
            self.settable.leap(-leap);
        }
        self.for_a_while(900).await;
        self.cuts[at].send_replace(false);
        self.for_a_while(300).await;
        self.ask_all_about_the_first_key().await;
    }

    async fn ask_all_about_the_first_key(&self) {
        let members = self.members.lock().clone();
        for member in members {
            for secret in 0..SECRETS {
                let asked = member.ask(&self.recorder, question(0, secret, "GET /none", ""), None).await;
                self.undecided.fetch_add(usize::from(asked.is_err()), Ordering::Relaxed);
            }
        }
    }

    async fn restore(&self) {
        let mut written = self.writing.lock().await;
        let millisecond = Duration::from_millis(1);
        pass(millisecond).await;
        let before = self.database.history();
        let head = before.head();
        let back = u64::try_from(self.below(6)).expect("small").min(head - 1);
        self.database.restore(Revision(head - back));
        written.restored = Some((before, self.clock.monotonic()));
        written.newest = written.newest.filter(|newest| newest.revision.0 <= head - back);
        // Other writers may have committed much before any replica polls again.
        for _ in 0..self.below(10) {
            let action = Action::random(&mut self.chance.lock());
            let _ = self.database.commit(action, false);
        }
        // Table by table: the revision may be restored long before the rest.
        let late = Late { secrets: self.percent(30), stores: self.percent(30), methods: self.percent(30) };
        self.database.bring_late(late);
        pass(millisecond).await;
        drop(written);
        if late != Late::default() {
            self.for_a_while(3_000).await;
            self.database.bring_late(Late::default());
        }
    }

    async fn converge(&self, seed: u64) {
        for cut in &self.cuts {
            cut.send_replace(false);
        }
        self.fair.store(true, Ordering::Relaxed);
        pass(Duration::from_secs(8)).await;
        let members = self.members.lock().clone();
        for member in members {
            let (revision, head) = (member.authority.revision(), self.database.head().revision);
            assert!(member.authority.is_ready(), "seed {seed}: {} does not recover", member.name);
            assert_eq!(revision, head, "seed {seed}: {} has not caught up", member.name);
            // However storage's clock was set, every replica follows it.
            let (now, storage) = (member.authority.now(), self.settable.now());
            let apart = now.since(storage).max(storage.since(now));
            assert!(
                apart < Duration::from_millis(100),
                "seed {seed}: {} is at {now}, storage at {storage}",
                member.name
            );
            member.tasks.stop();
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
        // storage's clock is set, expiry is checked separately: `nothing_opens_again`.
        let slack = match () {
            () if self.leaps => Duration::from_hours(3),
            () if self.calm => Duration::from_millis(20),
            () => self.longest_staleness(),
        };
        checker.slack(slack).check(&records)
    }
}

/// Asserts that a replica never allows a call that it has refused as expired, unless the key was changed meanwhile; nor
/// does any other replica, once that must have polled.
fn nothing_opens_again(records: &Records, history: &History, seed: u64) {
    let changed = |token: &str, after: u64, until: u64| {
        let key = (0..KEYS).find(|key| (0..SECRETS).any(|secret| crate::tables::token(*key, secret).reveal() == token));
        let subject = key.map(|key| crate::tables::key_id(key).to_string());
        history.changes.iter().any(|change| {
            change.revision > after && change.revision <= until && Some(&change.subject) == subject.as_ref()
        })
    };
    let verdict = |told: &Told| if let Told::Decision(verdict) = told { Some(verdict.clone()) } else { None };
    let expired = |verdict: &crate::oracle::Verdict| verdict.failed.iter().any(|reason| reason == "KEY_EXPIRED");
    for refused in &records.answers {
        let Some(before) = verdict(&refused.told).filter(expired) else { continue };
        for later in records.answers.iter().filter(|later| later.question.token == refused.question.token) {
            let settled = if later.replica == refused.replica { Duration::ZERO } else { MAX_STALENESS };
            let Some(after) = verdict(&later.told).filter(|after| after.allowed) else { continue };
            if later.begun.mono > refused.ended.mono + settled {
                let opened = !changed(&refused.question.token, before.revision, after.revision);
                assert!(
                    !opened || after.revision < before.revision,
                    "seed {seed}: {} refused at {:?} as expired what {} allowed at {:?}: {before:?}, {after:?}",
                    refused.replica,
                    refused.ended,
                    later.replica,
                    later.begun
                );
            }
        }
    }
}

async fn live(seed: u64) -> Toll {
    let life = Arc::new(Life::new(seed));
    let house = [0, 1].map(Action::Store).into_iter().chain([0, 1].map(Action::Method));
    for action in house.chain((0..KEYS).map(Action::Switch)) {
        life.database.commit(action, false).expect("there is something to change");
    }
    if life.leaps {
        life.database.commit(Action::ExpireLater(0), false).expect("the key is there");
    }
    (0..2).for_each(|at| life.start(at, at.try_into().expect("small")));
    let tasks = Tasks::new();
    let mut running = Vec::new();
    let begin = life.database.head().revision;
    let members = life.members.lock().clone();
    for member in members.iter().filter(|_| life.calm) {
        assert!(member.authority.wait_applied(begin, Duration::from_secs(60)).await, "seed {seed}: no start");
    }
    for _ in 0..CALLERS {
        let life = Arc::clone(&life);
        running.push(tasks.spawn("call", async move {
            for _ in 0..CALLS {
                life.for_a_while(160).await;
                life.ask().await;
            }
        }));
    }
    let writer = Arc::clone(&life);
    running.push(tasks.spawn("write", async move {
        for _ in 0..WRITES {
            writer.for_a_while(200).await;
            writer.write().await;
            if writer.percent(50) {
                writer.ask().await;
            }
        }
    }));
    let fate = Arc::clone(&life);
    running.push(tasks.spawn("befall", async move { fate.befall().await }));
    for task in running {
        task.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    life.converge(seed).await;
    let written = life.writing.lock().await;
    let report = life.report(&written);
    assert!(report.wrong == 0, "seed {seed}: {} wrong answer(s):\n{}", report.wrong, report.complaints.join("\n"));
    nothing_opens_again(&life.recorder.records(), &life.database.history(), seed);
    let undecided = life.undecided.load(Ordering::Relaxed);
    assert!(!life.calm || undecided == 0, "seed {seed}: {undecided} calls undecided although nothing went wrong");
    Toll { right: report.right, undecided, restores: usize::from(written.restored.is_some()), reasons: report.reasons }
}

/// Runs a single-threaded runtime whose clock jumps: the run depends on the seed alone.
fn one(seed: u64) -> Toll {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime is made").block_on(live(seed))
}

fn number(name: &str, unless: u64) -> u64 {
    std::env::var(name).map_or(unless, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
#[expect(clippy::print_stdout, reason = "shown with a failure, or when asked for")]
fn every_answer_of_every_life_is_right() {
    let (first, count) = (number("LATCHKEY_TEST_SEED", 1), number("LATCHKEY_TEST_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let total = Mutex::new(Toll::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let toll = std::panic::catch_unwind(|| one(seed)).unwrap_or_else(|panic| {
                        // The other threads need not continue.
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                        println!("replay it: LATCHKEY_TEST_SEED={seed} LATCHKEY_TEST_SEEDS=1 cargo test --test coherence simulate");
                        std::panic::resume_unwind(panic)
                    });
                    total.lock().add(toll);
                }
            });
        }
    });
    let total = total.into_inner();
    println!("{count} lives from seed {first}: {total:?}");
    if count >= 1_000 {
        total.assert_rich(usize::try_from(count).expect("small"));
    }
}

impl Toll {
    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.undecided += other.undecided;
        self.restores += other.restores;
        for (reason, times) in other.reasons {
            *self.reasons.entry(reason).or_default() += times;
        }
    }

    /// Asserts that the runs covered enough for their success to mean something.
    fn assert_rich(&self, lives: usize) {
        assert!(self.right >= 10 * lives && self.restores >= lives / 20 && self.undecided > 0, "{self:?}");
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
