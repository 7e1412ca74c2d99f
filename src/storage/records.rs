//! Parameters and results of storage's methods, beyond the model's own types.

use std::time::Duration;

use crate::model::book::MethodNumber;
use crate::model::change::{Cursor, Revision};
use crate::model::grant::Grant;
use crate::model::id::{KeyId, ReplicaId, SecretId};
use crate::model::key::{Key, KeySpec, Origin, Revocation, Secret};
use crate::model::marks::Marks;
use crate::model::operator::Operator;
use crate::model::reference::Method;
use crate::model::store::{Store, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// Takes the digests of a snapshot as they are read.
pub trait SnapshotSink {
    /// Takes some of them.
    fn digests(&mut self, digests: &[Digest]);
}

/// Everything that a World is made of, as of one revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The latest revision.
    pub head: Cursor,
    /// Storage's clock.
    pub now: Timestamp,
    /// The times that it went back from.
    pub marks: Marks,
    /// All stores.
    pub stores: Vec<Store>,
    /// All methods, retired ones included, by position.
    pub methods: Vec<Method>,
    /// All operators that are not revoked, with the digests of their tokens.
    pub operators: Vec<(Operator, Digest)>,
    /// Tables that lack rows which the audit trail says were made.
    pub missing: Vec<super::Missing>,
    /// Which database it is of.
    pub deployment: Deployment,
    /// The last revisions up to the latest one, ascending: at most [`LINEAGE`].
    pub lineage: Vec<Cursor>,
}

/// The identity of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Names it; `None` in a dump of a version that gave no names.
    pub id: Option<String>,
    /// Whether no key was ever made in it.
    pub empty: bool,
    /// Deployments that it takes the place of, as an administrator has confirmed.
    pub replaces: Vec<String>,
}

/// A change that a server had applied and that storage does not have any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostChange {
    /// The revision that made it, in the history that was lost.
    pub cursor: Cursor,
    /// What it was about: `key`, `store`, `method`, `operator`.
    pub kind: String,
    /// Which one.
    pub subject: String,
    /// What was done.
    pub action: String,
    /// What is needed to do it again.
    pub detail: Detail,
    /// The first server that missed it.
    pub reported_by: ReplicaId,
    /// When.
    pub noticed: Timestamp,
}

/// What a change took away, as far as its action does not say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Detail {
    /// Secrets that it ended.
    #[serde(default)]
    pub ended_secrets: Vec<String>,
    /// Whether it switched its subject off.
    #[serde(default)]
    pub switched_off: bool,
}

/// Revisions of which a snapshot has the nonces.
pub const LINEAGE: u64 = 8_192;

/// What a poll found.
#[derive(Debug, Clone)]
pub struct Poll {
    /// The latest revision.
    pub head: Cursor,
    /// Storage's clock.
    pub now: Timestamp,
    /// The times that it went back from.
    pub marks: Marks,
    /// Whether the given cursor is part of this history. If not, nothing below is set: reload all.
    pub continuous: bool,
    /// Every revision after the cursor, in order, with its nonce; empty if there is none.
    pub revisions: Vec<Cursor>,
    /// What the revisions changed, as (revision, kind, subject, action), in order; cut at the limit.
    pub subjects: Vec<(Revision, String, String, String)>,
    /// What of these took away more than the action says: revision, subject and what.
    pub details: Vec<(Revision, String, Detail)>,
    /// Whether there were more subjects than the limit: treat everything as changed.
    pub overflow: bool,
    /// Tables that lack rows which the audit trail says were made; looked at after an overflow only.
    pub missing: Vec<super::Missing>,
    /// The keys among the subjects that were touched, each with the newest revision that touched it.
    pub keys: Vec<(KeyId, Revision)>,
    /// Digests of secrets added to those keys, or to any key if there was an overflow.
    pub digests: Vec<Digest>,
    /// All stores, if any store changed.
    pub stores: Option<Vec<Store>>,
    /// All methods, retired ones included, if any method changed.
    pub methods: Option<Vec<Method>>,
    /// All operators that are not revoked, if any operator changed.
    pub operators: Option<Vec<(Operator, Digest)>>,
}

/// What reading a grant found.
#[derive(Debug, Clone)]
pub struct GrantRead {
    /// The latest revision, read in the same statement: its nonce shows which history the grant is of.
    pub head: Cursor,
    /// The secret and its key, compiled; `None` if no secret has or had the digest.
    pub grant: Option<Grant>,
}

/// What a replica reports of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaReport {
    /// Its id.
    pub id: ReplicaId,
    /// Name of its host.
    pub host: String,
    /// Version of its program.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
    /// The revision that it has applied.
    pub applied: Revision,
    /// How long it allows calls without proof that its state is fresh; `None`: an earlier version, which does not report it.
    pub max_staleness: Option<Duration>,
}

/// The last report of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The report.
    pub report: ReplicaReport,
    /// When, by storage's clock; the epoch once it has ended in order.
    pub reported: Timestamp,
    /// How long ago that is, by storage's clock. Not how long it has been silent: clocks are set.
    pub age: Duration,
}

impl Replica {
    /// Whether it has ended in order, and so decides nothing any more.
    pub fn has_ended(&self) -> bool {
        self.reported == Timestamp::EPOCH
    }
}

/// A secret that is found by its token, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The key, also a revoked or deleted one.
    pub key: Key,
    /// The secret, also one that ended.
    pub secret: Secret,
    /// Whether the key was deleted.
    pub deleted: bool,
    /// When the secret was ended; `None` if it was not.
    pub ended: Option<Timestamp>,
}

/// A secret that was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSecret {
    /// Its id.
    pub id: SecretId,
    /// When it ended.
    pub ended: Timestamp,
}

/// A key to be added, its lists by number, and its first secret.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its identity.
    pub id: KeyId,
    /// What people set of it. Of its lists only counts whether they are everything.
    pub spec: KeySpec,
    /// The stores it selects; none when it opens all.
    pub stores: Vec<StoreNumber>,
    /// The methods it selects; none when it opens all.
    pub methods: Vec<MethodNumber>,
    /// Its secret.
    pub secret: NewSecret,
    /// When it was made.
    pub created: Timestamp,
    /// When and why it was revoked, if it was before it was added.
    pub revoked: Option<Revocation>,
}

/// A secret to be added.
#[derive(Debug, Clone)]
pub struct NewSecret {
    /// Its identity.
    pub id: SecretId,
    /// The digest of its token.
    pub digest: Digest,
    /// The last characters of its token.
    pub hint: String,
    /// Where the token came from.
    pub origin: Origin,
}

/// The keys that select a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUsers {
    /// How many.
    pub total: u64,
    /// Those that would be left with exactly one store, at most 20.
    pub left_with_one: Vec<KeyId>,
}

/// Somebody who is signed in to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who, as it is now.
    pub operator: Operator,
    /// The operator's row revision when it signed in.
    pub operator_revision: Revision,
    /// When it signed in.
    pub created: Timestamp,
    /// Its last request, within about a minute.
    pub seen: Timestamp,
}

/// A key that gains or loses methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedKey {
    /// Its id.
    pub id: KeyId,
    /// Its name.
    pub name: String,
    /// The methods that it selects, among the given ones.
    pub methods: Vec<MethodNumber>,
}

/// Uses to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageAdd {
    /// The key.
    pub key: KeyId,
    /// The secret that was presented.
    pub secret: SecretId,
    /// The entry of the reference book; `None` if it is unknown.
    pub method: Option<MethodNumber>,
    /// The store; `None` if the call named none or several.
    pub store: Option<StoreNumber>,
    /// Whether they were allowed.
    pub allowed: bool,
    /// How many.
    pub calls: u64,
    /// When the last of them was.
    pub last: Timestamp,
}

/// Uses that were counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageCount {
    /// When the period began.
    pub start: Timestamp,
    /// Identity of the method; empty if it is unknown.
    pub method: String,
    /// Code of the store; empty if none.
    pub store: String,
    /// Whether they were allowed.
    pub allowed: bool,
    /// How many.
    pub calls: u64,
}
