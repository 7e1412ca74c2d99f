//! Which replicas a write waits for and names, depending on their reports and when they were received.

use super::*;

const SECOND: u64 = 1_000_000;

fn id(number: u8) -> ReplicaId {
    ReplicaId::new(Timestamp::EPOCH, [number; 10])
}

/// Creates a report made at `reported` seconds of storage's clock, which shows `now`.
fn replica(number: u8, applied: u64, reported: u32, now: u32) -> Replica {
    let report = ReplicaReport {
        id: id(number),
        host: String::new(),
        version: String::new(),
        started: Timestamp::EPOCH,
        applied: Revision(applied),
        max_staleness: Some(Duration::from_mins(1)),
    };
    let at = |seconds| Timestamp::EPOCH.plus(Duration::from_secs(1 + u64::from(seconds)));
    Replica { report, reported: at(reported), age: at(now).since(at(reported)) }
}

fn settings() -> Settings {
    Settings {
        replica: id(0),
        host: String::new(),
        cache_capacity: 1,
        poll_interval: Duration::from_millis(250),
        max_staleness: Duration::from_mins(1),
        read_wait: Duration::from_millis(500),
        usage: false,
        hash_key: [0; 16],
    }
}

/// Returns the result of a check at `seconds` of the own clock for revision 7.
fn check(liveness: &ReplicaLiveness, seconds: u64, replicas: &[Replica]) -> (Vec<ReplicaId>, bool) {
    let tick = (1_000 + seconds) * SECOND;
    let reports = TimedReports { sent: tick, received: tick, replicas: replicas.to_vec() };
    let unconfirmed = liveness.unconfirmed(&settings(), &reports, Revision(7));
    (unconfirmed.pending, unconfirmed.live)
}

#[test]
fn a_replica_that_may_still_decide_from_before_a_write_is_named() {
    let liveness = ReplicaLiveness::default();
    assert_eq!(check(&liveness, 0, &[]), (vec![], false));
    assert_eq!(
        check(&liveness, 0, &[replica(1, 7, 5, 6), replica(2, 8, 5, 6)]),
        (vec![], false),
        "all have applied it"
    );
    assert_eq!(check(&liveness, 1, &[replica(1, 6, 6, 7), replica(2, 7, 7, 7)]), (vec![id(1)], true), "one is late");
    let both = |now| [replica(1, 6, 6, now), replica(2, 7, 7, now)];
    assert_eq!(
        check(&liveness, 41, &both(46)),
        (vec![id(1)], false),
        "it is not waited for any more, and still may allow"
    );
    assert_eq!(check(&liveness, 63, &both(68)), (vec![], false), "it has stopped allowing");
    let liveness = ReplicaLiveness::default();
    assert_eq!(check(&liveness, 63, &[replica(0, 0, 68, 68)]), (vec![], false), "of itself a replica knows more");
}

#[test]
fn a_leap_of_storages_clock_hides_nobody() {
    let hour = 3_600;
    for leap in [hour, 25] {
        let liveness = ReplicaLiveness::default();
        check(&liveness, 0, &[replica(1, 5, 10_000, 10_000)]);
        check(&liveness, 5, &[replica(1, 6, 10_005, 10_005)]);
        let ahead = replica(1, 6, 10_005, 10_006 + leap);
        assert_eq!(check(&liveness, 6, &[ahead]), (vec![id(1)], true), "the clock went ahead, the time did not");
        assert_eq!(check(&liveness, 65, &[replica(1, 6, 10_005, 10_065)]).0, [id(1)], "and back");
        assert_eq!(check(&liveness, 67, &[replica(1, 6, 10_005, 10_067)]).0, []);
    }
    // Backward: the report is in the future for as long as the leap was.
    let liveness = ReplicaLiveness::default();
    check(&liveness, 0, &[replica(1, 6, 10_000, 10_000)]);
    assert_eq!(check(&liveness, 60, &[replica(1, 6, 10_000, 6_460)]).0, [id(1)]);
    assert_eq!(check(&liveness, 62, &[replica(1, 6, 10_000, 6_462)]).0, [], "it is unresponsive all the same");
    // A report dated earlier than the last one counts as a report.
    assert_eq!(check(&liveness, 63, &[replica(1, 6, 6_463, 6_463)]), (vec![id(1)], true));
}

#[test]
fn a_replica_seen_for_the_first_time_counts_from_then() {
    let liveness = ReplicaLiveness::default();
    let old = || replica(1, 6, 0, 5_000);
    assert_eq!(check(&liveness, 0, &[old()]), (vec![id(1)], false), "its age by storage's clock proves nothing");
    assert_eq!(check(&liveness, 61, &[old()]), (vec![id(1)], false));
    assert_eq!(check(&liveness, 62, &[old()]), (vec![], false));
}

#[test]
fn a_look_whose_answer_is_late_makes_nobody_silent() {
    let liveness = ReplicaLiveness::default();
    let pending = |sent: u64, received: u64, replicas: &[Replica]| {
        let at = |seconds| (1_000 + seconds) * SECOND;
        let reports = TimedReports { sent: at(sent), received: at(received), replicas: replicas.to_vec() };
        liveness.unconfirmed(&settings(), &reports, Revision(7)).pending
    };
    pending(0, 30, &[replica(1, 6, 0, 0)]);
    // Frozen between sending and receiving: the response is as old as the query.
    assert_eq!(pending(40, 500, &[replica(1, 6, 0, 40)]), [id(1)]);
    assert_eq!(pending(91, 91, &[replica(1, 6, 0, 91)]), [id(1)], "61 s after it was received");
    assert_eq!(pending(92, 92, &[replica(1, 6, 0, 92)]), []);
}

#[test]
fn each_replica_counts_by_its_own_setting() {
    let liveness = ReplicaLiveness::default();
    let with = |max_staleness| {
        let mut replica = replica(1, 6, 0, 0);
        replica.report.max_staleness = max_staleness;
        replica
    };
    let longer = || with(Some(Duration::from_mins(10)));
    check(&liveness, 0, &[longer()]);
    assert_eq!(check(&liveness, 200, &[longer()]), (vec![id(1)], true), "the one that decides counts");
    assert_eq!(check(&liveness, 613, &[longer()]).0, []);
    let liveness = ReplicaLiveness::default();
    let shorter = || with(Some(Duration::from_secs(5)));
    check(&liveness, 0, &[shorter()]);
    assert_eq!(check(&liveness, 6, &[shorter()]).0, []);
    let liveness = ReplicaLiveness::default();
    check(&liveness, 0, &[with(None)]);
    assert_eq!(check(&liveness, 3_600, &[with(None)]).0, [id(1)], "it may be the longest that there can be");
    assert_eq!(check(&liveness, 3_673, &[with(None)]).0, []);
}

#[test]
fn a_report_that_was_lost_still_counts_and_one_that_says_the_end_does_not() {
    let liveness = ReplicaLiveness::default();
    check(&liveness, 0, &[replica(1, 9, 0, 0)]);
    assert_eq!(check(&liveness, 1, &[]), (vec![id(1)], false), "what it had applied may be of another past");
    assert_eq!(check(&liveness, 62, &[]).0, [id(1)], "it may have reported until then");
    assert_eq!(check(&liveness, 63, &[]).0, []);
    check(&liveness, 63, &[replica(1, 6, 63, 63)]);
    let ended = Replica { reported: Timestamp::EPOCH, ..replica(1, 6, 0, 64) };
    assert_eq!(check(&liveness, 64, &[ended]), (vec![], false), "it ended in order");
    assert_eq!(check(&liveness, 65, &[]), (vec![], false), "and was removed later");
}

#[test]
fn only_who_has_been_silent_long_enough_is_removed() {
    let liveness = ReplicaLiveness::default();
    let day = 24 * 3_600;
    let unresponsive = |seconds: u64, replicas: &[Replica]| {
        let tick = (1_000 + seconds) * SECOND;
        let reports = TimedReports { sent: tick, received: tick, replicas: replicas.to_vec() };
        let expired = liveness.unresponsive(&settings(), &reports);
        expired.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(unresponsive(0, &[replica(1, 6, 0, 0)]), []);
    assert_eq!(unresponsive(10, &[replica(1, 6, 0, day * 3)]), [], "the clock leapt");
    assert_eq!(unresponsive(3_601, &[replica(1, 6, 0, 3_601)]), [], "it is no day ago");
    assert_eq!(unresponsive(3_602, &[replica(1, 6, 0, day * 3)]), [id(1)]);
}
