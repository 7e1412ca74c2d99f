//! Promises about age and order, with histories written by hand.

use std::sync::Arc;
use std::time::Duration;

use latchkey::clock::Clock;
use latchkey::model::time::Timestamp;
use latchkey::model::token::Token;
use parking_lot::Mutex;
use serde_json::json;

use crate::oracle::{Change, Checker, History, Question, Recorder, Report, Told, Verdict, token_fault};

const MAX_STALENESS: Duration = Duration::from_secs(60);
const KEY: &str = "key_1";
const SECRET: &str = "sec_1";

#[derive(Debug, Default)]
struct ByHand(Mutex<Duration>);

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock()
    }
}

/// A history in which one key is switched off and on: it is on at odd revisions.
struct Scene {
    clock: Arc<ByHand>,
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

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(ByHand::default());
        let recorder = Recorder::new(Arc::<ByHand>::clone(&clock));
        let token = Token::issue([7; 32]).reveal().to_owned();
        recorder.issued(&token, KEY, SECRET);
        let scene = Self { clock, recorder, token };
        scene.at(1_000);
        scene
    }

    fn at(&self, seconds: u64) {
        *self.clock.0.lock() = Duration::from_secs(seconds);
    }

    fn question(&self) -> Question {
        let client = Some("10.1.2.3".parse().expect("an address"));
        Question { token: self.token.clone(), method: "GET /x".into(), client, ..Question::default() }
    }

    /// Records the correct decision at `revision`, from now until `until`.
    fn answered(&self, replica: &str, revision: u64, until: u64) {
        self.told(replica, self.question(), verdict(revision), until);
    }

    fn told(&self, replica: &str, question: Question, verdict: Verdict, until: u64) {
        let begun = self.recorder.begin();
        self.at(until);
        self.recorder.answer(replica, begun, question, Told::Decision(verdict));
    }

    fn acknowledged(&self, revision: u64, everywhere: bool) {
        self.recorder.acknowledged_as(&format!("r{revision}-00000000deadbeef"), everywhere);
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
fn finds(report: &Report, what: &str) {
    assert_eq!(report.wrong, 1, "{report:#?}");
    assert!(report.complaints[0].contains(what), "{report:#?}");
}

#[test]
fn right_answers_of_any_revision_pass() {
    let scene = Scene::new();
    (1..=4).for_each(|revision| scene.answered("a", revision, 1_000 + revision));
    let report = scene.report(4);
    report.assert_clean(4);
    assert_eq!((report.reasons["ALLOWED"], report.reasons["KEY_INACTIVE"]), (2, 2));
}

#[test]
fn an_answer_of_another_revision_than_it_names_is_found() {
    let scene = Scene::new();
    let wrong = Verdict { revision: 2, ..verdict(1) };
    scene.told("a", scene.question(), wrong, 1_001);
    finds(&scene.report(4), "KEY_INACTIVE");
    let scene = Scene::new();
    scene.answered("a", 5, 1_001);
    finds(&scene.report(4), "ends at r4");
}

#[test]
fn an_answer_older_than_a_write_applied_everywhere_is_found_unless_the_replica_was_cut_off() {
    let scene = Scene::new();
    scene.acknowledged(4, true);
    scene.at(1_001);
    scene.answered("a", 3, 1_002);
    finds(&scene.report(4), "at least");
    let checker = Checker::new(history(4), MAX_STALENESS).cut_off("a");
    checker.check(&scene.recorder.records()).assert_clean(1);
    // It began before the write was acknowledged, or the acknowledgement named a pending replica.
    let scene = Scene::new();
    let begun = scene.recorder.begin();
    scene.at(1_001);
    scene.acknowledged(4, true);
    scene.recorder.answer("a", begun, scene.question(), Told::Decision(verdict(3)));
    scene.report(4).assert_clean(1);
    let scene = Scene::new();
    scene.acknowledged(4, false);
    scene.at(1_001);
    scene.answered("a", 3, 1_002);
    scene.report(4).assert_clean(1);
}

#[test]
fn an_answer_older_than_asked_for_is_found() {
    let scene = Scene::new();
    let question = Question { min_revision: Some(2), ..scene.question() };
    scene.told("a", question.clone(), verdict(1), 1_001);
    finds(&scene.report(4), "at least");
    let scene = Scene::new();
    scene.told("a", question, verdict(3), 1_001);
    scene.report(4).assert_clean(1);
}

#[test]
fn an_answer_older_than_the_freshness_bound_is_found() {
    let scene = Scene::new();
    scene.acknowledged(4, false);
    scene.at(1_060);
    scene.answered("a", 3, 1_060);
    scene.report(4).assert_clean(1);
    scene.at(1_061);
    scene.answered("a", 3, 1_061);
    finds(&scene.report(4), "at least");
}

#[test]
fn a_replica_that_goes_back_is_found_and_answers_side_by_side_are_not() {
    let scene = Scene::new();
    scene.answered("a", 3, 1_001);
    scene.answered("b", 1, 1_002);
    scene.at(1_003);
    let begun = scene.recorder.begin();
    scene.answered("a", 4, 1_004);
    scene.recorder.answer("a", begun, scene.question(), Told::Decision(verdict(3)));
    scene.report(4).assert_clean(4);
    scene.at(1_005);
    scene.answered("a", 3, 1_006);
    finds(&scene.report(4), "answered from r4 before");
}

#[test]
fn a_lost_write_and_a_hole_in_the_feed_are_found() {
    let scene = Scene::new();
    scene.answered("a", 1, 1_001);
    scene.acknowledged(5, true);
    finds(&scene.report(4), "a write is lost");
    let scene = Scene::new();
    scene.answered("a", 1, 1_001);
    let holed = History::new(vec![change(1, true, None), change(3, true, None)]);
    finds(&Checker::new(holed, MAX_STALENESS).check(&scene.recorder.records()), "something is missing");
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
        let scene = Scene::new();
        scene.at(from);
        scene.told("a", scene.question(), verdict, from);
        Checker::new(history.clone(), MAX_STALENESS).check(&scene.recorder.records()).wrong
    };
    assert_eq!([check(1_008, verdict(1)), check(1_008, expired.clone())], [0, 1]);
    assert_eq!([check(1_010, verdict(1)), check(1_010, expired.clone())], [0, 0]);
    assert_eq!([check(1_012, verdict(1)), check(1_012, expired)], [1, 0]);
}

#[test]
fn after_a_restore_answers_may_come_from_the_past_before_for_the_freshness_bound() {
    // In the second history the key is off at revision 1.
    let second = History::new(vec![change(1, false, None)]);
    let scene = Scene::new();
    scene.answered("a", 1, 1_001);
    scene.at(1_030);
    scene.answered("b", 1, 1_031);
    let off = Verdict { revision: 1, ..verdict(2) };
    scene.told("a", scene.question(), off.clone(), 1_032);
    let check = |scene: &Scene| {
        Checker::new(history(2), MAX_STALENESS)
            .then(Duration::from_secs(1_020), second.clone())
            .check(&scene.recorder.records())
    };
    check(&scene).assert_clean(3);
    scene.at(1_081);
    scene.answered("b", 1, 1_082);
    finds(&check(&scene), "KEY_INACTIVE");
    let scene = Scene::new();
    scene.told("a", scene.question(), off, 1_001);
    finds(&check(&scene), "ALLOWED");
}

#[test]
fn an_answer_without_a_revision_is_held_to_those_it_could_have_been_judged_at() {
    let bare = |scene: &Scene, allowed| {
        let told = Told::Allowed { allowed, revision: None };
        scene.recorder.answer("proxy", scene.recorder.begin(), scene.question(), told);
    };
    let scene = Scene::new();
    bare(&scene, true);
    bare(&scene, false);
    scene.report(4).assert_clean(2);
    scene.acknowledged(4, true);
    scene.at(1_001);
    bare(&scene, true);
    finds(&scene.report(4), "right would be");
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
        assert_eq!(token_fault(&text), expected, "a text of {} bytes", text.len());
    }
}

#[test]
fn a_question_does_not_print_its_token() {
    let scene = Scene::new();
    scene.answered("a", 2, 1_001);
    let printed = format!("{:?}", scene.recorder);
    assert!(printed.contains("GET /x") && !printed.contains(&scene.token), "{printed}");
}
