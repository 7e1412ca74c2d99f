//! Settings of an authority.

use std::time::Duration;

use crate::model::id::ReplicaId;

/// Settings of an authority.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Id of this run of this replica.
    pub replica: ReplicaId,
    /// Name of the host.
    pub host: String,
    /// Most grants kept in memory.
    pub cache_capacity: u64,
    /// Longest time between polls.
    pub poll_interval: Duration,
    /// Longest time without proof of freshness during which calls are allowed.
    pub max_staleness: Duration,
    /// Longest that a call waits for a key to be read from storage.
    pub read_wait: Duration,
    /// Whether uses are counted.
    pub usage: bool,
    /// Random hash key that clients must not be able to predict.
    pub hash_key: [u8; 16],
}

impl Settings {
    /// Returns the time between two heartbeats, by which a replica proves that its state is fresh. While all is well,
    /// the last proof is at most this old, and an outage is survived for `max_staleness` less this. One twentieth of
    /// `max_staleness`, and at most 3 s, because a proof is cheap.
    pub fn heartbeat_interval(&self) -> Duration {
        const MOST: Duration = Duration::from_secs(3);
        (self.max_staleness / 20).min(MOST)
    }
}
