//! Recordings of a harness: decisions, acknowledged writes, and which token belongs to which secret.

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
pub struct Moment {
    /// Time since a fixed moment.
    pub mono: Duration,
    /// Time of day.
    pub wall: Timestamp,
}

/// A request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DecisionRequest {
    /// The token presented. Never printed.
    pub token: String,
    /// `[VERB ]path`.
    pub method: String,
    /// The named store.
    pub store: String,
    /// Further named stores.
    pub stores: Vec<String>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Minimum revision of the decision.
    pub min_revision: Option<u64>,
}

/// A whole decision, in plain words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the call is allowed.
    pub allowed: bool,
    /// The first failed check, or `ALLOWED`.
    pub reason: String,
    /// Every failed check.
    pub failed: Vec<String>,
    /// Id of the key; empty if none was found.
    pub key: String,
    /// Id of the secret; empty if none was found.
    pub secret: String,
    /// The store that the call is for.
    pub store: String,
    /// The scope: `*` for all, `more` for more than are listed.
    pub scope: Option<Vec<String>>,
    /// Stores outside the key's access.
    pub denied: Vec<String>,
    /// Methods that the call may run.
    pub methods: Vec<String>,
    /// Whether it is allowed because the caller stays within the scope.
    pub within_scope: bool,
    /// The revision of the state.
    pub revision: u64,
}

/// A recorded result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The whole decision.
    Decision(Verdict),
    /// Only whether it was allowed, as a proxy reports; without a revision it must be correct at some revision that was
    /// possible.
    Allowed {
        /// Whether the call passed.
        allowed: bool,
        /// The revision of the state, if it was reported.
        revision: Option<u64>,
    },
}

/// A result, with the times of its request and response.
#[derive(Debug, Clone)]
pub struct RecordedCall {
    /// The replica that decided.
    pub replica: String,
    /// When the request was sent.
    pub sent: Moment,
    /// When the response was received.
    pub received: Moment,
    /// The request.
    pub request: DecisionRequest,
    /// The result.
    pub outcome: Outcome,
}

/// An acknowledged write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) at: Duration,
    pub(super) revision: u64,
    /// Whether every live replica had applied it.
    pub(super) everywhere: bool,
}

/// Everything that was recorded.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The results in the order of their responses.
    pub calls: Vec<RecordedCall>,
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Key and secret by token.
    pub(super) tokens: Tokens,
}

/// Key and secret by token, never printed.
#[derive(Clone, Default)]
pub(super) struct Tokens(pub(super) HashMap<String, (String, String)>);

/// Records what a harness observes, from any number of tasks.
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

impl fmt::Debug for DecisionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} store {:?} {:?}", self.method, self.store, self.stores)?;
        match self.client {
            Some(client) => write!(f, " from {client}"),
            None => Ok(()),
        }
    }
}

impl Recorder {
    /// Creates an empty recorder with the times of `clock`, which agree with storage's within the checker's slack.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, records: Mutex::default() }
    }

    /// Returns the current time; call it before a request is sent.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment { mono: self.clock.monotonic(), wall: self.clock.now() }
    }

    /// Records a result that was just received.
    pub fn record(&self, replica: &str, sent: Moment, request: DecisionRequest, outcome: Outcome) {
        let received = self.now();
        let call = RecordedCall { replica: replica.to_owned(), sent, received, request, outcome };
        self.records.lock().calls.push(call);
    }

    /// Records a decision of `Authorize`, or one of `BatchAuthorize`.
    pub fn record_decision(
        &self,
        replica: &str,
        sent: Moment,
        request: &proto::AuthorizeRequest,
        decision: &proto::Decision,
    ) {
        self.record(
            replica,
            sent,
            DecisionRequest::from_proto(request),
            Outcome::Decision(Verdict::from_proto(decision)),
        );
    }

    /// Records a write that was just acknowledged.
    pub fn record_write(&self, written: &proto::Written) {
        self.record_revision(&written.revision, written.pending_replicas.is_empty());
    }

    /// Records a write that was just acknowledged with this opaque revision; `everywhere`: every live replica had
    /// applied it (not so if the wait was skipped with 0 s).
    ///
    /// # Panics
    ///
    /// When the revision is invalid.
    pub fn record_revision(&self, revision: &str, everywhere: bool) {
        let cursor: Cursor = revision.parse().expect("a write answers a revision");
        let at = self.clock.monotonic();
        self.records.lock().acknowledged.push(Acknowledged { at, revision: cursor.revision.0, everywhere });
    }

    /// Records that a token belongs to this secret of this key. Every token used must be recorded before the check,
    /// unless it belongs to no key.
    pub fn record_token(&self, token: &str, key: &str, secret: &str) {
        self.records.lock().tokens.0.insert(token.to_owned(), (key.to_owned(), secret.to_owned()));
    }

    /// Records that a key was created or rotated: its newest secret has this token. Also records the write.
    ///
    /// # Panics
    ///
    /// When the response lacks a required field.
    pub fn record_created(&self, key: Option<&proto::Key>, token: &str, written: Option<&proto::Written>) {
        let key = key.expect("an answer has a key");
        self.record_token(token, &key.id, &key.secrets.first().expect("a new key has a secret").id);
        self.record_write(written.expect("a write tells its revision"));
    }

    /// Returns everything recorded so far.
    #[must_use]
    pub fn records(&self) -> Records {
        self.records.lock().clone()
    }

    /// Returns the number of results recorded so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.lock().calls.len()
    }

    /// Returns whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl DecisionRequest {
    /// Converts a request.
    ///
    /// # Panics
    ///
    /// When a server would refuse to decide about it.
    #[must_use]
    pub fn from_proto(request: &proto::AuthorizeRequest) -> Self {
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
    /// Converts a decision.
    #[must_use]
    pub fn from_proto(decision: &proto::Decision) -> Self {
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
