//! Failures, and their repair.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use serde_json::json;

use crate::calls::{METHODS, STORES, selected};
use crate::fleet::now;
use crate::oracle::{COLUMNS, History};
use crate::rig::Rig;
use crate::support::pass;
use crate::support::postgres::query;

/// Longer than Patroni takes to replace a lost primary, and below `max_staleness`.
const OUTAGE: Duration = Duration::from_secs(40);
/// Duration of an outage that Patroni does not notice.
const SHORT: Duration = Duration::from_secs(20);

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaking {
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
pub struct Broken {
    /// Time of the failure.
    pub fault: Duration,
    /// The lost history, and until when storage had it.
    pub lost: Option<(History, Duration)>,
}

impl Breaking {
    /// Returns whether commits are lost, so that servers reload everything.
    pub fn loses(self) -> bool {
        self == Self::CommitsLost
    }

    /// Causes the failure, and repairs it.
    pub async fn happen(self, rig: &mut Rig) -> Broken {
        let (primary, standby) = (rig.primary(), rig.standby());
        let fault = now();
        match self {
            Self::Switchover => {
                let body = json!({ "leader": rig.nodes[primary].name, "candidate": rig.nodes[standby].name });
                rig.nodes[primary].order("POST", "/switchover", &body).expect("it hands over");
                rig.another_primary(primary).await;
            }
            Self::Failover => {
                let body = json!({ "candidate": rig.nodes[standby].name });
                rig.nodes[primary].order("POST", "/failover", &body).expect("it fails over");
                rig.another_primary(primary).await;
            }
            Self::PostgresKilled => {
                rig.nodes[primary].kill_postgres();
                rig.another_primary(primary).await;
            }
            Self::NodeKilled => {
                rig.nodes[primary].kill();
                rig.another_primary(primary).await;
                rig.nodes[primary].revive();
            }
            Self::NodeFrozen => {
                rig.nodes[primary].freeze();
                pass(OUTAGE).await;
                rig.nodes[primary].thaw();
            }
            Self::PrimaryCutOff => {
                rig.nodes[primary].cut_off(true);
                pass(OUTAGE).await;
                rig.nodes[primary].cut_off(false);
            }
            Self::ServersCutOff => {
                for at in 0..rig.fleet.members.len() {
                    rig.cut_off_server(at, true);
                    pass(SHORT).await;
                    rig.cut_off_server(at, false);
                }
            }
            Self::CommitsLost => return lose(rig, primary, fault).await,
            Self::DiskFull => {
                rig.nodes[primary].fill_disk(true);
                rig.another_primary(primary).await;
                pass(SHORT).await;
                rig.nodes[primary].fill_disk(false);
            }
        }
        Broken { fault, lost: None }
    }
}

/// Acknowledges commits that no standby has, and kills their node.
async fn lose(rig: &mut Rig, primary: usize, fault: Duration) -> Broken {
    rig.nodes[primary].lead_nobody(true);
    let client = rig.fleet.members[1].client.clone();
    for number in 0..5 {
        // Not in the ledger, which would expect them to survive.
        let key = selected(&format!("lost {number} {}", fault.as_millis()), &STORES[..1], &METHODS[..1]);
        let (key, _) = client.create_key(key).await.expect("a key is made");
        let request = proto::RevokeKeyRequest { id: key.id, reason: "a test".to_owned(), ..Default::default() };
        client.keys().revoke_key(request).await.expect("a key is revoked");
    }
    let url = format!("postgres://postgres@{}/latchkey", rig.nodes[primary].postgres);
    let before = History::of_rows(&query(&url, COLUMNS).expect("the history can be read"));
    let failed_over = now();
    rig.nodes[primary].kill();
    rig.nodes[primary].lead_nobody(false);
    rig.another_primary(primary).await;
    rig.nodes[primary].revive();
    Broken { fault, lost: Some((before, failed_over)) }
}
