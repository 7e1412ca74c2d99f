//! A registry over a fresh SQLite file, a clock that tests set, and replicas whose delay tests set.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use latchkey::clock::Clock;
use latchkey::lifecycle::Tasks;
use latchkey::model::change::{Change, Cursor, Revision};
use latchkey::model::id::ReplicaId;
use latchkey::model::key::Key;
use latchkey::model::operator::Role;
use latchkey::model::store::StoreKind;
use latchkey::model::time::Timestamp;
use latchkey::model::token::Token;
use latchkey::random::{OsRandom, Random};
use latchkey::registry::{
    AccessKind, Bootstrap, Caller, Choice, Convergence, CreateKey, Error, KeyDraft, KeyWithToken, ListChanges,
    MethodDraft, OperatorDraft, Pending, Registry, StoreDraft, TokenLocation, WriteOptions, Written,
};
use latchkey::storage::{self, Options, Storage};

/// Start time of every test: 2026-11-24T00:00:00Z.
pub(crate) const START: i64 = 1_795_478_400;

/// A clock that moves only by calls.
#[derive(Debug, Default)]
pub(crate) struct ManualClock(AtomicI64);

/// Replicas with a preset result, which record what they had to wait for.
#[derive(Debug, Default)]
pub(crate) struct FakeReplicas {
    pub(crate) pending: Mutex<Vec<ReplicaId>>,
    pub(crate) waits: Mutex<Vec<(Revision, Duration)>>,
}

/// Storage for the first operator's token.
#[derive(Debug, Default)]
pub(crate) struct TokenStore {
    pub(crate) supplied: Option<Token>,
    pub(crate) kept: Mutex<Vec<Token>>,
    pub(crate) broken: bool,
}

/// A registry, an admin, and the parts behind them.
pub(crate) struct Harness {
    pub(crate) registry: Registry,
    pub(crate) storage: Arc<Storage>,
    pub(crate) admin: Caller,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) replicas: Arc<FakeReplicas>,
    seed: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

#[async_trait]
impl Convergence for FakeReplicas {
    async fn wait(&self, write: Cursor, at_most: Duration) -> Pending {
        self.waits.lock().unwrap().push((write.revision, at_most));
        Pending::Known(self.pending.lock().unwrap().clone())
    }
}

impl TokenLocation for TokenStore {
    fn supplied(&self) -> io::Result<Option<Token>> {
        Ok(self.supplied.clone())
    }

    fn save(&self, token: &Token) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("no space left"));
        }
        self.kept.lock().unwrap().push(token.clone());
        Ok(())
    }
}

/// Creates a registry over empty storage.
pub(crate) async fn empty() -> (Registry, Arc<Storage>, Arc<ManualClock>, Arc<FakeReplicas>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock(AtomicI64::new(START * 1_000_000)));
    let url = format!("sqlite:{}", folder.path().join("latchkey.db").display());
    let mut options = Options::new(url.parse().unwrap());
    let tasks = Tasks::new();
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    options.clock = shared;
    options.tasks = tasks.clone();
    let storage = storage::open(options).await.unwrap();
    let replicas = Arc::new(FakeReplicas::default());
    let convergence: Arc<dyn Convergence> = Arc::<FakeReplicas>::clone(&replicas);
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let registry = Registry::new(Arc::clone(&storage), tasks, random, convergence, Duration::from_secs(1));
    (registry, storage, clock, replicas, folder)
}

/// Creates a registry with the operator `admin`.
pub(crate) async fn harness() -> Harness {
    let (registry, storage, clock, replicas, folder) = empty().await;
    let made = registry.bootstrap(&TokenStore::default()).await.unwrap();
    let Bootstrap::Created { operator, .. } = made else { panic!("storage was not empty") };
    let admin = Caller { id: operator.id, name: operator.name, role: operator.role };
    Harness { registry, storage, admin, clock, replicas, seed: AtomicU64::new(1), _folder: folder }
}

impl Harness {
    /// Advances the clock.
    pub(crate) fn advance(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Adds a store.
    pub(crate) async fn create_store(&self, code: &str) {
        let draft = StoreDraft {
            code: code.to_owned(),
            name: format!("Shop {code}"),
            kind: Choice::Is(StoreKind::OnlineStore),
            ..StoreDraft::default()
        };
        self.registry.create_store(&self.admin, &draft, &WriteOptions::default()).await.unwrap();
    }

    /// Adds a method.
    pub(crate) async fn create_method(&self, identity: &str) {
        self.registry.create_method(&self.admin, &method(identity), &WriteOptions::default()).await.unwrap();
    }

    /// Issues a key.
    pub(crate) async fn create_key(&self, draft: KeyDraft) -> (Key, Token) {
        let (made, _) = self.try_create_key(CreateKey { key: draft, ..CreateKey::default() }).await.unwrap();
        (made.key, made.token.unwrap())
    }

    /// Requests a new key.
    pub(crate) async fn try_create_key(&self, request: CreateKey) -> Result<(KeyWithToken, Written), Error> {
        self.registry.create_key(&self.admin, &request, &WriteOptions::default()).await
    }

    /// Creates another operator.
    pub(crate) async fn create_operator(&self, name: &str, role: Role) -> Caller {
        let draft = OperatorDraft { name: name.to_owned(), role: Choice::Is(role), expires: None };
        let (made, _) = self.registry.create_operator(&self.admin, &draft, &WriteOptions::default()).await.unwrap();
        Caller { id: made.operator.id, name: made.operator.name, role }
    }

    /// Returns the latest revision.
    pub(crate) async fn latest_revision(&self) -> Revision {
        self.storage.head().await.unwrap().revision
    }

    /// Returns the audit trail of a subject, newest change first.
    pub(crate) async fn audit_trail(&self, kind: &str, id: &str) -> Vec<Change> {
        let list = ListChanges { subject_kind: kind.to_owned(), subject_id: id.to_owned(), ..ListChanges::default() };
        self.registry.changes(&list).await.unwrap().items
    }

    /// Returns a token as a caller would supply it, a different one each time.
    pub(crate) fn supplied_token(&self) -> String {
        format!("a-token-of-the-caller-s-own-{:012}", self.seed.fetch_add(1, Ordering::SeqCst))
    }
}

/// Returns a key with access to exactly these stores and methods.
pub(crate) fn draft_with_access(stores: &[&str], methods: &[&str]) -> KeyDraft {
    KeyDraft {
        name: "partner".to_owned(),
        store_access: Choice::Is(AccessKind::Selected),
        stores: owned(stores),
        method_access: Choice::Is(AccessKind::Selected),
        methods: owned(methods),
        ..KeyDraft::default()
    }
}

/// Returns a key with access to everything.
pub(crate) fn draft_with_full_access() -> KeyDraft {
    KeyDraft {
        store_access: Choice::Is(AccessKind::All),
        method_access: Choice::Is(AccessKind::All),
        ..draft_with_access(&[], &[])
    }
}

/// Returns a method with default properties.
pub(crate) fn method(identity: &str) -> MethodDraft {
    MethodDraft {
        method: identity.to_owned(),
        block: "Orders".to_owned(),
        summary: "Does something".to_owned(),
        store_use: Choice::Is(latchkey::model::method::StoreUse::Optional),
        ..MethodDraft::default()
    }
}

/// Converts texts to the type of requests.
pub(crate) fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Returns the fields of an error, in order.
pub(crate) fn fields(error: &Error) -> Vec<String> {
    match error {
        Error::Invalid(violations) | Error::Taken { violations, .. } => {
            violations.listed().iter().map(|violation| violation.field.clone()).collect()
        }
        _ => Vec::new(),
    }
}
