//! Changes made in storage by hand, without a revision, are noticed and followed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use latchkey::authority::StepHook;
use latchkey::clock::SharedClock;
use latchkey::model::change::Cursor;
use latchkey::storage::Result;

use crate::clock::{Virtual, pass};
use crate::life::{Member, know_all_tokens, question};
use crate::oracle::Recorder;
use crate::storage::{Call, Database, Road, Way};
use crate::tables::Action;

/// A network without failures.
#[derive(Debug)]
struct Open;

#[async_trait]
impl Road for Open {
    async fn pass(&self, _: Call, _: Way) -> Result<()> {
        Ok(())
    }
}

struct Drifting {
    database: Arc<Database>,
    member: Member,
    recorder: Recorder,
}

impl Drifting {
    async fn start() -> Self {
        let clock: SharedClock = Arc::new(Virtual::new());
        let recorder = Recorder::new(Arc::clone(&clock));
        know_all_tokens(&recorder);
        let database = Database::new(Arc::clone(&clock));
        let actions = [Action::Store(0), Action::Method(0), Action::Switch(0), Action::Switch(1)];
        let mut last = Cursor::default();
        for action in actions {
            last = database.commit(action, false).expect("there is something to change");
        }
        let line = database.line(Open, true);
        let member = Member::start(1, line, &clock, StepHook::default());
        assert!(member.authority.wait_applied(last.revision, Duration::from_secs(60)).await);
        Self { database, member, recorder }
    }

    /// Returns the reason of the decision about a key.
    async fn reason(&self, key: usize) -> String {
        for _ in 0..50 {
            let _ = self.member.ask(&self.recorder, question(key, 0, "GET /x", "a"), None).await;
            if let Some(verdict) = self.member.ask_now(&self.recorder, question(key, 0, "GET /x", "a"), None) {
                return verdict.reason;
            }
            pass(Duration::from_millis(100)).await;
        }
        panic!("no answer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_switched_off_by_hand_is_refused_within_a_minute() {
    let life = Drifting::start().await;
    assert_eq!(life.reason(0).await, "ALLOWED");
    pass(Duration::from_secs(40)).await;
    life.database.tamper(0);
    assert_eq!(life.reason(0).await, "ALLOWED", "nobody can know yet");
    pass(Duration::from_secs(30)).await;
    assert_eq!(life.reason(0).await, "KEY_INACTIVE");
    assert_eq!(life.reason(1).await, "ALLOWED");
}

#[tokio::test(start_paused = true)]
async fn a_key_switched_off_by_hand_is_refused_while_keys_of_its_part_are_written() {
    let life = Drifting::start().await;
    assert_eq!(life.reason(0).await, "ALLOWED");
    pass(Duration::from_secs(40)).await;
    life.database.tamper(0);
    // A large write counts as a write of every part: no measurement can be compared.
    for _ in 0..30 {
        life.database.commit(Action::Switch(1), true).expect("it is switched");
        life.database.wake(|| true);
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(life.reason(0).await, "KEY_INACTIVE");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_loaded_again_where_all_is_as_it_was() {
    let life = Drifting::start().await;
    for number in 0..60 {
        life.database.commit(Action::Switch(1), number % 7 == 0).expect("it is switched");
        life.database.wake(|| true);
        assert_eq!(life.reason(0).await, "ALLOWED");
        pass(Duration::from_secs(2)).await;
    }
    assert_eq!(life.member.metrics.drift.get(), 0);
    assert_eq!(life.member.metrics.reloads.get(), 1);
}
