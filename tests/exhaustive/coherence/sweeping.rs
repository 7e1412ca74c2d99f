//! Old records are removed only by a clock that has been steady, because removal is permanent.

use std::sync::Arc;
use std::time::Duration;

use latchkey::authority::StepHook;
use latchkey::clock::SharedClock;

use crate::coherence::clock::{SettableClock, VirtualClock, pass};
use crate::coherence::races::BlockingNetwork;
use crate::coherence::replica::TestReplica;
use crate::coherence::storage::Database;

const MINUTE: Duration = Duration::from_mins(1);
const YEAR: i64 = 400 * 24 * 3_600;

#[test]
fn nothing_is_removed_by_a_clock_that_leapt_within_the_hour() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime is made").block_on(async {
        let clock: SharedClock = Arc::new(VirtualClock::new());
        let storage_clock = SettableClock::new(&clock);
        let database = Database::new(Arc::<SettableClock>::clone(&storage_clock));
        let link = database.link(BlockingNetwork::default(), true);
        let (poll, stale) = (Duration::from_secs(5), Duration::from_mins(30));
        let replica = TestReplica::start_with(1, link, &clock, StepHook::default(), poll, stale);
        pass(MINUTE * 55).await;
        assert_eq!(database.swept().len(), 0, "nobody knows what the clock did before");
        pass(MINUTE * 10).await;
        assert_eq!(database.swept().len(), 1);
        storage_clock.leap(YEAR);
        pass(MINUTE * 55).await;
        assert_eq!(database.swept().len(), 1, "a clock that leapt a while ago may go back");
        storage_clock.leap(-YEAR);
        pass(MINUTE * 55).await;
        assert_eq!(database.swept().len(), 1);
        pass(MINUTE * 10).await;
        let swept = database.swept();
        assert_eq!(swept.len(), 2);
        assert!(swept.iter().all(|at| *at <= clock.now()), "by no time that has not come: {swept:?}");
        replica.tasks.stop();
    });
}
