//! Changes made in storage by hand, without a revision, are noticed and followed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use latchkey::authority::StepHook;
use latchkey::clock::SharedClock;
use latchkey::model::change::Cursor;
use latchkey::storage::Result;

use crate::coherence::clock::{VirtualClock, pass};
use crate::coherence::replica::{TestReplica, record_all_tokens, request};
use crate::coherence::storage::{Call, Database, Direction, Network};
use crate::coherence::tables::Action;
use helpers::oracle::Recorder;

/// A network without failures.
#[derive(Debug)]
struct HealthyNetwork;

#[async_trait]
impl Network for HealthyNetwork {
    async fn deliver(&self, _: Call, _: Direction) -> Result<()> {
        Ok(())
    }
}

struct Setup {
    database: Arc<Database>,
    replica: TestReplica,
    recorder: Recorder,
}

impl Setup {
    async fn start() -> Self {
        let clock: SharedClock = Arc::new(VirtualClock::new());
        let recorder = Recorder::new(Arc::clone(&clock));
        record_all_tokens(&recorder);
        let database = Database::new(Arc::clone(&clock));
        let actions = [Action::Store(0), Action::Method(0), Action::Switch(0), Action::Switch(1)];
        let mut last = Cursor::default();
        for action in actions {
            last = database.commit(action, false).expect("there is something to change");
        }
        let link = database.link(HealthyNetwork, true);
        let replica = TestReplica::start(1, link, &clock, StepHook::default());
        assert!(replica.authority.wait_applied(last.revision, Duration::from_secs(60)).await);
        Self { database, replica, recorder }
    }

    /// Returns the reason of the decision about a key.
    async fn reason(&self, key: usize) -> String {
        for _ in 0..50 {
            let _ = self.replica.authorize(&self.recorder, request(key, 0, "GET /x", "a"), None).await;
            if let Some(verdict) = self.replica.authorize_now(&self.recorder, request(key, 0, "GET /x", "a"), None) {
                return verdict.reason;
            }
            pass(Duration::from_millis(100)).await;
        }
        panic!("no answer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_switched_off_by_hand_is_refused_within_a_minute() {
    let setup = Setup::start().await;
    assert_eq!(setup.reason(0).await, "ALLOWED");
    pass(Duration::from_secs(40)).await;
    setup.database.tamper(0);
    assert_eq!(setup.reason(0).await, "ALLOWED", "nobody can know yet");
    pass(Duration::from_secs(30)).await;
    assert_eq!(setup.reason(0).await, "KEY_INACTIVE");
    assert_eq!(setup.reason(1).await, "ALLOWED");
}

#[tokio::test(start_paused = true)]
async fn a_key_switched_off_by_hand_is_refused_while_keys_of_its_part_are_written() {
    let setup = Setup::start().await;
    assert_eq!(setup.reason(0).await, "ALLOWED");
    pass(Duration::from_secs(40)).await;
    setup.database.tamper(0);
    // A large write counts as a write of every part: no measurement can be compared.
    for _ in 0..30 {
        setup.database.commit(Action::Switch(1), true).expect("it is switched");
        setup.database.wake(|| true);
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(setup.reason(0).await, "KEY_INACTIVE");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_loaded_again_where_all_is_as_it_was() {
    let setup = Setup::start().await;
    for number in 0..60 {
        setup.database.commit(Action::Switch(1), number % 7 == 0).expect("it is switched");
        setup.database.wake(|| true);
        assert_eq!(setup.reason(0).await, "ALLOWED");
        pass(Duration::from_secs(2)).await;
    }
    assert_eq!(setup.replica.metrics.drift.get(), 0);
    assert_eq!(setup.replica.metrics.reloads.get(), 1);
}
