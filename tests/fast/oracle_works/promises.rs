//! Promises about age and order, with histories written by hand.

use std::sync::Arc;
use std::time::Duration;

use latchkey::clock::Clock;
use latchkey::model::time::Timestamp;
use latchkey::model::token::Token;
use parking_lot::Mutex;
use serde_json::json;

use helpers::oracle::{
    Change, Checker, DecisionRequest, History, Outcome, Recorder, Report, Verdict, token_format_error,
};

const MAX_STALENESS: Duration = Duration::from_secs(60);
const KEY: &str = "key_1";
const SECRET: &str = "sec_1";

#[derive(Debug, Default)]
struct ManualClock(Mutex<Duration>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock()
    }
}

/// A history in which one key is switched off and on: it is on at odd revisions.
struct Setup {
    clock: Arc<ManualClock>,
    recorder: Recorder,
    token: String,
}

fn change(revision: u64, active: bool, expires: Option<&str>) -> Change {
    let image = json!({
        "active": active, "revoked": null, "stores": "all", "methods": "all", "networks": ["10.0.0.0/8"],
        "not_before": null, "expires": expires, "secrets": [{"id": SECRET, "expires": null}],
    });
    Change { revision, ordinal: 0, kind: "key".into(), subject: KEY.into(), after: Some(image) }
}

fn history(head: u64) -> History {
    History::new((1..=head).map(|revision| change(revision, revision % 2 == 1, None)).collect())
}

impl Setup {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let recorder = Recorder::new(Arc::<ManualClock>::clone(&clock));
        let token = Token::issue([7; 32]).reveal().to_owned();
        recorder.record_token(&token, KEY, SECRET);
        let setup = Self { clock, recorder, token };
        setup.set_time(1_000);
        setup
    }

    fn set_time(&self, seconds: u64) {
        *self.clock.0.lock() = Duration::from_secs(seconds);
    }

    fn request(&self) -> DecisionRequest {
        let client = Some("10.1.2.3".parse().expect("an address"));
        DecisionRequest { token: self.token.clone(), method: "GET /x".into(), client, ..DecisionRequest::default() }
    }

    /// Records the correct decision at `revision`, from now until `until`.
    fn record_correct(&self, replica: &str, revision: u64, until: u64) {
        self.record(replica, self.request(), verdict(revision), until);
    }

    fn record(&self, replica: &str, request: DecisionRequest, verdict: Verdict, until: u64) {
        let sent = self.recorder.now();
        self.set_time(until);
        self.recorder.record(replica, sent, request, Outcome::Decision(verdict));
    }

    fn record_write(&self, revision: u64, everywhere: bool) {
        self.recorder.record_revision(&format!("r{revision}-00000000deadbeef"), everywhere);
    }

    fn report(&self, head: u64) -> Report {
        Checker::new(history(head), MAX_STALENESS).check(&self.recorder.records())
    }
}

fn verdict(revision: u64) -> Verdict {
    let reasons: &[&str] = if revision % 2 == 1 { &[] } else { &["KEY_INACTIVE"] };
    Verdict {
        allowed: reasons.is_empty(),
        reason: reasons.first().copied().unwrap_or("ALLOWED").into(),
        failed: reasons.iter().map(ToString::to_string).collect(),
        key: KEY.into(),
        secret: SECRET.into(),
        scope: reasons.is_empty().then(|| vec!["*".into()]),
        revision,
        ..Verdict::default()
    }
}

#[track_caller]
fn assert_finds(report: &Report, what: &str) {
    assert_eq!(report.wrong, 1, "{report:#?}");
    assert!(report.complaints[0].contains(what), "{report:#?}");
}

#[test]
fn right_answers_of_any_revision_pass() {
    let setup = Setup::new();
    (1..=4).for_each(|revision| setup.record_correct("a", revision, 1_000 + revision));
    let report = setup.report(4);
    report.assert_clean(4);
    assert_eq!((report.reasons["ALLOWED"], report.reasons["KEY_INACTIVE"]), (2, 2));
}

#[test]
fn an_answer_of_another_revision_than_it_names_is_found() {
    let setup = Setup::new();
    let wrong = Verdict { revision: 2, ..verdict(1) };
    setup.record("a", setup.request(), wrong, 1_001);
    assert_finds(&setup.report(4), "KEY_INACTIVE");
    let setup = Setup::new();
    setup.record_correct("a", 5, 1_001);
    assert_finds(&setup.report(4), "ends at r4");
}

#[test]
fn an_answer_older_than_a_write_applied_everywhere_is_found_unless_the_replica_was_cut_off() {
    let setup = Setup::new();
    setup.record_write(4, true);
    setup.set_time(1_001);
    setup.record_correct("a", 3, 1_002);
    assert_finds(&setup.report(4), "at least");
    let checker = Checker::new(history(4), MAX_STALENESS).partitioned("a");
    checker.check(&setup.recorder.records()).assert_clean(1);
    // It began before the write was acknowledged, or the acknowledgement named a pending replica.
    let setup = Setup::new();
    let sent = setup.recorder.now();
    setup.set_time(1_001);
    setup.record_write(4, true);
    setup.recorder.record("a", sent, setup.request(), Outcome::Decision(verdict(3)));
    setup.report(4).assert_clean(1);
    let setup = Setup::new();
    setup.record_write(4, false);
    setup.set_time(1_001);
    setup.record_correct("a", 3, 1_002);
    setup.report(4).assert_clean(1);
}

#[test]
fn an_answer_older_than_asked_for_is_found() {
    let setup = Setup::new();
    let request = DecisionRequest { min_revision: Some(2), ..setup.request() };
    setup.record("a", request.clone(), verdict(1), 1_001);
    assert_finds(&setup.report(4), "at least");
    let setup = Setup::new();
    setup.record("a", request, verdict(3), 1_001);
    setup.report(4).assert_clean(1);
}

#[test]
fn an_answer_older_than_the_freshness_bound_is_found() {
    let setup = Setup::new();
    setup.record_write(4, false);
    setup.set_time(1_060);
    setup.record_correct("a", 3, 1_060);
    setup.report(4).assert_clean(1);
    setup.set_time(1_061);
    setup.record_correct("a", 3, 1_061);
    assert_finds(&setup.report(4), "at least");
}

#[test]
fn a_replica_that_goes_back_is_found_and_answers_side_by_side_are_not() {
    let setup = Setup::new();
    setup.record_correct("a", 3, 1_001);
    setup.record_correct("b", 1, 1_002);
    setup.set_time(1_003);
    let sent = setup.recorder.now();
    setup.record_correct("a", 4, 1_004);
    setup.recorder.record("a", sent, setup.request(), Outcome::Decision(verdict(3)));
    setup.report(4).assert_clean(4);
    setup.set_time(1_005);
    setup.record_correct("a", 3, 1_006);
    assert_finds(&setup.report(4), "answered from r4 before");
}

#[test]
fn a_lost_write_and_a_hole_in_the_feed_are_found() {
    let setup = Setup::new();
    setup.record_correct("a", 1, 1_001);
    setup.record_write(5, true);
    assert_finds(&setup.report(4), "a write is lost");
    let setup = Setup::new();
    setup.record_correct("a", 1, 1_001);
    let with_gap = History::new(vec![change(1, true, None), change(3, true, None)]);
    assert_finds(&Checker::new(with_gap, MAX_STALENESS).check(&setup.recorder.records()), "something is missing");
}

#[test]
fn either_answer_is_right_around_the_moment_of_an_end_and_one_is_at_other_times() {
    let expired = Verdict {
        allowed: false,
        reason: "KEY_EXPIRED".into(),
        failed: vec!["KEY_EXPIRED".into()],
        scope: None,
        ..verdict(1)
    };
    let end = Timestamp::EPOCH.plus(Duration::from_secs(1_010)).to_string();
    let history = History::new(vec![change(1, true, Some(&end))]);
    let check = |from: u64, verdict: Verdict| {
        let setup = Setup::new();
        setup.set_time(from);
        setup.record("a", setup.request(), verdict, from);
        Checker::new(history.clone(), MAX_STALENESS).check(&setup.recorder.records()).wrong
    };
    assert_eq!([check(1_008, verdict(1)), check(1_008, expired.clone())], [0, 1]);
    assert_eq!([check(1_010, verdict(1)), check(1_010, expired.clone())], [0, 0]);
    assert_eq!([check(1_012, verdict(1)), check(1_012, expired)], [1, 0]);
}

#[test]
fn after_a_restore_answers_may_come_from_the_past_before_for_the_freshness_bound() {
    // In the second history the key is off at revision 1.
    let second = History::new(vec![change(1, false, None)]);
    let setup = Setup::new();
    setup.record_correct("a", 1, 1_001);
    setup.set_time(1_030);
    setup.record_correct("b", 1, 1_031);
    let off = Verdict { revision: 1, ..verdict(2) };
    setup.record("a", setup.request(), off.clone(), 1_032);
    let check = |setup: &Setup| {
        Checker::new(history(2), MAX_STALENESS)
            .then(Duration::from_secs(1_020), second.clone())
            .check(&setup.recorder.records())
    };
    check(&setup).assert_clean(3);
    setup.set_time(1_081);
    setup.record_correct("b", 1, 1_082);
    assert_finds(&check(&setup), "KEY_INACTIVE");
    let setup = Setup::new();
    setup.record("a", setup.request(), off, 1_001);
    assert_finds(&check(&setup), "ALLOWED");
}

#[test]
fn an_answer_without_a_revision_is_held_to_those_it_could_have_been_judged_at() {
    let bare = |setup: &Setup, allowed| {
        let outcome = Outcome::Allowed { allowed, revision: None };
        setup.recorder.record("proxy", setup.recorder.now(), setup.request(), outcome);
    };
    let setup = Setup::new();
    bare(&setup, true);
    bare(&setup, false);
    setup.report(4).assert_clean(2);
    setup.record_write(4, true);
    setup.set_time(1_001);
    bare(&setup, true);
    assert_finds(&setup.report(4), "right would be");
}

#[test]
fn tokens_are_looked_at_as_the_server_does() {
    let mut texts: Vec<String> = ["", "short", "lk_", "lko_", &"x".repeat(31), &"x".repeat(32), &"x".repeat(513)]
        .iter()
        .map(ToString::to_string)
        .collect();
    texts.push(format!("{} ", "x".repeat(40)));
    for seed in 0..50 {
        let token = Token::issue([seed; 32]).reveal().to_owned();
        let mut wrong = token.clone().into_bytes();
        let at = usize::from(seed) % wrong.len();
        wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
        texts.extend([String::from_utf8(wrong).expect("ASCII"), token]);
        texts.push(Token::issue_operator([seed; 32]).reveal().to_owned());
    }
    for text in texts {
        let expected = match latchkey::model::token::check_key_token(text.as_bytes()) {
            Ok(()) => None,
            Err(latchkey::model::token::TokenError::Empty) => Some("KEY_MISSING"),
            Err(_) => Some("KEY_MALFORMED"),
        };
        assert_eq!(token_format_error(&text), expected, "a text of {} bytes", text.len());
    }
}

#[test]
fn a_question_does_not_print_its_token() {
    let setup = Setup::new();
    setup.record_correct("a", 2, 1_001);
    let printed = format!("{:?}", setup.recorder);
    assert!(printed.contains("GET /x") && !printed.contains(&setup.token), "{printed}");
}
