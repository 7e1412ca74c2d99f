//! What a data thread hands over: it is done on the control plane, by the same authority, and to its end.

use std::sync::Arc;
use std::time::Duration;

use latchkey::authority::Steps;
use latchkey::clock::{SharedClock, SystemClock};
use latchkey::storage::Engine;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::life::Member;
use crate::races::Gates;
use crate::storage::Database;
use crate::tables::Action;

fn control() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).thread_name("control").enable_all().build().expect("a runtime")
}

fn here() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn what_is_handed_over_leaves_its_thread_and_outlives_its_caller() {
    let clock: SharedClock = Arc::new(SystemClock);
    let control = control();
    let database = Database::new(Arc::clone(&clock));
    database.commit(Action::Store(0), false).expect("there is something to change");
    let line = database.line(Gates::default(), Engine::Postgres);
    let member = control.block_on(async { Member::start(1, line, &clock, Steps::default()) });
    let head = database.head().revision;
    let data = Builder::new_current_thread().enable_all().build().expect("a runtime");

    let desk = member.authority.at_desk();
    let (place, revision) = data.block_on(async {
        assert!(desk.wait_applied(head, Duration::from_secs(60)).await, "everything is loaded");
        desk.hand_over(|authority| async move { (here(), authority.revision()) }).await.expect("it is done")
    });
    assert_eq!((place.as_str(), revision), ("control", head));
    // Whoever is on the control plane already stays where it is.
    let place = data.block_on(member.authority.hand_over(|_| async { here() })).expect("it is done");
    assert_eq!(place, here());

    // Its caller goes away before it has ended.
    let (go, gone) = oneshot::channel::<()>();
    let (said, heard) = oneshot::channel();
    data.block_on(async {
        let handed = desk.hand_over(|_| async move {
            gone.await.expect("it is told to go on");
            said.send(here()).expect("somebody listens");
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), handed).await.is_err(), "it goes on");
    });
    go.send(()).expect("it waits to be told");
    assert_eq!(data.block_on(heard).as_deref(), Ok("control"));

    member.tasks.stop();
    control.block_on(member.tasks.finish(Duration::from_secs(10)));
}
