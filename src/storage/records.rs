//! Parameters and results of storage operations, in addition to the model's own types.

use std::time::Duration;

use crate::model::book::MethodNumber;
use crate::model::change::{Cursor, Revision};
use crate::model::grant::Grant;
use crate::model::id::{KeyId, ReplicaId, SecretId};
use crate::model::key::{Key, KeySpec, Revocation, Secret, TokenOrigin};
use crate::model::marks::Marks;
use crate::model::operator::Operator;
use crate::model::reference::Method;
use crate::model::store::{Store, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// Receives the digests of a snapshot as they are read.
pub trait SnapshotSink {
    /// Receives some of them.
    fn digests(&mut self, digests: &[Digest]);
}

/// The contents of a World at one revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The latest revision.
    pub head: Cursor,
    /// Storage's clock.
    pub now: Timestamp,
    /// The times that the clock went back from.
    pub marks: Marks,
    /// All stores.
    pub stores: Vec<Store>,
    /// All methods, retired ones included, by position.
    pub methods: Vec<Method>,
    /// All operators that are not revoked, with the digests of their tokens.
    pub operators: Vec<(Operator, Digest)>,
    /// Tables that lack rows which the audit trail lists as created.
    pub incomplete_tables: Vec<super::IncompleteTable>,
    /// The identity of the database.
    pub deployment: Deployment,
    /// The last revisions up to the latest one, ascending: at most [`RECENT_REVISIONS`].
    pub recent_revisions: Vec<Cursor>,
}

/// The identity of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Its id; `None` in a dump of a version without ids.
    pub id: Option<String>,
    /// Whether no key was ever created in it.
    pub empty: bool,
    /// The deployments that it replaces, as an administrator has confirmed.
    pub replaces: Vec<String>,
}

/// A change that a server had applied but that storage no longer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostChange {
    /// Its revision, in the lost history.
    pub cursor: Cursor,
    /// The kind of its subject: `key`, `store`, `method`, `operator`.
    pub kind: String,
    /// The id, code or identity of its subject.
    pub subject: String,
    /// The action.
    pub action: String,
    /// The details needed to repeat it.
    pub detail: ChangeDetail,
    /// The first server that missed it.
    pub reported_by: ReplicaId,
    /// The time of the report.
    pub noticed: Timestamp,
}

/// What a change removed, as far as its action does not show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChangeDetail {
    /// The secrets that it revoked.
    #[serde(default)]
    pub ended_secrets: Vec<String>,
    /// Whether it switched its subject off.
    #[serde(default)]
    pub switched_off: bool,
}

/// The number of latest revisions whose nonces a snapshot has.
pub const RECENT_REVISIONS: u64 = 8_192;

/// The result of a poll.
#[derive(Debug, Clone, Default)]
pub struct Poll {
    /// The latest revision.
    pub head: Cursor,
    /// Storage's clock.
    pub now: Timestamp,
    /// The times that the clock went back from.
    pub marks: Marks,
    /// Whether the given cursor is part of this history. If not, no field below is set: reload everything.
    pub continuous: bool,
    /// Every revision after the cursor, in order, with its nonce; empty if there is none.
    pub revisions: Vec<Cursor>,
    /// The changes of the revisions as (revision, kind, subject, action), in order; truncated at the limit.
    pub subjects: Vec<(Revision, String, String, String)>,
    /// The changes that removed more than their action shows: revision, subject and details.
    pub details: Vec<(Revision, String, ChangeDetail)>,
    /// Whether there were more subjects than the limit: treat everything as changed.
    pub overflow: bool,
    /// Tables that lack rows which the audit trail lists as created; checked only after an overflow.
    pub incomplete_tables: Vec<super::IncompleteTable>,
    /// The changed keys, each with the newest revision that changed it.
    pub keys: Vec<(KeyId, Revision)>,
    /// Digests of secrets added to those keys, or to any key after an overflow.
    pub digests: Vec<Digest>,
    /// All stores, if any store changed.
    pub stores: Option<Vec<Store>>,
    /// All methods, retired ones included, if any method changed.
    pub methods: Option<Vec<Method>>,
    /// All operators that are not revoked, if any operator changed.
    pub operators: Option<Vec<(Operator, Digest)>>,
}

/// The result of reading a grant.
#[derive(Debug, Clone)]
pub struct GrantRead {
    /// The latest revision, read in the same statement: its nonce shows which history the grant belongs to.
    pub head: Cursor,
    /// The secret and its key, compiled; `None` if no secret has or had the digest.
    pub grant: Option<Grant>,
}

/// The report that a replica sends about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaReport {
    /// Its id.
    pub id: ReplicaId,
    /// The name of its host.
    pub host: String,
    /// The version of its program.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
    /// The revision that it has applied.
    pub applied: Revision,
    /// How long it allows calls without proof of fresh state; `None`: an earlier version, which does not report it.
    pub max_staleness: Option<Duration>,
}

/// The last report of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The report.
    pub report: ReplicaReport,
    /// The time of the report by storage's clock; the epoch after a shutdown.
    pub reported: Timestamp,
    /// The age of the report by storage's clock. Not how long the replica has been unresponsive: clocks can be set.
    pub age: Duration,
}

impl Replica {
    /// Returns whether it has shut down, and so makes no more decisions.
    pub fn has_ended(&self) -> bool {
        self.reported == Timestamp::EPOCH
    }
}

/// A secret found by its token, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSecret {
    /// The key, even if revoked or deleted.
    pub key: Key,
    /// The secret, even if ended.
    pub secret: Secret,
    /// Whether the key was deleted.
    pub deleted: bool,
    /// When the secret was revoked; `None` if it was not.
    pub ended: Option<Timestamp>,
}

/// A key to be added, its lists by number, and its first secret.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its identity.
    pub id: KeyId,
    /// Its user-defined fields. Of the lists only whether they are `All` is used.
    pub spec: KeySpec,
    /// The stores it selects; empty if it has access to all.
    pub stores: Vec<StoreNumber>,
    /// The methods it selects; empty if it has access to all.
    pub methods: Vec<MethodNumber>,
    /// Its secret.
    pub secret: NewSecret,
    /// When it was created.
    pub created: Timestamp,
    /// When and why it was revoked, if that was before its import.
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
    /// The origin of the token.
    pub origin: TokenOrigin,
}

/// The keys that select a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUsers {
    /// Their number.
    pub total: u64,
    /// Those that would be left with exactly one store, at most 20.
    pub left_with_one: Vec<KeyId>,
}

/// A person who is signed in to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The operator in its current state.
    pub operator: Operator,
    /// The operator's row revision when it signed in.
    pub operator_revision: Revision,
    /// When it signed in.
    pub created: Timestamp,
    /// The time of its last request, accurate to about a minute.
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

/// Uses to add to the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageIncrement {
    /// The key.
    pub key: KeyId,
    /// The secret that was presented.
    pub secret: SecretId,
    /// The entry of the reference book; `None` if unknown.
    pub method: Option<MethodNumber>,
    /// The store; `None` if the call named none or several.
    pub store: Option<StoreNumber>,
    /// Whether they were allowed.
    pub allowed: bool,
    /// The number of calls.
    pub calls: u64,
    /// The time of the last call.
    pub last: Timestamp,
}

/// Counted uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageCount {
    /// The start of the period.
    pub start: Timestamp,
    /// The identity of the method; empty if unknown.
    pub method: String,
    /// Code of the store; empty if none.
    pub store: String,
    /// Whether they were allowed.
    pub allowed: bool,
    /// The number of calls.
    pub calls: u64,
}
