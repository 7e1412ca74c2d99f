//! Failures, and their repair.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use serde_json::json;

use crate::availability::cluster::HaCluster;
use helpers::calls::{METHODS, STORES, key_with_access};
use helpers::fleet::now;
use helpers::oracle::{CHANGES_QUERY, History};
use helpers::support::pass;
use helpers::support::postgres::query;

/// Longer than Patroni takes to replace a lost primary, and below `max_staleness`.
const OUTAGE: Duration = Duration::from_secs(40);
/// Duration of an outage that Patroni does not notice.
const SHORT: Duration = Duration::from_secs(20);

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The primary switches over to a standby in an orderly way.
    Switchover,
    /// A standby is promoted by force.
    Failover,
    /// `kill -9` of the primary's PostgreSQL.
    PostgresKilled,
    /// `kill -9` of everything on the primary's node.
    NodeKilled,
    /// Everything on the primary's node is frozen, and resumes later.
    NodeFrozen,
    /// The primary is partitioned from etcd and its standbys; servers still reach it.
    PrimaryCutOff,
    /// Each server in turn is partitioned from the database.
    ServersCutOff,
    /// The primary's node is killed with commits that no standby has.
    CommitsLost,
    /// The disk of the primary's node is full.
    DiskFull,
}

/// Outcome of a failure.
#[derive(Debug)]
pub struct FailureOutcome {
    /// Time of the failure.
    pub fault: Duration,
    /// The lost history, and until when storage had it.
    pub lost: Option<(History, Duration)>,
}

impl FailureKind {
    /// Returns whether commits are lost, so that servers reload everything.
    pub fn loses_commits(self) -> bool {
        self == Self::CommitsLost
    }

    /// Causes the failure, and repairs it.
    pub async fn inject(self, cluster: &mut HaCluster) -> FailureOutcome {
        let (primary, standby) = (cluster.primary(), cluster.standby());
        let fault = now();
        match self {
            Self::Switchover => {
                let body = json!({ "leader": cluster.nodes[primary].name, "candidate": cluster.nodes[standby].name });
                cluster.nodes[primary].post("POST", "/switchover", &body).expect("it hands over");
                cluster.wait_for_new_primary(primary).await;
            }
            Self::Failover => {
                let body = json!({ "candidate": cluster.nodes[standby].name });
                cluster.nodes[primary].post("POST", "/failover", &body).expect("it fails over");
                cluster.wait_for_new_primary(primary).await;
            }
            Self::PostgresKilled => {
                cluster.nodes[primary].kill_postgres();
                cluster.wait_for_new_primary(primary).await;
            }
            Self::NodeKilled => {
                cluster.nodes[primary].kill();
                cluster.wait_for_new_primary(primary).await;
                cluster.nodes[primary].revive();
            }
            Self::NodeFrozen => {
                cluster.nodes[primary].freeze();
                pass(OUTAGE).await;
                cluster.nodes[primary].thaw();
            }
            Self::PrimaryCutOff => {
                cluster.nodes[primary].partition(true);
                pass(OUTAGE).await;
                cluster.nodes[primary].partition(false);
            }
            Self::ServersCutOff => {
                for at in 0..cluster.fleet.members.len() {
                    cluster.partition_server(at, true);
                    pass(SHORT).await;
                    cluster.partition_server(at, false);
                }
            }
            Self::CommitsLost => return lose_commits(cluster, primary, fault).await,
            Self::DiskFull => {
                cluster.nodes[primary].fill_disk(true);
                cluster.wait_for_new_primary(primary).await;
                pass(SHORT).await;
                cluster.nodes[primary].fill_disk(false);
            }
        }
        FailureOutcome { fault, lost: None }
    }
}

/// Acknowledges commits that no standby has, and kills their node.
async fn lose_commits(cluster: &mut HaCluster, primary: usize, fault: Duration) -> FailureOutcome {
    cluster.nodes[primary].stop_replication(true);
    let client = cluster.fleet.members[1].client.clone();
    for number in 0..5 {
        // Not in the ledger, which would expect them to survive.
        let key = key_with_access(&format!("lost {number} {}", fault.as_millis()), &STORES[..1], &METHODS[..1]);
        let (key, _) = client.create_key(key).await.expect("a key is made");
        let request = proto::RevokeKeyRequest { id: key.id, reason: "a test".to_owned(), ..Default::default() };
        client.keys().revoke_key(request).await.expect("a key is revoked");
    }
    let url = format!("postgres://postgres@{}/latchkey", cluster.nodes[primary].postgres);
    let before = History::from_rows(&query(&url, CHANGES_QUERY).expect("the history can be read"));
    let failed_over = now();
    cluster.nodes[primary].kill();
    cluster.nodes[primary].stop_replication(false);
    cluster.wait_for_new_primary(primary).await;
    cluster.nodes[primary].revive();
    FailureOutcome { fault, lost: Some((before, failed_over)) }
}
