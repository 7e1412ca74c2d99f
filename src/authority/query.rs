//! What an authority decides about, and why there may be no decision.

use std::fmt;

use crate::model::change::Cursor;
use crate::model::decision::Request;

/// A request to decide.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The token, as presented.
    pub token: &'a str,
    /// The call to decide on.
    pub request: Request<'a>,
    /// The oldest revision that the decision may be based on.
    pub min_revision: Option<Cursor>,
}

/// Why no decision was possible. Never means that the key is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Not everything is loaded yet, or it has to be loaded again and the known state is too old or of no use here.
    #[error("the replica is loading its state; try again, or use another replica")]
    Loading,
    /// Freshness has not been proven for too long.
    #[error("the replica cannot prove that its state is current: storage has not responded for too long")]
    Stale,
    /// Storage can be read but accepts no heartbeats: other replicas no longer wait for this one.
    #[error(
        "the replica cannot prove that its state is current: it can read storage, but its heartbeats have failed for \
         {seconds} s, because {because}; without heartbeats, other replicas do not wait for it when they write"
    )]
    Unreported {
        /// Seconds since the last committed heartbeat.
        seconds: u64,
        /// The reason, in a few words.
        because: &'static str,
    },
    /// Storage had to be queried and did not respond.
    #[error("storage did not respond in time, and the key is not in memory")]
    Storage,
    /// Too many calls are waiting for storage.
    #[error("too many calls are waiting for storage")]
    Crowded,
    /// The requested minimum revision does not exist, and the latest revision of storage is behind it.
    #[error("min_revision is not part of the history of this storage, which may have been restored from a backup")]
    ForeignRevision,
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("request", &self.request).finish_non_exhaustive()
    }
}
