//! A replica under test: the real authority over a simulated network to storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::authority::{Authority, Query, Settings, StepHook, Undecided};
use latchkey::clock::SharedClock;
use latchkey::lifecycle::Tasks;
use latchkey::model::change::Cursor;
use latchkey::model::decision::{Decision, Reason, Request, Scope, StoresFrom};
use latchkey::model::id::ReplicaId;
use latchkey::model::time::Timestamp;
use latchkey::storage::Feed;
use latchkey::telemetry::metrics::Metrics;

use crate::coherence::tables::{KEYS, SECRETS, key_id, secret_id, token};
use helpers::oracle::{DecisionRequest, Moment, Outcome, Recorder, Verdict};

/// Longest time without proof of freshness in a simulation run.
pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(1);
/// Time between polls.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A replica.
#[derive(Debug)]
pub(crate) struct TestReplica {
    pub(crate) name: String,
    pub(crate) authority: Authority,
    /// The same authority as a data thread has it.
    worker: Authority,
    /// Number of calls so far; every other one uses the data thread's authority.
    calls: AtomicUsize,
    pub(crate) tasks: Tasks,
    pub(crate) metrics: Arc<Metrics>,
}

impl TestReplica {
    /// Starts the `number`th replica.
    pub(crate) fn start(number: u8, storage: Arc<dyn Feed>, clock: &SharedClock, steps: StepHook) -> Self {
        Self::start_with(number, storage, clock, steps, POLL_INTERVAL, MAX_STALENESS)
    }

    /// Starts a replica that polls only when it is woken, within the time of a test.
    pub(crate) fn start_slow(number: u8, storage: Arc<dyn Feed>, clock: &SharedClock, steps: StepHook) -> Self {
        Self::start_with(number, storage, clock, steps, Duration::from_hours(1), Duration::from_hours(1))
    }

    /// Starts a replica with other settings.
    pub(crate) fn start_with(
        number: u8,
        storage: Arc<dyn Feed>,
        clock: &SharedClock,
        steps: StepHook,
        poll_interval: Duration,
        max_staleness: Duration,
    ) -> Self {
        let settings = Settings {
            replica: ReplicaId::new(Timestamp::EPOCH, [number; 10]),
            host: "simulated".to_owned(),
            cache_capacity: 100,
            poll_interval,
            max_staleness,
            read_wait: Duration::from_millis(500),
            usage: false,
            hash_key: [number; 16],
        };
        let (tasks, metrics) = (Tasks::new(), Arc::new(Metrics::new()));
        let authority = Authority::start_with_hook(storage, settings, clock, &tasks, Arc::clone(&metrics), steps);
        let worker = authority.for_worker();
        Self { name: format!("replica {number}"), authority, worker, calls: AtomicUsize::new(0), tasks, metrics }
    }

    /// Makes a call like a client's request: from memory first. Records the decision if there is one.
    pub(crate) async fn authorize(
        &self,
        recorder: &Recorder,
        request: DecisionRequest,
        min_revision: Option<Cursor>,
    ) -> Result<(), Undecided> {
        let sent = recorder.now();
        let query = query(&request, min_revision);
        let by_worker = self.calls.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        let authority = if by_worker { &self.worker } else { &self.authority };
        let verdict = match authority.decide_now(&query, verdict) {
            Some(verdict) => verdict,
            None => authority.decide(&query, verdict).await?,
        };
        self.record(recorder, sent, request, verdict);
        Ok(())
    }

    /// Makes a call that uses only state in memory, on both authorities, and records the decisions.
    pub(crate) fn authorize_now(
        &self,
        recorder: &Recorder,
        request: DecisionRequest,
        min_revision: Option<Cursor>,
    ) -> Option<Verdict> {
        let mut decided = None;
        for authority in [&self.worker, &self.authority] {
            let sent = recorder.now();
            let verdict = authority.decide_now(&query(&request, min_revision), verdict)?;
            self.record(recorder, sent, request.clone(), verdict.clone());
            decided = Some(verdict);
        }
        decided
    }

    fn record(&self, recorder: &Recorder, sent: Moment, request: DecisionRequest, verdict: Verdict) {
        recorder.record(&self.name, sent, request, Outcome::Decision(verdict));
    }
}

/// Adds the owners of all tokens to a recorder.
pub(crate) fn record_all_tokens(recorder: &Recorder) {
    for (key, secret) in (0..KEYS).flat_map(|key| (0..SECRETS).map(move |secret| (key, secret))) {
        let id = secret_id(key, secret).to_string();
        recorder.record_token(token(key, secret).reveal(), &key_id(key).to_string(), &id);
    }
}

/// Returns a call of `method` with a key's token.
pub(crate) fn request(key: usize, secret: usize, method: &str, store: &str) -> DecisionRequest {
    DecisionRequest {
        token: token(key, secret).reveal().to_owned(),
        method: method.to_owned(),
        store: store.to_owned(),
        ..DecisionRequest::default()
    }
}

fn query(request: &DecisionRequest, min_revision: Option<Cursor>) -> Query<'_> {
    let decision_request = Request {
        method: &request.method,
        store: &request.store,
        stores: &request.stores,
        client: request.client,
        stores_from: StoresFrom::Service,
    };
    Query { token: &request.token, request: decision_request, min_revision }
}

fn verdict(decision: &Decision<'_>) -> Verdict {
    let (key, secret) = decision.key.unzip();
    let owned = |codes: &[&str]| codes.iter().map(ToString::to_string).collect();
    Verdict {
        allowed: decision.allowed(),
        reason: decision.failed.first().map_or("ALLOWED", Reason::as_str).to_owned(),
        failed: decision.failed.iter().map(|reason| reason.as_str().to_owned()).collect(),
        key: key.map(|key| key.to_string()).unwrap_or_default(),
        secret: secret.map(|secret| secret.to_string()).unwrap_or_default(),
        store: decision.store.unwrap_or_default().to_owned(),
        scope: decision.scope.as_ref().map(|scope| match scope {
            Scope::All => vec!["*".to_owned()],
            Scope::Listed(codes) => owned(codes),
            Scope::Large => vec!["more".to_owned()],
        }),
        denied: owned(&decision.denied_stores),
        methods: decision.methods.iter().map(|entry| entry.identity.to_string()).collect(),
        within_scope: decision.scope_must_be_applied,
        revision: decision.revision.0,
    }
}
