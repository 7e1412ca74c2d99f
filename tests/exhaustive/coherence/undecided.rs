//! A call without a decision names the reason that applies: storage is blamed only if it did not respond.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use latchkey::authority::{ApplyStep, StepHook, Undecided};
use latchkey::clock::SharedClock;
use latchkey::config::profiles;
use latchkey::gateway::{Body, Gateway, HttpRequest};
use latchkey::model::change::{Cursor, Revision};
use latchkey::model::decision::{Request, StoresFrom};
use latchkey::model::key::{Key, KeySpec};
use latchkey::storage::{Error, Result};
use parking_lot::Mutex;

use crate::coherence::clock::{VirtualClock, pass};
use crate::coherence::replica::{TestReplica, record_all_tokens, request};
use crate::coherence::storage::{Call, Database, Direction, Network};
use crate::coherence::tables::{Action, DelayedTables, key_id, token};
use helpers::oracle::Recorder;

/// A network on which something is changed, or lost, whenever a call passes.
#[derive(Debug)]
struct Busy {
    database: Arc<Database>,
    /// Committed when this call passes in this direction.
    change: Mutex<Option<(Call, Direction, Action)>>,
    /// Whether reads of grants are lost.
    lost: AtomicBool,
}

#[async_trait]
impl Network for Arc<Busy> {
    async fn deliver(&self, call: Call, direction: Direction) -> Result<()> {
        if call == Call::Grant && self.lost.load(Ordering::Relaxed) {
            return Err(Error::unavailable("lost"));
        }
        let change = *self.change.lock();
        if let Some((of, at, action)) = change
            && (of, at) == (call, direction)
        {
            self.database.commit(action, false).expect("there is something to change");
            if call != Call::Poll {
                // The change is applied before the response is delivered.
                self.database.wake(|| true);
                pass(Duration::from_millis(300)).await;
            }
        }
        Ok(())
    }
}

struct Life {
    database: Arc<Database>,
    busy: Arc<Busy>,
    member: Arc<TestReplica>,
    recorder: Arc<Recorder>,
}

impl Life {
    async fn start() -> Self {
        Self::start_with(StepHook::default()).await
    }

    async fn start_with(steps: StepHook) -> Self {
        let clock: SharedClock = Arc::new(VirtualClock::new());
        let recorder = Arc::new(Recorder::new(Arc::clone(&clock)));
        record_all_tokens(&recorder);
        let database = Database::new(Arc::clone(&clock));
        let mut last = Cursor::default();
        for action in [Action::Store(0), Action::Method(0), Action::Switch(0)] {
            last = database.commit(action, false).expect("there is something to change");
        }
        let (change, lost) = (Mutex::new(None), AtomicBool::new(false));
        let busy = Arc::new(Busy { database: Arc::clone(&database), change, lost });
        let member = Arc::new(TestReplica::start(1, database.link(Arc::clone(&busy), true), &clock, steps));
        assert!(member.authority.wait_applied(last.revision, Duration::from_secs(60)).await);
        Self { database, busy, member, recorder }
    }

    /// Makes a call with the key, which is not in memory yet.
    async fn call(&self) -> std::result::Result<(), Undecided> {
        self.member.authorize(&self.recorder, request(0, 0, "GET /x", "a"), None).await
    }
}

/// A reload removes the grants of keys in use before it has replaced the World. A call in between waits.
#[tokio::test(start_paused = true)]
async fn a_call_between_the_steps_of_a_reload_waits_for_its_end() {
    let parts: Arc<OnceLock<(Arc<TestReplica>, Arc<Recorder>)>> = Arc::default();
    let early = Arc::<Mutex<Vec<_>>>::default();
    let (called, seen) = (Arc::clone(&parts), Arc::clone(&early));
    let steps = StepHook::new(move |taken| {
        if let (ApplyStep::Cleared, Some((member, recorder))) = (taken, called.get()) {
            seen.lock().push(member.authorize(recorder, request(0, 0, "GET /x", "a"), None).now_or_never());
        }
    });
    let life = Life::start_with(steps).await;
    life.call().await.expect("a call is decided");
    parts.set((Arc::clone(&life.member), Arc::clone(&life.recorder))).expect("it is set once");
    life.database.restore(Revision(life.database.head().revision.0 - 1));
    for action in [Action::Method(1), Action::Switch(0)] {
        life.database.commit(action, false).expect("there is something to change");
    }
    pass(Duration::from_secs(10)).await;
    assert_eq!(*early.lock(), [None], "a call got its response in the middle of a reload");
    life.call().await.expect("a call is decided");
}

#[tokio::test(start_paused = true)]
async fn storage_that_does_not_respond_is_named() {
    let life = Life::start().await;
    life.busy.lost.store(true, Ordering::Relaxed);
    assert_eq!(life.call().await, Err(Undecided::Storage));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_changes_during_each_read_of_it_is_not_a_failure_of_storage() {
    let life = Life::start().await;
    *life.busy.change.lock() = Some((Call::Grant, Direction::Response, Action::Switch(0)));
    assert_eq!(life.call().await, Err(Undecided::Changing));
    *life.busy.change.lock() = None;
    assert_eq!(life.call().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_storage_lacks_while_it_is_restored_is_not_a_failure_of_storage() {
    let life = Life::start().await;
    life.database.delay_tables(DelayedTables { secrets: true, ..DelayedTables::default() });
    assert_eq!(life.call().await, Err(Undecided::Incomplete));
}

#[tokio::test(start_paused = true)]
async fn stores_that_change_each_time_a_gateway_reads_a_request_are_not_a_failure_of_storage() {
    let life = Life::start().await;
    let gateway = Gateway::new(life.member.authority.clone(), &profiles::built_in(), Arc::clone(&life.member.metrics));
    // A token that no key has waits for a poll, each of which brings other stores.
    *life.busy.change.lock() = Some((Call::Poll, Direction::Request, Action::Store(0)));
    let unknown = token(3, 1);
    let request = HttpRequest {
        verb: b"GET",
        target: b"/api/v5/orders",
        host: b"",
        headers: &[(b"x-api-key".as_slice(), unknown.reveal().as_bytes())],
        body: Body::None,
        client: None,
    };
    assert_eq!(gateway.check(Some("retailcrm"), &request).await.err(), Some(Undecided::Changing));
}

#[tokio::test(start_paused = true)]
async fn a_key_rehearsed_before_its_change_is_applied_is_not_a_failure_of_storage() {
    let life = Life::start().await;
    let now = life.member.authority.now();
    let key = Key {
        id: key_id(0),
        spec: KeySpec::default(),
        revoked: None,
        secrets: Vec::new(),
        created: now,
        updated: now,
        last_used: None,
        row_revision: Revision(1_000),
    };
    let request = Request { method: "GET /x", store: "", stores: &[], client: None, stores_from: StoresFrom::Service };
    assert_eq!(life.member.authority.dry_run(&key, &request, |_| ()).await, Err(Undecided::Behind));
    let known = Key { row_revision: Revision(3), ..key };
    assert_eq!(life.member.authority.dry_run(&known, &request, |_| ()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_history_decides_what_it_had_read_until_the_next_one_is_loaded() {
    let life = Life::start().await;
    let lost = life.database.commit(Action::Rotate(0), false).expect("there is something to change");
    assert!(life.member.authority.wait_applied(lost.revision, Duration::from_secs(60)).await);
    assert_eq!(life.call().await, Ok(()));
    pass(Duration::from_millis(300)).await;

    life.database.restore(Revision(2));
    pass(Duration::from_millis(300)).await;
    let call = async |secret: usize, after: Option<Cursor>| {
        life.member.authorize(&life.recorder, request(0, secret, "GET /x", "a"), after).await
    };
    assert_eq!(call(0, None).await, Ok(()), "it had been read before");
    assert_eq!(call(1, None).await, Err(Undecided::Loading), "it had not, and storage may be incomplete");
    assert_eq!(call(0, Some(lost)).await, Err(Undecided::Loading), "the revision is lost");
    pass(Duration::from_secs(1)).await;
    assert_eq!(call(0, None).await, Err(Undecided::Loading), "the last poll that could be applied is too old");
    pass(Duration::from_secs(5)).await;
    assert_eq!(call(0, None).await, Ok(()), "by the next history");
    assert_eq!(call(0, Some(lost)).await, Err(Undecided::ForeignRevision));
}

#[test]
fn every_reason_has_its_own_name_and_text() {
    let all = [
        Undecided::Loading,
        Undecided::Stale,
        Undecided::NoHeartbeat { seconds: 3, because: "storage is read-only" },
        Undecided::Storage,
        Undecided::Incomplete,
        Undecided::Changing,
        Undecided::Behind,
        Undecided::Overloaded,
        Undecided::ForeignRevision,
    ];
    let by_name: BTreeMap<_, _> = all.iter().map(|undecided| (undecided.reason(), undecided.to_string())).collect();
    assert_eq!(by_name.len(), all.len());
    for (name, text) in &by_name {
        assert_eq!(text.contains("did not respond"), *name == "STORAGE_UNAVAILABLE", "{name}: {text}");
    }
}
