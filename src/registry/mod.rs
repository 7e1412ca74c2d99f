//! Managing: who may change what, by which rules, with what trace. gRPC, the console and imports all pass here.
//!
//! ```text
//! caller's task   check every field, hash tokens                    nothing is asked of storage yet
//!       │ spawn
//! write's task    begin ─▶ is the caller still good? ─▶ rules ─▶ write ─▶ changes ─▶ commit ─▶ wait for replicas
//! ```
//!
//! A write runs to its end whatever becomes of the call that asked for it. One that changes nothing takes no revision.

mod bootstrap;
mod error;
mod input;
mod keys;
mod methods;
mod observe;
mod operators;
mod page;
mod sessions;
mod stores;
mod validate;
mod violations;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::lifecycle::Tasks;
use crate::model::change::{Cursor, Revision};
use crate::model::id::{OperatorId, ReplicaId};
use crate::model::operator::Role;
use crate::random::Random;
use crate::storage::Storage;

pub use self::bootstrap::{Bootstrap, BootstrapError, TokenPlace};
pub use self::error::{Error, Missing, Precondition, Result, Taken};
pub use self::input::{
    AccessKind, Choice, KeyDraft, MethodDraft, Named, OperatorDraft, PageInput, RawDuration, RawTime, StoreDraft,
    TokenText, Update, WriteOptions,
};
pub use self::keys::{CreateKey, ImportKeys, ImportSecret, ImportedKey, KeyWithToken, ListKeys, RotateKey, key_fields};
pub use self::methods::{AffectedMethods, ImportMethods, ListMethods, MethodsDiff};
pub use self::observe::{GetUsage, ListChanges, Usage};
pub use self::operators::{ListOperators, OperatorWithToken};
pub use self::sessions::{SessionToken, SignedIn, SignedOut};
pub use self::stores::{DeleteStore, ListStores};
pub use self::violations::{Violation, Violations};
pub use crate::storage::{Found, LostChange, Replica, UsageCount, UsagePeriod};

/// An operator that was recognised and now asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its id.
    pub id: OperatorId,
    /// Its name, for the audit trail.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// What a write came to, beside its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The revision that it made; of a write that changed nothing, the newest one.
    pub cursor: Cursor,
    /// Who may still decide from before it.
    pub pending: Pending,
}

/// The replicas that may still decide from before a write, when the wait for them has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// These; if there are none, every replica has applied it or allows nothing.
    Named(Vec<ReplicaId>),
    /// It could not be found out: storage did not answer after the write was committed.
    Unknown,
}

/// A part of a list, with the token of the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The entries.
    pub items: Vec<T>,
    /// For the next page; empty: this is the last.
    pub next: String,
}

/// Knows how far the replicas have come.
#[async_trait]
pub trait Convergence: fmt::Debug + Send + Sync {
    /// Waits until every live replica has applied `write`, at most for about `at_most`; answers those that may still
    /// decide from before it.
    async fn wait(&self, write: Cursor, at_most: Duration) -> Pending;
}

/// The rules of managing, over some storage. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    storage: Arc<Storage>,
    tasks: Tasks,
    random: Arc<dyn Random>,
    convergence: Arc<dyn Convergence>,
    default_wait: Duration,
}

impl Registry {
    /// Manages what is in `storage`. Writes run as `tasks`; those that do not say how long they wait for replicas wait
    /// `default_wait`.
    pub fn new(
        storage: Arc<Storage>,
        tasks: Tasks,
        random: Arc<dyn Random>,
        convergence: Arc<dyn Convergence>,
        default_wait: Duration,
    ) -> Self {
        Self { storage, tasks, random, convergence, default_wait }
    }
}

/// What a subject's etag is at the revision of its last change. Opaque to callers.
pub fn etag(row_revision: Revision) -> String {
    format!("e{row_revision}")
}
