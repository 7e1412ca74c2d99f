//! Replicas: the last report of each.

use std::time::Duration;

use latchkey::model::change::{Cursor, Revision};
use latchkey::model::marks::{Mark, Marks};
use latchkey::model::token::Digest;
use latchkey::storage::{Feed as _, Replica, ReplicaReport, SnapshotSink, Storage};

use crate::conformance::engine::Case;
use crate::conformance::factory::{BEGINNING, RecordFactory};
use crate::conformance::write::add_stores;

fn report(factory: &mut RecordFactory, host: &str) -> ReplicaReport {
    ReplicaReport {
        id: factory.replica_id(),
        host: host.to_owned(),
        version: "0.1.0".to_owned(),
        started: BEGINNING,
        applied: Revision(0),
        max_staleness: None,
    }
}

async fn listed(storage: &Storage) -> Vec<Replica> {
    let mut replicas = storage.replicas().await.expect("replicas are listed").0;
    replicas.retain(|replica| !replica.has_ended());
    replicas
}

async fn a_replica_is_listed_with_what_it_last_told(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (replicas, head) = storage.replicas().await.expect("replicas are listed");
    assert_eq!((replicas, head), (vec![], Revision(0)));
    add_stores(storage, &["a"]).await;
    let first = storage.head().await.expect("the head is read");

    let mut sent_report =
        ReplicaReport { host: "узел-😀'%".repeat(20), version: "1.2.3-é".into(), ..report(&mut factory, "") };
    let mut last = BEGINNING;
    for applied in [Cursor::default(), first] {
        sent_report.applied = applied.revision;
        sent_report.started = sent_report.started.plus(Duration::from_secs(1));
        sent_report.max_staleness = Some(Duration::from_secs(5 + applied.revision.0));
        let now = storage.heartbeat(&sent_report, applied.nonce).await.expect("a replica renews");
        assert!(now >= last, "storage's clock goes on: {now}, {last}");
        let (replicas, head) = storage.replicas().await.expect("replicas are listed");
        assert_eq!(head, Revision(1), "a report takes no revision");
        let [replica] = replicas.as_slice() else { panic!("one replica, once: {replicas:?}") };
        assert_eq!((&replica.report, replica.reported), (&sent_report, now));
        assert!(replica.age < Duration::from_mins(5), "{:?}", replica.age);
        last = now;
    }
    assert_eq!(storage.head().await.expect("the head is read").revision, Revision(1));
}

async fn what_a_replica_has_applied_of_another_past_counts_for_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    add_stores(storage, &["a"]).await;
    add_stores(storage, &["b"]).await;
    let head = storage.head().await.expect("the head is read");
    let sent_report = ReplicaReport { applied: head.revision, ..report(&mut factory, "it") };
    for (revision, nonce, counted) in [
        (head.revision, head.nonce, head.revision),
        (head.revision, head.nonce ^ 1, Revision(0)),
        (Revision(1), head.nonce, Revision(0)),
        (head.revision.next(), head.nonce, Revision(0)),
        (Revision(i64::MAX.unsigned_abs()), 1, Revision(0)),
    ] {
        storage
            .heartbeat(&ReplicaReport { applied: revision, ..sent_report.clone() }, nonce)
            .await
            .expect("a replica renews");
        assert_eq!(listed(storage).await[0].report.applied, counted, "{revision} under {nonce}");
    }
}

async fn replicas_are_listed_the_newest_first_and_each_can_be_forgotten(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let mut reports = Vec::new();
    for at in 0..3_u32 {
        let report = ReplicaReport {
            started: BEGINNING.plus(Duration::from_hours(1) * at),
            ..report(&mut factory, &format!("host {at}"))
        };
        storage.heartbeat(&report, 0).await.expect("a replica renews");
        reports.push(report);
    }
    reports.reverse();
    let hosts: Vec<ReplicaReport> = listed(storage).await.into_iter().map(|replica| replica.report).collect();
    assert_eq!(hosts, reports);
    storage.end_replica(reports[1].id).await.expect("a replica is forgotten");
    storage.end_replica(factory.replica_id()).await.expect("an unknown one is forgotten");
    let hosts: Vec<ReplicaReport> = listed(storage).await.into_iter().map(|replica| replica.report).collect();
    assert_eq!(hosts, [reports[0].clone(), reports[2].clone()]);
    storage.heartbeat(&reports[1], 0).await.expect("a forgotten one renews");
    assert_eq!(listed(storage).await.len(), 3);
}

async fn a_replica_is_removed_only_if_it_has_not_reported_since_and_by_no_sweep(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let sent_report = report(&mut factory, "it");
    let before = storage.heartbeat(&sent_report, 0).await.expect("a replica renews");
    storage.delete_expired(before.plus(Duration::from_hours(1_000))).await.expect("a sweep");
    assert_eq!(listed(storage).await.len(), 1, "a clock that is ahead hides nobody");
    let after = storage.heartbeat(&sent_report, 0).await.expect("a replica renews");
    assert!(after > before);
    storage.remove_replicas(&[(sent_report.id, before)]).await.expect("it is too late");
    assert_eq!(listed(storage).await.len(), 1);
    storage.remove_replicas(&[(sent_report.id, after), (factory.replica_id(), after)]).await.expect("it is removed");
    assert_eq!(listed(storage).await, []);
}

async fn a_replica_that_ended_is_told_from_one_whose_report_was_lost(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let sent_report = report(&mut factory, "it");
    storage.heartbeat(&sent_report, 0).await.expect("a replica renews");
    storage.end_replica(sent_report.id).await.expect("it ends");
    let (replicas, _) = storage.replicas().await.expect("replicas are listed");
    assert!(replicas.len() == 1 && replicas[0].has_ended(), "{replicas:?}");
    assert!(replicas[0].age > Duration::from_hours(24), "earlier versions count it as silent: {:?}", replicas[0].age);
}

async fn marks_are_kept_and_come_with_polls_and_snapshots(case: Case) {
    let storage = &case.storage;
    add_stores(storage, &["a"]).await;
    let head = storage.head().await.expect("the head is read");
    let at = |revision, seconds| Mark {
        revision: Revision(revision),
        reached: BEGINNING.plus(Duration::from_secs(seconds)),
    };
    for mark in [at(1, 100), at(1, 90), at(3, 50)] {
        storage.add_mark(mark).await.expect("a mark is taken");
    }
    let expected = Marks::from(vec![at(1, 100), at(3, 50)]);
    for storage in [&case.storage, &*case.open_again().await] {
        assert_eq!(storage.poll(head, 10).await.expect("a poll").marks, expected);
        assert_eq!(storage.snapshot(&mut IgnoreDigests).await.expect("a snapshot").marks, expected);
    }
}

struct IgnoreDigests;

impl SnapshotSink for IgnoreDigests {
    fn digests(&mut self, _: &[Digest]) {}
}

async fn replicas_renew_side_by_side(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let other = case.open_again().await;
    let mut reports: Vec<ReplicaReport> = (0..8).map(|at| report(&mut factory, &format!("{at}"))).collect();
    let mut applied = Cursor::default();
    for code in ["a", "b", "c", "d", "e"] {
        add_stores(storage, &[code]).await;
        applied = storage.head().await.expect("the head is read");
        let renewals = reports.iter_mut().enumerate().map(|(at, report)| {
            report.applied = applied.revision;
            if at % 2 == 0 { storage.heartbeat(report, applied.nonce) } else { other.heartbeat(report, applied.nonce) }
        });
        for renewed in futures_util::future::join_all(renewals).await {
            renewed.expect("a replica renews");
        }
    }
    let replicas = listed(storage).await;
    assert_eq!(replicas.len(), 8);
    assert!(replicas.iter().all(|replica| replica.report.applied == applied.revision));
}

for_each_engine! {
    a_replica_is_listed_with_what_it_last_told,
    what_a_replica_has_applied_of_another_past_counts_for_nothing,
    replicas_are_listed_the_newest_first_and_each_can_be_forgotten,
    a_replica_is_removed_only_if_it_has_not_reported_since_and_by_no_sweep,
    a_replica_that_ended_is_told_from_one_whose_report_was_lost,
    marks_are_kept_and_come_with_polls_and_snapshots,
    replicas_renew_side_by_side,
}
