//! Waiting until every live replica has applied a write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::authority::{Authority, Settings};
use crate::model::change::{Cursor, Revision};
use crate::model::id::ReplicaId;
use crate::registry::{Convergence, Pending, Replica};
use crate::storage::{Engine, Storage};

/// Time between looks at what the other replicas have reported: grows from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(50));
/// What one look may take at least, however short the wait.
const LOOK: Duration = Duration::from_secs(1);

/// This replica by its authority, the others by what they report to storage.
#[derive(Debug)]
pub(super) struct Replicas {
    pub(super) authority: Authority,
    pub(super) storage: Arc<dyn Storage>,
}

/// What the reports of the other replicas say of a write.
#[derive(Debug, Default, PartialEq, Eq)]
struct Others {
    /// Those that may still decide from before it.
    pending: Vec<ReplicaId>,
    /// Whether one of them is live, so that it is worth waiting for.
    live: bool,
}

#[async_trait]
impl Convergence for Replicas {
    async fn wait(&self, write: Cursor, at_most: Duration) -> Pending {
        let here = self.authority.wait_followed(write, at_most);
        let (here, others) = if self.storage.engine() == Engine::Sqlite {
            (here.await, Some(Vec::new()))
        } else {
            tokio::join!(here, self.others(write.revision, at_most))
        };
        let Some(mut pending) = others else {
            return Pending::Unknown;
        };
        if !here {
            pending.push(self.authority.settings().replica);
        }
        Pending::Named(pending)
    }
}

impl Replicas {
    /// The other replicas that may still decide from before the write; none if that cannot be found out.
    async fn others(&self, write: Revision, at_most: Duration) -> Option<Vec<ReplicaId>> {
        let deadline = Instant::now() + at_most;
        let mut pause = PAUSE.0;
        loop {
            let look = tokio::time::timeout_at(deadline.max(Instant::now() + LOOK), self.storage.replicas());
            let others = match look.await {
                Ok(Ok((replicas, _))) => Some(Others::of(&replicas, self.authority.settings(), write)),
                Ok(Err(error)) => {
                    tracing::warn!(error = %error, "the other replicas could not be asked after a write");
                    None
                }
                Err(_) => {
                    tracing::warn!("storage did not tell in time what the other replicas have applied after a write");
                    None
                }
            };
            let settled = others.as_ref().is_some_and(|others| !others.live);
            if settled || Instant::now() + pause >= deadline {
                return others.map(|others| others.pending);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}

impl Others {
    fn of(replicas: &[Replica], settings: &Settings, write: Revision) -> Self {
        let late = replicas
            .iter()
            .filter(|replica| replica.report.id != settings.replica)
            .filter(|replica| replica.report.applied < write)
            // Its report was sent before storage dated it: later than this it allows nothing until it has polled anew.
            .filter(|replica| replica.age <= settings.silence_bound());
        let mut others = Self::default();
        for replica in late {
            others.pending.push(replica.report.id);
            others.live |= replica.age <= settings.live_bound();
        }
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::storage::ReplicaReport;

    fn id(number: u8) -> ReplicaId {
        ReplicaId::new(Timestamp::EPOCH, [number; 10])
    }

    fn replica(number: u8, applied: u64, age: u64) -> Replica {
        let report = ReplicaReport {
            id: id(number),
            host: String::new(),
            version: String::new(),
            started: Timestamp::EPOCH,
            applied: Revision(applied),
        };
        Replica { report, reported: Timestamp::EPOCH, age: Duration::from_secs(age) }
    }

    fn settings() -> Settings {
        Settings {
            replica: id(0),
            host: String::new(),
            cache_capacity: 1,
            poll_interval: Duration::from_millis(250),
            max_staleness: Duration::from_mins(1),
            usage: false,
            hash_key: [0; 16],
        }
    }

    #[test]
    fn whoever_may_still_decide_from_before_a_write_is_named() {
        let of = |replicas: &[Replica]| {
            let others = Others::of(replicas, &settings(), Revision(7));
            (others.pending, others.live)
        };
        assert_eq!(of(&[]), (vec![], false));
        assert_eq!(of(&[replica(1, 7, 1), replica(2, 8, 59)]), (vec![], false), "all have applied it");
        assert_eq!(of(&[replica(1, 6, 1), replica(2, 7, 1)]), (vec![id(1)], true), "one is late");
        // It is not waited for any more, and still may allow.
        assert_eq!(of(&[replica(1, 6, 45)]), (vec![id(1)], false));
        assert_eq!(of(&[replica(1, 6, 60), replica(2, 0, 1)]), (vec![id(1), id(2)], true));
        assert_eq!(of(&[replica(1, 6, 62)]), (vec![], false), "it has stopped allowing");
        assert_eq!(of(&[replica(0, 0, 1)]), (vec![], false), "of itself a replica knows more than its report");
    }
}
