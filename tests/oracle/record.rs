//! What a harness saw: answers, acknowledged writes, and which token belongs to which secret.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use latchkey::clock::SharedClock;
use latchkey::model::change::Cursor;
use latchkey::model::time::Timestamp;
use latchkey::proto::v1 as proto;
use parking_lot::Mutex;

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Since some moment before.
    pub mono: Duration,
    /// Of day.
    pub wall: Timestamp,
}

/// What was asked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// The token presented. Never printed.
    pub token: String,
    /// `[VERB ]path`.
    pub method: String,
    /// The store named.
    pub store: String,
    /// Further stores named.
    pub stores: Vec<String>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Number of the revision that the answer must not be older than.
    pub min_revision: Option<u64>,
}

/// A whole decision, in plain words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the call may go on.
    pub allowed: bool,
    /// The first failed check, or `ALLOWED`.
    pub reason: String,
    /// Every failed check.
    pub failed: Vec<String>,
    /// Id of the key; empty: none was found.
    pub key: String,
    /// Id of the secret; empty: none was found.
    pub secret: String,
    /// The store that the call is for.
    pub store: String,
    /// The scope: `*` for all, `more` for more than are listed.
    pub scope: Option<Vec<String>>,
    /// Stores that are not open.
    pub denied: Vec<String>,
    /// Methods it was judged as.
    pub methods: Vec<String>,
    /// It is allowed because the caller stays within the scope.
    pub within_scope: bool,
    /// The revision judged at.
    pub revision: u64,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The whole decision.
    Decision(Verdict),
    /// Only whether it was allowed, as a proxy tells; without a revision it must be right at some revision that could
    /// have been judged at.
    Allowed {
        /// Whether the call went on.
        allowed: bool,
        /// The revision judged at, if that was told.
        revision: Option<u64>,
    },
}

/// An answer, and when it was asked for and came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Who answered.
    pub replica: String,
    /// When it was asked.
    pub begun: Begun,
    /// When it answered.
    pub ended: Begun,
    /// What it was asked.
    pub question: Question,
    /// What it answered.
    pub told: Told,
}

/// An acknowledged write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) at: Duration,
    pub(super) revision: u64,
    /// Every live replica had applied it.
    pub(super) everywhere: bool,
}

/// Everything that was recorded.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The answers, in the order that they came.
    pub answers: Vec<Answer>,
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Key and secret by token.
    pub(super) tokens: Tokens,
}

/// Key and secret by token, never printed.
#[derive(Clone, Default)]
pub(super) struct Tokens(pub(super) HashMap<String, (String, String)>);

/// Takes down what a harness sees, from any number of tasks.
#[derive(Debug)]
pub struct Recorder {
    clock: SharedClock,
    records: Mutex<Records>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} store {:?} {:?}", self.method, self.store, self.stores)?;
        match self.client {
            Some(client) => write!(f, " from {client}"),
            None => Ok(()),
        }
    }
}

impl Recorder {
    /// Nothing recorded yet; times are those of `clock`, which must agree with storage's to within the checker's slack.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, records: Mutex::default() }
    }

    /// This moment: take it before a question is sent.
    #[must_use]
    pub fn begin(&self) -> Begun {
        Begun { mono: self.clock.monotonic(), wall: self.clock.now() }
    }

    /// Records an answer that has just come.
    pub fn answer(&self, replica: &str, begun: Begun, question: Question, told: Told) {
        let ended = self.begin();
        let answer = Answer { replica: replica.to_owned(), begun, ended, question, told };
        self.records.lock().answers.push(answer);
    }

    /// Records an answer of `Authorize`, or of one question of `BatchAuthorize`.
    pub fn authorize(
        &self,
        replica: &str,
        begun: Begun,
        request: &proto::AuthorizeRequest,
        decision: &proto::Decision,
    ) {
        self.answer(replica, begun, Question::of(request), Told::Decision(Verdict::of(decision)));
    }

    /// A write was answered just now.
    pub fn acknowledged(&self, written: &proto::Written) {
        self.acknowledged_as(&written.revision, written.pending_replicas.is_empty());
    }

    /// A write was answered just now with this opaque revision; `everywhere`: every live replica had applied it (not so
    /// if the wait was skipped with 0 s).
    ///
    /// # Panics
    ///
    /// When the revision is none.
    pub fn acknowledged_as(&self, revision: &str, everywhere: bool) {
        let cursor: Cursor = revision.parse().expect("a write answers a revision");
        let at = self.clock.monotonic();
        self.records.lock().acknowledged.push(Acknowledged { at, revision: cursor.revision.0, everywhere });
    }

    /// A token belongs to this secret of this key. Whatever token is asked about must be made known before the check,
    /// unless it belongs to none.
    pub fn issued(&self, token: &str, key: &str, secret: &str) {
        self.records.lock().tokens.0.insert(token.to_owned(), (key.to_owned(), secret.to_owned()));
    }

    /// A key was made or rotated: its newest secret has this token. Records the write too.
    ///
    /// # Panics
    ///
    /// When the answer lacks what it must have.
    pub fn made(&self, key: Option<&proto::Key>, token: &str, written: Option<&proto::Written>) {
        let key = key.expect("an answer has a key");
        self.issued(token, &key.id, &key.secrets.first().expect("a new key has a secret").id);
        self.acknowledged(written.expect("a write tells its revision"));
    }

    /// Everything recorded so far.
    #[must_use]
    pub fn records(&self) -> Records {
        self.records.lock().clone()
    }

    /// How many answers were recorded so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.lock().answers.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Question {
    /// The question of a request.
    ///
    /// # Panics
    ///
    /// When it is one that a server refuses to decide.
    #[must_use]
    pub fn of(request: &proto::AuthorizeRequest) -> Self {
        let address = Some(&request.client_address).filter(|address| !address.is_empty());
        let cursor = Some(&request.min_revision).filter(|revision| !revision.is_empty());
        let number = |text: &String| text.parse::<Cursor>().expect("min_revision is a revision").revision.0;
        Self {
            token: request.key.clone(),
            method: request.method.clone(),
            store: request.store.clone(),
            stores: request.stores.clone(),
            client: address.map(|address| address.parse().expect("client_address is an address")),
            min_revision: cursor.map(number),
        }
    }
}

impl Verdict {
    /// The verdict of a decision.
    #[must_use]
    pub fn of(decision: &proto::Decision) -> Self {
        let name = |reason: proto::Reason| reason.as_str_name().trim_start_matches("REASON_").to_owned();
        let scope = decision.scope.as_ref().map(|scope| match scope.kind() {
            proto::ScopeKind::All => vec!["*".to_owned()],
            proto::ScopeKind::Listed => scope.stores.clone(),
            proto::ScopeKind::Large => vec!["more".to_owned()],
            proto::ScopeKind::Unspecified => vec!["unspecified".to_owned()],
        });
        Self {
            allowed: decision.allowed,
            reason: name(decision.reason()),
            failed: decision.failed_checks().map(name).collect(),
            key: decision.key_id.clone(),
            secret: decision.secret_id.clone(),
            store: decision.store.clone(),
            scope,
            denied: decision.denied_stores.clone(),
            methods: decision.methods.clone(),
            within_scope: decision.scope_must_be_applied,
            revision: decision.revision,
        }
    }
}
