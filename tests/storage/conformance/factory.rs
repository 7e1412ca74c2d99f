//! Makes records: each call makes a distinct one, with nothing set that the caller did not request.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};

use latchkey::model::book::MethodNumber;
use latchkey::model::change::{Action, NewChange, Revision, SubjectKind};
use latchkey::model::id::{KeyId, OperatorId, ReplicaId, SecretId};
use latchkey::model::key::{Access, Key, KeySpec, Secret, TokenOrigin};
use latchkey::model::method::StoreUse;
use latchkey::model::operator::{Operator, Role};
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreCode, StoreKind, StoreNumber};
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::{NewKey, NewSecret};

/// Environment variable: the seed of a run to repeat.
const SEED: &str = "LATCHKEY_TEST_SEED";

/// 2026-01-01T00:00:00Z, the time of the first record.
pub const BEGINNING: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Reproducible pseudorandom numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// Factory of records whose ids ascend in the order of creation.
#[derive(Debug, Clone)]
pub struct RecordFactory {
    /// Source of their contents.
    pub random: Random,
    made: u64,
}

impl Random {
    /// Creates a generator with a seed that differs from run to run. The seed is printed and shows when the test fails.
    ///
    /// # Panics
    ///
    /// When the configured seed is not a number.
    #[must_use]
    #[expect(
        clippy::print_stderr,
        reason = "the harness shows it beside a failure, so that the failure can be had again"
    )]
    pub fn new() -> Self {
        let given = std::env::var(SEED).ok().map(|seed| seed.parse().expect("the seed is a number"));
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
        eprintln!("{SEED}={seed} repeats this run");
        Self(seed)
    }

    /// Returns the next number (splitmix64).
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`.
    ///
    /// # Panics
    ///
    /// When `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % bound as u64).expect("below a usize")
    }

    /// Returns true once in `of` times on average.
    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// Returns one element of `all`.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Returns some elements of `all` in order, each with a probability of one half.
    pub fn some<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        all.iter().filter(|_| self.one_in(2)).cloned().collect()
    }

    /// Returns random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.draw().to_le_bytes()[0])
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for RecordFactory {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordFactory {
    /// Creates a factory with its own seed.
    #[must_use]
    pub fn new() -> Self {
        Self { random: Random::new(), made: 0 }
    }

    /// Creates another factory, whose records differ from those of this one.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self { random: Random(self.random.draw()), made: 0 }
    }

    /// Returns the time of the next record, a millisecond after the previous one, and random bytes.
    fn tick(&mut self) -> (Timestamp, [u8; 10]) {
        self.made += 1;
        (BEGINNING.plus(std::time::Duration::from_millis(self.made)), self.random.bytes())
    }

    /// Returns the id of a key.
    pub fn key_id(&mut self) -> KeyId {
        let (at, random) = self.tick();
        KeyId::new(at, random)
    }

    /// Returns the id of a secret.
    pub fn secret_id(&mut self) -> SecretId {
        let (at, random) = self.tick();
        SecretId::new(at, random)
    }

    /// Returns the id of a replica.
    pub fn replica_id(&mut self) -> ReplicaId {
        let (at, random) = self.tick();
        ReplicaId::new(at, random)
    }

    /// Returns the id of an operator.
    pub fn operator_id(&mut self) -> OperatorId {
        let (at, random) = self.tick();
        OperatorId::new(at, random)
    }

    /// Returns a digest that no token has.
    pub fn digest(&mut self) -> Digest {
        Digest::from_bytes(self.random.bytes())
    }

    /// Returns a secret.
    pub fn secret(&mut self) -> NewSecret {
        let hint = format!("{:04x}", self.random.below(0x1_0000));
        NewSecret { id: self.secret_id(), digest: self.digest(), hint, origin: TokenOrigin::Issued }
    }

    /// Returns an active key with access to everything.
    pub fn key(&mut self, name: &str) -> NewKey {
        let (created, random) = self.tick();
        let spec = KeySpec { name: name.to_owned(), stores: Access::All, methods: Access::All, ..KeySpec::default() };
        let (id, secret) = (KeyId::new(created, random), self.secret());
        NewKey { id, spec, stores: Vec::new(), methods: Vec::new(), secret, created, revoked: None }
    }

    /// Returns a key with access to these stores and methods only.
    pub fn narrow_key(&mut self, name: &str, stores: &[StoreNumber], methods: &[MethodNumber]) -> NewKey {
        let mut key = self.key(name);
        (key.spec.stores, key.spec.methods) = (Access::Selected(Vec::new()), Access::Selected(Vec::new()));
        (key.stores, key.methods) = (stores.to_vec(), methods.to_vec());
        key
    }

    /// Returns an operator and the digest of its token.
    pub fn operator(&mut self, name: &str, role: Role) -> (Operator, Digest) {
        let (created, random) = self.tick();
        let operator = Operator {
            id: OperatorId::new(created, random),
            name: name.to_owned(),
            role,
            expires: None,
            revoked: None,
            hint: "abcd".to_owned(),
            created,
            updated: created,
            row_revision: Revision(0),
        };
        (operator, self.digest())
    }
}

/// Returns an active online store without hosts.
///
/// # Panics
///
/// When `code` is invalid.
#[must_use]
pub fn store(code: &str) -> Store {
    Store {
        number: StoreNumber(0),
        code: code.parse().unwrap_or_else(|error| panic!("{error}")),
        name: format!("the store {code}"),
        kind: StoreKind::OnlineStore,
        platform: String::new(),
        hosts: Vec::new(),
        active: true,
        created: BEGINNING,
        updated: BEGINNING,
        row_revision: Revision(0),
    }
}

/// Returns a method at `position` of the book.
///
/// # Panics
///
/// When `identity` is invalid.
#[must_use]
pub fn method(identity: &str, position: i32) -> Method {
    Method {
        number: MethodNumber(0),
        identity: identity.parse().unwrap_or_else(|error| panic!("{error}")),
        block: "Orders".to_owned(),
        summary: format!("does {identity}"),
        description: String::new(),
        store_use: StoreUse::Optional,
        store_places: Vec::new(),
        scope: None,
        position,
        retired: None,
        created: BEGINNING,
        updated: BEGINNING,
        row_revision: Revision(0),
    }
}

/// Parses a store's code.
///
/// # Panics
///
/// When `code` is invalid.
#[must_use]
pub fn code(code: &str) -> StoreCode {
    code.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Returns a change for the audit trail about `subject`.
pub fn change(action: Action, kind: SubjectKind, subject: impl Display) -> NewChange {
    NewChange { action, kind, subject: subject.to_string(), before: None, after: None }
}

/// Returns a key as it is read back after it was added at `now` with `revision` and access to `stores` and `methods`.
#[must_use]
pub fn as_read(new: &NewKey, now: Timestamp, revision: Revision, stores: &[&str], methods: &[&str]) -> Key {
    let list = |access: &Access<String>, members: &[&str]| match access {
        Access::All => Access::All,
        Access::Selected(_) => Access::Selected(members.iter().map(ToString::to_string).collect()),
    };
    let spec = KeySpec {
        stores: list(&new.spec.stores, stores),
        methods: list(&new.spec.methods, methods),
        ..new.spec.clone()
    };
    Key {
        id: new.id,
        spec: spec.sorted(),
        revoked: new.revoked.clone(),
        secrets: vec![secret_as_read(&new.secret, now)],
        created: new.created,
        updated: now,
        last_used: None,
        row_revision: revision,
    }
}

/// Returns a secret as it is read back after it was added at `now`.
#[must_use]
pub fn secret_as_read(new: &NewSecret, now: Timestamp) -> Secret {
    Secret { id: new.id, hint: new.hint.clone(), origin: new.origin, created: now, expires: None, last_used: None }
}
