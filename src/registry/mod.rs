//! Management: who may change what, by which rules, and the audit trail. gRPC, the console and imports all use it.
//!
//! ```text
//! caller's task   check every field, hash tokens                  storage is not queried yet
//!       │ spawn
//! write's task    begin ─▶ is the caller still valid? ─▶ rules ─▶ write ─▶ changes ─▶ commit ─▶ wait for replicas
//! ```
//!
//! A write runs to its end even if its caller goes away. A write that changes nothing takes no revision.

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

pub use self::bootstrap::{Bootstrap, BootstrapError, TokenLocation};
pub use self::error::{Error, Precondition, ResourceKind, Result, TakenValue};
pub use self::input::{
    AccessKind, Choice, KeyDraft, MethodDraft, OperatorDraft, PageInput, RawDuration, RawTime, StoreDraft, SubjectRef,
    TokenText, Update, WriteOptions,
};
pub use self::keys::{CreateKey, ImportKeys, ImportSecret, ImportedKey, KeyWithToken, ListKeys, RotateKey, key_fields};
pub use self::methods::{AffectedMethods, ImportMethods, ListMethods, MethodsDiff};
pub use self::observe::{GetUsage, KeyUsage, ListChanges};
pub use self::operators::{ListOperators, OperatorWithToken};
pub use self::sessions::{ActiveSession, SessionEnd, SessionToken};
pub use self::stores::{DeleteStore, ListStores};
pub use crate::storage::{FoundSecret, LostChange, Replica, UsageCount, UsagePeriod};

/// An authenticated operator that makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its id.
    pub id: OperatorId,
    /// Its name, for the audit trail.
    pub name: String,
    /// Its role.
    pub role: Role,
}

/// The result of a write, in addition to its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The revision of the write; for a write that changed nothing, the latest one.
    pub cursor: Cursor,
    /// The replicas that may still decide by an earlier state.
    pub pending: Pending,
}

/// The result of a write.
pub type Done<T> = Result<(T, Written)>;

/// The replicas that may still decide by the state before a write, when the wait for them has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// These; if there are none, every replica has applied the write or denies everything.
    Known(Vec<ReplicaId>),
    /// Unknown: storage did not respond after the commit.
    Unknown,
}

/// A part of a list, with the token of the next part.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The token of the next page; empty on the last page.
    pub next: String,
}

/// Tracks the progress of the replicas.
#[async_trait]
pub trait Convergence: fmt::Debug + Send + Sync {
    /// Waits until every live replica has applied `write`, at most for about `at_most`; returns those that may still
    /// decide by an earlier state.
    async fn wait(&self, write: Cursor, at_most: Duration) -> Pending;
}

/// The rules of management on top of storage. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    storage: Arc<Storage>,
    tasks: Tasks,
    random: Arc<dyn Random>,
    convergence: Arc<dyn Convergence>,
    default_wait: Duration,
}

impl Registry {
    /// Creates a registry on `storage`. Writes run as `tasks`; those that do not set how long to wait for replicas wait
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

/// Returns a subject's etag for the revision of its last change. Opaque to callers.
pub fn etag(row_revision: Revision) -> String {
    format!("e{row_revision}")
}
