//! Calls to every server for the duration of a test, each checked by the ledger; and concurrent writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::changes::{self, CHANGE_KINDS, Subject};
use super::ledger::Ledger;
use super::{Fleet, now};
use crate::calls::{Client, METHODS, STORES, key_with_access, spawn_task};
use crate::support::pass;

/// A call that got no decision.
#[derive(Debug, Clone)]
pub struct Failure {
    /// When it was sent.
    pub sent: Duration,
    /// Index of the server.
    pub server: usize,
    /// The status received.
    pub status: String,
}

/// Results of the calls with warm keys.
#[derive(Debug, Default)]
pub struct Tally {
    /// Calls that got a decision, for each server: when they were sent, in milliseconds, and how long they took, in
    /// microseconds.
    pub answered: Vec<Vec<(u32, u32)>>,
    /// The other calls.
    pub failures: Vec<Failure>,
    began: Duration,
}

impl Tally {
    /// Returns the durations of the calls sent from `from` until before `until`, in microseconds.
    #[must_use]
    pub fn times(&self, from: Duration, until: Duration) -> Vec<u32> {
        let within = self.offset_millis(from)..self.offset_millis(until);
        let answered = self.answered.iter().flatten().filter(|(sent, _)| within.contains(sent));
        answered.map(|(_, took)| *took).collect()
    }

    /// Returns a moment in the unit of [`Tally::answered`].
    fn offset_millis(&self, at: Duration) -> u32 {
        u32::try_from(at.saturating_sub(self.began).as_millis()).unwrap_or(u32::MAX)
    }

    /// Asserts that at least 99.99 % of the calls to `servers` sent from `from` until before `until` got a decision.
    ///
    /// # Panics
    ///
    /// When they were not, or when there were too few for that to mean anything.
    pub fn assert_answered(&self, servers: &[usize], from: Duration, until: Duration) {
        let within = self.offset_millis(from)..self.offset_millis(until);
        let answered: usize = servers
            .iter()
            .map(|server| self.answered[*server].iter().filter(|(sent, _)| within.contains(sent)).count())
            .sum();
        let of_these = |failure: &&Failure| servers.contains(&failure.server) && (from..until).contains(&failure.sent);
        let failed: Vec<_> = self.failures.iter().filter(of_these).collect();
        assert!(answered >= 50, "only {answered} calls were answered within {:?}", until.saturating_sub(from));
        assert!(
            failed.len() * 10_000 <= answered + failed.len(),
            "{} calls of {} were not answered; the first: {:?}",
            failed.len(),
            answered + failed.len(),
            &failed[..failed.len().min(5)],
        );
    }
}

/// Running calls. Half of them use warm keys, which nobody changes; the rest use all keys of the ledger.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<CallerResult>>,
    began: Duration,
    servers: usize,
}

impl Load {
    /// Creates `warm` keys that nobody changes, calls every server with each once, and starts `callers` concurrent
    /// callers for each server, with `pause` between their calls.
    ///
    /// # Panics
    ///
    /// When a key cannot be created or is not allowed.
    pub async fn start(fleet: &Fleet, warm: usize, callers: usize, pause: Duration) -> Self {
        let mut tokens = Vec::new();
        for number in 0..warm {
            let key = key_with_access(&format!("warm {number}"), &STORES[..2], &METHODS[1..2]);
            let made = changes::create_key(&fleet.members[0].client, &fleet.ledger, key).await;
            let (_, token) = made.expect("a key is made");
            for member in &fleet.members {
                let decision = fleet.ledger.authorize(&member.client, &member.replica, &token).await;
                let decision = decision.expect("a call is decided");
                assert!(decision.allowed, "{decision:?}");
            }
            tokens.push(token);
        }
        let tokens = Arc::new(tokens);
        let (stop, began) = (Arc::new(AtomicBool::new(false)), now());
        let mut tasks = Vec::new();
        for (server, member) in fleet.members.iter().enumerate() {
            for number in 0..callers {
                let caller = Caller {
                    server,
                    client: member.client.clone(),
                    replica: member.replica.clone(),
                    ledger: Arc::clone(&fleet.ledger),
                    warm: Arc::clone(&tokens),
                    stop: Arc::clone(&stop),
                    began,
                    pause,
                };
                tasks.push(spawn_task(caller.run(number * 7)));
            }
        }
        Self { stop, callers: tasks, began, servers: fleet.members.len() }
    }

    /// Stops the calls.
    ///
    /// # Panics
    ///
    /// When a caller panicked.
    pub async fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally { answered: vec![Vec::new(); self.servers], failures: Vec::new(), began: self.began };
        for caller in self.callers {
            let (server, answered, failures) = caller.await.expect("a caller does not panic");
            tally.answered[server].extend(answered);
            tally.failures.extend(failures);
        }
        tally
    }
}

/// A server, its calls with a decision, as in [`Tally::answered`], and its failed calls.
type CallerResult = (usize, Vec<(u32, u32)>, Vec<Failure>);

struct Caller {
    server: usize,
    client: Client,
    replica: String,
    ledger: Arc<Ledger>,
    warm: Arc<Vec<String>>,
    stop: Arc<AtomicBool>,
    began: Duration,
    pause: Duration,
}

impl Caller {
    async fn run(self, first: usize) -> CallerResult {
        let (mut answered, mut failures) = (Vec::new(), Vec::new());
        let mut all = Vec::new();
        for number in first.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let warm = number % 2 == 0 || all.is_empty();
            if number % 64 == 0 {
                all = self.ledger.all_tokens();
            }
            let token = if warm { &self.warm[number / 2 % self.warm.len()] } else { &all[number % all.len()] };
            let sent = now();
            let answer = self.ledger.authorize(&self.client, &self.replica, token).await;
            if warm {
                match answer {
                    Ok(_) => {
                        let since = sent.saturating_sub(self.began).as_millis();
                        let took = now().saturating_sub(sent).as_micros();
                        let small = |number: u128| u32::try_from(number).unwrap_or(u32::MAX);
                        answered.push((small(since), small(took)));
                    }
                    Err(status) => {
                        let status = format!("{:?}: {}", status.code(), status.message());
                        failures.push(Failure { sent, server: self.server, status });
                    }
                }
            }
            pass(self.pause).await;
        }
        (self.server, answered, failures)
    }
}

/// Writers: each repeatedly creates a key through one server and ends it through another, despite any failures.
#[derive(Debug)]
pub struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    done: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
}

impl Writers {
    /// Starts `writers` concurrent writers, each with `pause` after each key.
    pub fn start(fleet: &Fleet, servers: &[usize], writers: usize, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (done, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = servers.iter().map(|server| fleet.members[*server].client.clone()).collect();
        let tasks = (0..writers).map(|writer| {
            let (clients, ledger) = (clients.clone(), Arc::clone(&fleet.ledger));
            let (stop, done, failed) = (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&failed));
            // Makes key names unique across several runs of writers in one test.
            let run = now().as_millis();
            spawn_task(async move {
                for number in writer.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let (one, other) = (&clients[number % clients.len()], &clients[(number / 2 + 1) % clients.len()]);
                    let name = format!("w{run}-{writer}-{number}");
                    let kind = CHANGE_KINDS[number % CHANGE_KINDS.len()];
                    let ended = match Subject::create(one, &ledger, kind, &name).await {
                        Ok(subject) => subject.end(other, &ledger).await.map(drop),
                        Err(status) => Err(status),
                    };
                    if ended.is_ok() { &done } else { &failed }.fetch_add(1, Ordering::Relaxed);
                    pass(pause).await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { stop, tasks, done, failed }
    }

    /// Returns how many ends were acknowledged so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Stops the writers, and returns how many ends were acknowledged and how many writes were not.
    ///
    /// # Panics
    ///
    /// When a writer panicked.
    pub async fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a writer does not panic");
        }
        (self.done.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}
