//! Replicas: what each last told of itself.

use std::time::Duration;

use latchkey::model::change::{Cursor, Revision};
use latchkey::storage::{Replica, ReplicaReport, Storage};

use crate::engine::Case;
use crate::make::{BEGINNING, Make};
use crate::write::add_stores;

fn report(make: &mut Make, host: &str) -> ReplicaReport {
    ReplicaReport {
        id: make.replica_id(),
        host: host.to_owned(),
        version: "0.1.0".to_owned(),
        started: BEGINNING,
        applied: Revision(0),
    }
}

async fn listed(storage: &dyn Storage) -> Vec<Replica> {
    storage.replicas().await.expect("replicas are listed").0
}

async fn a_replica_is_listed_with_what_it_last_told(case: Case) {
    let mut make = Make::new();
    let storage = &*case.storage;
    let (replicas, head) = storage.replicas().await.expect("replicas are listed");
    assert_eq!((replicas, head), (vec![], Revision(0)));
    add_stores(storage, &["a"]).await;
    let first = storage.head().await.expect("the head is read");

    let mut told =
        ReplicaReport { host: "узел-😀'%".repeat(20), version: "1.2.3-é".into(), ..report(&mut make, "") };
    let mut last = BEGINNING;
    for applied in [Cursor::default(), first] {
        told.applied = applied.revision;
        told.started = told.started.plus(Duration::from_secs(1));
        let now = storage.renew(&told, applied.nonce).await.expect("a replica renews");
        assert!(now >= last, "storage's clock goes on: {now}, {last}");
        let (replicas, head) = storage.replicas().await.expect("replicas are listed");
        assert_eq!(head, Revision(1), "a report takes no revision");
        let [replica] = replicas.as_slice() else { panic!("one replica, once: {replicas:?}") };
        assert_eq!((&replica.report, replica.reported), (&told, now));
        assert!(replica.age < Duration::from_mins(5), "{:?}", replica.age);
        last = now;
    }
    assert_eq!(storage.head().await.expect("the head is read").revision, Revision(1));
}

async fn what_a_replica_has_applied_of_another_past_counts_for_nothing(case: Case) {
    let mut make = Make::new();
    let storage = &*case.storage;
    add_stores(storage, &["a"]).await;
    add_stores(storage, &["b"]).await;
    let head = storage.head().await.expect("the head is read");
    let told = ReplicaReport { applied: head.revision, ..report(&mut make, "it") };
    for (revision, nonce, counted) in [
        (head.revision, head.nonce, head.revision),
        (head.revision, head.nonce ^ 1, Revision(0)),
        (Revision(1), head.nonce, Revision(0)),
        (head.revision.next(), head.nonce, Revision(0)),
        (Revision(i64::MAX.unsigned_abs()), 1, Revision(0)),
    ] {
        storage.renew(&ReplicaReport { applied: revision, ..told.clone() }, nonce).await.expect("a replica renews");
        assert_eq!(listed(storage).await[0].report.applied, counted, "{revision} under {nonce}");
    }
}

async fn replicas_are_listed_the_newest_first_and_each_can_be_forgotten(case: Case) {
    let mut make = Make::new();
    let storage = &*case.storage;
    let mut reports = Vec::new();
    for at in 0..3_u32 {
        let report = ReplicaReport {
            started: BEGINNING.plus(Duration::from_hours(1) * at),
            ..report(&mut make, &format!("host {at}"))
        };
        storage.renew(&report, 0).await.expect("a replica renews");
        reports.push(report);
    }
    reports.reverse();
    let hosts: Vec<ReplicaReport> = listed(storage).await.into_iter().map(|replica| replica.report).collect();
    assert_eq!(hosts, reports);
    storage.forget_replica(reports[1].id).await.expect("a replica is forgotten");
    storage.forget_replica(make.replica_id()).await.expect("an unknown one is forgotten");
    let hosts: Vec<ReplicaReport> = listed(storage).await.into_iter().map(|replica| replica.report).collect();
    assert_eq!(hosts, [reports[0].clone(), reports[2].clone()]);
    storage.renew(&reports[1], 0).await.expect("a forgotten one renews");
    assert_eq!(listed(storage).await.len(), 3);
}

async fn a_replica_not_seen_for_a_day_is_swept_away(case: Case) {
    let mut make = Make::new();
    let storage = &*case.storage;
    let now = storage.renew(&report(&mut make, "it"), 0).await.expect("a replica renews");
    storage.sweep(now.plus(Duration::from_hours(23))).await.expect("a sweep");
    assert_eq!(listed(storage).await.len(), 1);
    storage.sweep(now.plus(Duration::from_hours(25))).await.expect("a sweep");
    assert_eq!(listed(storage).await, []);
}

async fn replicas_renew_side_by_side(case: Case) {
    let mut make = Make::new();
    let storage = &*case.storage;
    let other = case.open_again().await;
    let mut reports: Vec<ReplicaReport> = (0..8).map(|at| report(&mut make, &format!("{at}"))).collect();
    let mut applied = Cursor::default();
    for code in ["a", "b", "c", "d", "e"] {
        add_stores(storage, &[code]).await;
        applied = storage.head().await.expect("the head is read");
        let renewals = reports.iter_mut().enumerate().map(|(at, report)| {
            report.applied = applied.revision;
            if at % 2 == 0 { storage.renew(report, applied.nonce) } else { other.renew(report, applied.nonce) }
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
    a_replica_not_seen_for_a_day_is_swept_away,
    replicas_renew_side_by_side,
}
