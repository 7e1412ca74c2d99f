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
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Maximum number of wrong decisions to report.
const TOLD: usize = 20;

/// A record of acknowledged changes.
#[derive(Debug)]
pub struct Ledger {
    max_staleness: Duration,
    lives: Mutex<HashMap<String, Life>>,
    wrong: Mutex<Vec<String>>,
    /// Recorder for the oracle.
    pub recorder: Recorder,
}

/// The life of a token.
#[derive(Debug, Clone, Default)]
#[expect(dead_code, reason = "a name is for messages")]
struct Life {
    name: String,
    /// When its end was requested first.
    asked: Option<Duration>,
    /// When its end was acknowledged, and which replicas may be behind.
    ended: Option<(Duration, Behind)>,
}

/// Replicas that may be behind an acknowledged write.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Behind {
    These(Vec<String>),
    Anybody,
}

impl Ledger {
    /// Creates an empty ledger.
    #[must_use]
    pub fn new(max_staleness: Duration) -> Self {
        let recorder = Recorder::new(Arc::new(SystemClock));
        Self { max_staleness, lives: Mutex::default(), wrong: Mutex::default(), recorder }
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
    pub fn made(&self, key: Option<&proto::Key>, token: &str, written: Option<&Written>) {
        let (key, written) = (key.expect("an answer has a key"), written.expect("a write tells what it came to"));
        let secret = key.secrets.first().expect("a new key has a secret");
        self.recorder.issued(token, &key.id, &secret.id);
        self.acknowledged(written);
        let life = Life { name: key.name.clone(), ..Life::default() };
        self.lives.lock().unwrap().insert(token.to_owned(), life);
    }

    /// Notes that the end of a token will be requested: from now on either decision may be correct.
    pub fn ending(&self, token: &str) {
        self.of(token, |life| {
            life.asked.get_or_insert_with(now);
        });
    }

    /// Notes that the end of a token was acknowledged.
    pub fn ended(&self, token: &str, written: &Written) {
        self.acknowledged(written);
        let behind =
            if written.pending_unknown { Behind::Anybody } else { Behind::These(written.pending_replicas.clone()) };
        self.of(token, |life| life.ended = Some((now(), behind)));
    }

    /// Returns all tokens.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.tokens(|_| true)
    }

    /// Returns how many ends were acknowledged.
    #[must_use]
    pub fn ends(&self) -> usize {
        self.tokens(|life| life.ended.is_some()).len()
    }

    /// Returns the tokens for which only one decision is correct by now.
    #[must_use]
    pub fn certain(&self) -> Vec<(String, bool)> {
        let lives = self.lives.lock().unwrap();
        let certain = lives.iter().filter_map(|(token, life)| match (&life.asked, &life.ended) {
            (None, _) => Some((token.clone(), true)),
            (_, Some(_)) => Some((token.clone(), false)),
            (Some(_), None) => None,
        });
        certain.collect()
    }

    /// Describes a token for a message, without the token itself.
    #[must_use]
    pub fn describe(&self, token: &str) -> String {
        format!("{:?}", self.lives.lock().unwrap().get(token))
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
    pub async fn ask(&self, client: &Client, replica: &str, token: &str) -> Result<Decision, Status> {
        let request =
            proto::AuthorizeRequest { key: token.to_owned(), method: STATUSES.to_owned(), ..Default::default() };
        let (begun, sent) = (self.recorder.begin(), now());
        let answer = match tokio::time::timeout(PATIENCE, client.authorization().authorize(request.clone())).await {
            Ok(answer) => answer.map(|answer| answer.into_inner().decision.expect("an answer has a decision")),
            Err(_) => Err(Status::unavailable(format!("no answer within {PATIENCE:?}"))),
        };
        if let Ok(decision) = &answer {
            self.recorder.authorize(replica, begun, &request, decision);
        }
        self.judge(replica, token, sent, &answer);
        answer
    }

    fn acknowledged(&self, written: &Written) {
        let everywhere = written.pending_replicas.is_empty() && !written.pending_unknown;
        self.recorder.acknowledged_as(&written.revision, everywhere);
    }

    fn judge(&self, replica: &str, token: &str, sent: Duration, answer: &Result<Decision, Status>) {
        let received = now();
        let decision = match answer {
            Ok(decision) => decision,
            // There was no decision, which is never wrong if the status reports that. A broken connection is unknown or
            // cancelled.
            Err(status) => {
                let honest = [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::DeadlineExceeded];
                if !honest.contains(&status.code()) {
                    self.is_wrong(format!("replica {replica}: {status:?}"));
                }
                return;
            }
        };
        let Some(life) = self.lives.lock().unwrap().get(token).cloned() else {
            return;
        };
        let wrong = if decision.allowed {
            life.ended.as_ref().is_some_and(|(at, behind)| {
                let excused = sent <= *at + self.max_staleness
                    && match behind {
                        Behind::These(replicas) => replicas.iter().any(|behind| behind == replica),
                        Behind::Anybody => true,
                    };
                sent > *at && !excused
            })
        } else {
            life.asked.is_none_or(|at| received < at)
        };
        if wrong {
            self.is_wrong(format!(
                "replica {replica}, sent at {sent:?}, received at {received:?}: {} {:?} at revision {}, where {life:?}",
                if decision.allowed { "allowed" } else { "refused" },
                Reason::try_from(decision.reason),
                decision.revision,
            ));
        }
    }

    /// Returns whether there was a wrong decision.
    #[must_use]
    pub fn is_spoilt(&self) -> bool {
        !self.wrong.lock().unwrap().is_empty()
    }

    /// Asserts that there was no wrong decision.
    ///
    /// # Panics
    ///
    /// With the first wrong decisions.
    pub fn assert_clean(&self) {
        let wrong = self.wrong.lock().unwrap();
        let told: Vec<_> = wrong.iter().take(TOLD).map(String::as_str).collect();
        assert!(wrong.is_empty(), "{} wrong answers, the first of them:\n{}", wrong.len(), told.join("\n"));
    }

    fn is_wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    fn of(&self, token: &str, change: impl FnOnce(&mut Life)) {
        let mut lives = self.lives.lock().unwrap();
        change(lives.get_mut(token).expect("the ledger knows the token"));
    }

    fn tokens(&self, of: impl Fn(&Life) -> bool) -> Vec<String> {
        let lives = self.lives.lock().unwrap();
        lives.iter().filter(|(_, life)| of(life)).map(|(token, _)| token.clone()).collect()
    }
}
