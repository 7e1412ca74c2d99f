//! Acknowledged changes, and whether a decision is consistent with them.
//!
//! A key of the ledger is created with access, and later ended by one change. A decision is wrong if it allows a call
//! sent after the end was acknowledged, or refuses a call that returned before the end was requested. The only
//! exception comes from the acknowledgement: replicas that it names as pending may be behind for `max_staleness`.
//!
//! Everything is also recorded for the oracle, which checks more of each decision, but only at the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey::clock::SystemClock;
use latchkey::proto::v1 as proto;
use proto::{Decision, Reason, Written};
use tonic::{Code, Status};

use super::now;
use crate::calls::{Client, STATUSES};
use crate::oracle::Recorder;

/// Timeout of a call. A later response is useless to its caller.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum number of wrong decisions to report.
const MAX_REPORTED: usize = 20;

/// A record of acknowledged changes.
#[derive(Debug)]
pub struct Ledger {
    max_staleness: Duration,
    events_by_token: Mutex<HashMap<String, KeyEvents>>,
    wrong: Mutex<Vec<String>>,
    /// Recorder for the oracle.
    pub recorder: Recorder,
}

/// What happened to a token.
#[derive(Debug, Clone, Default)]
#[expect(dead_code, reason = "a name is for messages")]
struct KeyEvents {
    name: String,
    /// When its end was requested first.
    end_requested: Option<Duration>,
    /// When its end was acknowledged, and which replicas may be behind.
    end_acknowledged: Option<(Duration, PossiblyStale)>,
}

/// Replicas that may be behind an acknowledged write.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PossiblyStale {
    Listed(Vec<String>),
    Any,
}

impl Ledger {
    /// Creates an empty ledger.
    #[must_use]
    pub fn new(max_staleness: Duration) -> Self {
        let recorder = Recorder::new(Arc::new(SystemClock));
        Self { max_staleness, events_by_token: Mutex::default(), wrong: Mutex::default(), recorder }
    }

    /// Returns the `max_staleness` of the servers.
    #[must_use]
    pub const fn max_staleness(&self) -> Duration {
        self.max_staleness
    }

    /// Notes the acknowledged creation of a token with access to what the ledger calls.
    ///
    /// # Panics
    ///
    /// When the response lacks a required field.
    pub fn created(&self, key: Option<&proto::Key>, token: &str, written: Option<&Written>) {
        let (key, written) = (key.expect("an answer has a key"), written.expect("a write tells what it came to"));
        let secret = key.secrets.first().expect("a new key has a secret");
        self.recorder.record_token(token, &key.id, &secret.id);
        self.record_write(written);
        let events = KeyEvents { name: key.name.clone(), ..KeyEvents::default() };
        self.events_by_token.lock().unwrap().insert(token.to_owned(), events);
    }

    /// Notes that the end of a token will be requested: from now on either decision may be correct.
    pub fn end_requested(&self, token: &str) {
        self.update(token, |events| {
            events.end_requested.get_or_insert_with(now);
        });
    }

    /// Notes that the end of a token was acknowledged.
    pub fn end_acknowledged(&self, token: &str, written: &Written) {
        self.record_write(written);
        let behind = if written.pending_unknown {
            PossiblyStale::Any
        } else {
            PossiblyStale::Listed(written.pending_replicas.clone())
        };
        self.update(token, |events| events.end_acknowledged = Some((now(), behind)));
    }

    /// Returns all tokens.
    #[must_use]
    pub fn all_tokens(&self) -> Vec<String> {
        self.tokens(|_| true)
    }

    /// Returns how many ends were acknowledged.
    #[must_use]
    pub fn ended_count(&self) -> usize {
        self.tokens(|events| events.end_acknowledged.is_some()).len()
    }

    /// Returns the tokens for which only one decision is correct by now.
    #[must_use]
    pub fn expected_decisions(&self) -> Vec<(String, bool)> {
        let events_by_token = self.events_by_token.lock().unwrap();
        let expected = events_by_token.iter().filter_map(|(token, events)| {
            match (&events.end_requested, &events.end_acknowledged) {
                (None, _) => Some((token.clone(), true)),
                (_, Some(_)) => Some((token.clone(), false)),
                (Some(_), None) => None,
            }
        });
        expected.collect()
    }

    /// Describes a token for a message, without the token itself.
    #[must_use]
    pub fn describe(&self, token: &str) -> String {
        format!("{:?}", self.events_by_token.lock().unwrap().get(token))
    }

    /// Calls a server with the token for [`STATUSES`], and checks and records the decision.
    ///
    /// # Errors
    ///
    /// There was no decision within the timeout.
    ///
    /// # Panics
    ///
    /// When the response has no decision.
    pub async fn authorize(&self, client: &Client, replica: &str, token: &str) -> Result<Decision, Status> {
        let request =
            proto::AuthorizeRequest { key: token.to_owned(), method: STATUSES.to_owned(), ..Default::default() };
        let (moment, sent) = (self.recorder.now(), now());
        let answer = match tokio::time::timeout(CALL_TIMEOUT, client.authorization().authorize(request.clone())).await {
            Ok(answer) => answer.map(|answer| answer.into_inner().decision.expect("an answer has a decision")),
            Err(_) => Err(Status::unavailable(format!("no answer within {CALL_TIMEOUT:?}"))),
        };
        if let Ok(decision) = &answer {
            self.recorder.record_decision(replica, moment, &request, decision);
        }
        self.check(replica, token, sent, &answer);
        answer
    }

    fn record_write(&self, written: &Written) {
        let everywhere = written.pending_replicas.is_empty() && !written.pending_unknown;
        self.recorder.record_revision(&written.revision, everywhere);
    }

    fn check(&self, replica: &str, token: &str, sent: Duration, answer: &Result<Decision, Status>) {
        let received = now();
        let decision = match answer {
            Ok(decision) => decision,
            // There was no decision, which is never wrong if the status reports that. A broken connection is unknown or
            // cancelled.
            Err(status) => {
                let expected_codes = [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::DeadlineExceeded];
                if !expected_codes.contains(&status.code()) {
                    self.report_wrong(format!("replica {replica}: {status:?}"));
                }
                return;
            }
        };
        let Some(events) = self.events_by_token.lock().unwrap().get(token).cloned() else {
            return;
        };
        let wrong = if decision.allowed {
            events.end_acknowledged.as_ref().is_some_and(|(at, behind)| {
                let excused = sent <= *at + self.max_staleness
                    && match behind {
                        PossiblyStale::Listed(replicas) => replicas.iter().any(|behind| behind == replica),
                        PossiblyStale::Any => true,
                    };
                sent > *at && !excused
            })
        } else {
            events.end_requested.is_none_or(|at| received < at)
        };
        if wrong {
            self.report_wrong(format!(
                "replica {replica}, sent at {sent:?}, received at {received:?}: {} {:?} at revision {}, where {events:?}",
                if decision.allowed { "allowed" } else { "refused" },
                Reason::try_from(decision.reason),
                decision.revision,
            ));
        }
    }

    /// Returns whether there was a wrong decision.
    #[must_use]
    pub fn has_wrong_decision(&self) -> bool {
        !self.wrong.lock().unwrap().is_empty()
    }

    /// Asserts that there was no wrong decision.
    ///
    /// # Panics
    ///
    /// With the first wrong decisions.
    pub fn assert_clean(&self) {
        let wrong = self.wrong.lock().unwrap();
        let reported: Vec<_> = wrong.iter().take(MAX_REPORTED).map(String::as_str).collect();
        assert!(wrong.is_empty(), "{} wrong answers, the first of them:\n{}", wrong.len(), reported.join("\n"));
    }

    fn report_wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    fn update(&self, token: &str, change: impl FnOnce(&mut KeyEvents)) {
        let mut events_by_token = self.events_by_token.lock().unwrap();
        change(events_by_token.get_mut(token).expect("the ledger knows the token"));
    }

    fn tokens(&self, filter: impl Fn(&KeyEvents) -> bool) -> Vec<String> {
        let events_by_token = self.events_by_token.lock().unwrap();
        events_by_token.iter().filter(|(_, events)| filter(events)).map(|(token, _)| token.clone()).collect()
    }
}
