//! A flood of the most expensive requests, and its effects on other clients: /livez, revocations, valid calls, memory,
//! and shutdown by SIGTERM. `cargo bench -- flood` runs it in full, the test here briefly.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use latchkey::clock::{Clock as _, SystemClock};
use latchkey::proto::v1 as proto;
use tonic::Code;

use super::process_cost::memory;
use super::raw::{Call, Connection};
use super::requests::{self as worst, PROFILE, UNKNOWN};
use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::support::process::LatchkeyProcess;
use helpers::support::{http, pass};

/// Connections of the flood.
pub const CONNECTIONS: usize = 64;
/// Deadline of valid calls.
const DEADLINE: Duration = Duration::from_secs(1);
/// Time that a server has for its shutdown.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Timeout of a flood request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Effects noticed by other clients.
#[derive(Debug, Default)]
pub struct Impact {
    /// Longest response time of /livez on any replica.
    pub livez: Duration,
    /// Longest time until a revocation was acknowledged.
    pub revoked: Duration,
    /// Number of revocations.
    pub revocations: usize,
    /// Allowed calls after an acknowledged revocation, on any replica.
    pub allowed_after_revocation: usize,
    /// Revocations with a replica pending.
    pub pending: usize,
    /// Valid calls.
    pub calls: u64,
    /// Those of them that returned in time.
    pub answered: u64,
    /// Memory growth of the largest replica, in bytes.
    pub grown: usize,
    /// Longest time of a replica's shutdown after SIGTERM.
    pub ended: Duration,
    /// The exit statuses of the replicas.
    pub endings: Vec<String>,
    /// Requests of the flood that were processed, refused as overload, and failed otherwise.
    pub flood: [u64; 3],
}

/// Size of the flood.
#[derive(Debug, Clone)]
pub struct FloodSize {
    /// Duration of the flood before SIGTERM.
    pub time: Duration,
    /// The database of the replicas; `None` for one server on SQLite.
    pub database: Option<String>,
    /// Number of replicas.
    pub replicas: usize,
}

/// Returns the requests of the flood, one per connection: bodies of 0.9 MB with `valid` and unknown keys, and batches.
fn requests(valid: &str) -> Vec<Arc<Call>> {
    const BODY: usize = 900_000;
    let calls = [
        worst::json_stores("", BODY),
        worst::json_stores(UNKNOWN, BODY),
        worst::json_stores(valid, BODY),
        worst::parts_stores(UNKNOWN, BODY),
        worst::parts_stores(valid, BODY),
        worst::form_stores(valid, BODY),
        worst::batch_stores(valid, BODY),
        worst::batch_paths(UNKNOWN, BODY),
    ];
    calls.into_iter().map(Arc::new).collect()
}

/// Starts the replicas, floods them, and returns what other clients noticed.
pub async fn run(size: &FloodSize) -> Impact {
    let mut file = tempfile::NamedTempFile::new().expect("a file is made");
    file.write_all(PROFILE.as_bytes()).expect("the file is written");
    let drain = format!("{}s", DRAIN.as_secs());
    let start = || {
        let builder = LatchkeyProcess::builder().env("LATCHKEY_CONFIG", file.path()).env("LATCHKEY_DRAIN", &drain);
        match &size.database {
            Some(url) => builder.database(url),
            None => builder,
        }
        .start()
    };
    let mut replicas: Vec<LatchkeyProcess> = (0..size.replicas).map(|_| start()).collect();
    let admin = replicas[0].admin_token();
    let clients: Vec<Client> = replicas.iter().map(|replica| Client::new(replica.addresses(), &admin)).collect();
    clients[0].create_test_data().await;
    let key = || key_with_access("used", &STORES[..2], &METHODS);
    let (_, valid) = clients[0].create_key(key()).await.expect("a key is made");
    let mut revocable = Vec::new();
    for _ in 0..(size.time.as_secs() / 2).clamp(2, 20) {
        revocable.push(clients[0].create_key(key()).await.expect("a key is made"));
    }
    // The baseline of memory is taken after first use: buffers, caches, the pool's threads.
    let calls = requests(&valid);
    for replica in &replicas {
        let connection = Connection::new(replica.addresses().decision, &admin);
        for call in &calls {
            let _ = connection.call(call, TIMEOUT).await;
        }
    }
    for client in &clients {
        for (_, token) in &revocable {
            assert!(client.authorize(token, STATUSES, "").await.expect("decided").allowed, "the key opens it");
        }
    }
    let before: Vec<usize> = replicas.iter().map(|replica| memory(replica.pid()).unwrap_or(0)).collect();

    let over = Arc::new(AtomicBool::new(false));
    let flood: Arc<[AtomicU64; 3]> = Arc::default();
    let mut tasks = Vec::new();
    for number in 0..CONNECTIONS {
        let replica = &replicas[number % replicas.len()];
        let connection = Connection::new(replica.addresses().decision, &admin);
        let call = Arc::clone(&calls[number / replicas.len() % calls.len()]);
        let (over, flood) = (Arc::clone(&over), Arc::clone(&flood));
        tasks.push(spawn_task(async move {
            while !over.load(Ordering::Relaxed) {
                let count = match connection.call(&call, TIMEOUT).await {
                    Ok(_) => 0,
                    Err(status) if status.code() == Code::Unavailable => {
                        // As a client would that waits for its response.
                        pass(Duration::from_millis(20)).await;
                        1
                    }
                    Err(_) => 2,
                };
                flood[count].fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let (calls, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let measured = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for client in &clients {
        let (client, valid, measured) = (client.clone(), valid.clone(), Arc::clone(&measured));
        let (calls, answered) = (Arc::clone(&calls), Arc::clone(&answered));
        callers.push(spawn_task(async move {
            while !measured.load(Ordering::Relaxed) {
                let call = tokio::time::timeout(DEADLINE, client.authorize(&valid, STATUSES, "")).await;
                calls.fetch_add(1, Ordering::Relaxed);
                if matches!(call, Ok(Ok(decision)) if decision.allowed) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                pass(Duration::from_millis(10)).await;
            }
        }));
    }
    let watches: Vec<_> = replicas
        .iter()
        .zip(before)
        .map(|(replica, before)| {
            let (ops, pid, measured) = (replica.addresses().ops, replica.pid(), Arc::clone(&measured));
            spawn_task(async move {
                let (mut longest, mut most) = (Duration::ZERO, 0);
                while !measured.load(Ordering::Relaxed) {
                    let began = SystemClock.monotonic();
                    let probe = tokio::task::spawn_blocking(move || http::get(ops, "/livez"));
                    let alive = probe.await.expect("it is asked").is_ok_and(|answer| answer.status == 200);
                    // No response at all counts as the timeout of a probe.
                    let took = SystemClock.monotonic().saturating_sub(began);
                    longest = longest.max(if alive { took } else { TIMEOUT });
                    most = most.max(memory(pid).unwrap_or(0).saturating_sub(before));
                    pass(Duration::from_millis(50)).await;
                }
                (longest, most)
            })
        })
        .collect();

    let mut impact = Impact::default();
    let pause = size.time / u32::try_from(revocable.len() + 1).expect("a few");
    for (key, token) in revocable {
        pass(pause).await;
        let began = SystemClock.monotonic();
        let request = proto::RevokeKeyRequest { id: key.id, reason: "flooded".to_owned(), ..Default::default() };
        let revoked = tokio::time::timeout(TIMEOUT, clients[0].keys().revoke_key(request)).await;
        impact.revoked = impact.revoked.max(SystemClock.monotonic().saturating_sub(began));
        impact.revocations += 1;
        let written = revoked.ok().and_then(Result::ok).and_then(|answer| answer.into_inner().written);
        if written.is_none_or(|written| !written.pending_replicas.is_empty()) {
            impact.pending += 1;
        }
        for client in &clients {
            if client.authorize(&token, STATUSES, "").await.is_ok_and(|decision| decision.allowed) {
                impact.allowed_after_revocation += 1;
            }
        }
    }
    pass(pause).await;
    measured.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("the callers call");
    }
    for watch in watches {
        let (longest, most) = watch.await.expect("somebody watches");
        impact.livez = impact.livez.max(longest);
        impact.grown = impact.grown.max(most);
    }
    // Shutdown while the flood continues.
    let began = SystemClock.monotonic();
    replicas.iter_mut().for_each(LatchkeyProcess::terminate);
    for replica in &mut replicas {
        let status = tokio::task::block_in_place(|| replica.wait_exit(DRAIN * 6));
        impact.ended = impact.ended.max(SystemClock.monotonic().saturating_sub(began));
        impact.endings.push(status.to_string());
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.abort();
    }
    impact.calls = calls.load(Ordering::Relaxed);
    impact.answered = answered.load(Ordering::Relaxed);
    impact.flood = std::array::from_fn(|kind| flood[kind].load(Ordering::Relaxed));
    impact
}

impl Impact {
    /// Returns the percentage of valid calls that returned in time.
    pub fn answered_percent(&self) -> f64 {
        self.answered as f64 * 100.0 / self.calls.max(1) as f64
    }
}
