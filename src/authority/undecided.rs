//! Reasons for which there is no decision.

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
    NoHeartbeat {
        /// Seconds since the last committed heartbeat.
        seconds: u64,
        /// The reason, in a few words.
        because: &'static str,
    },
    /// Storage had to be queried and did not respond.
    #[error("storage did not respond in time, and the key is not in memory")]
    Storage,
    /// Storage lacks a token that it had before. No write removes one, so its contents are not complete.
    #[error("storage lacks data that it had before, as in the middle of a restore; try again")]
    Incomplete,
    /// Each time the request was being decided, its key, the stores or the reference book changed.
    #[error("the state kept changing while the request was being decided; try again")]
    Changing,
    /// Another replica has written a change that this one has not applied yet.
    #[error("the replica has not applied the latest changes yet; try again")]
    Behind,
    /// Too many calls are waiting for storage.
    #[error("too many calls are waiting for storage")]
    Overloaded,
    /// The requested minimum revision does not exist, and the latest revision of storage is behind it.
    #[error("min_revision is not part of the history of this storage, which may have been restored from a backup")]
    ForeignRevision,
}

impl Undecided {
    /// Returns a stable name for programs: the reason in `google.rpc.ErrorInfo`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Loading => "REPLICA_LOADING",
            Self::Stale => "REPLICA_STALE",
            Self::NoHeartbeat { .. } => "HEARTBEATS_FAILED",
            Self::Storage => "STORAGE_UNAVAILABLE",
            Self::Incomplete => "STORAGE_INCOMPLETE",
            Self::Changing => "STATE_CHANGING",
            Self::Behind => "REPLICA_BEHIND",
            Self::Overloaded => "OVERLOADED",
            Self::ForeignRevision => "REVISION_UNKNOWN",
        }
    }
}
