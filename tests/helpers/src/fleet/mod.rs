//! Several servers on one database as one service: changes made through any of them, calls to all of them, and a ledger
//! that checks every decision against the writes acknowledged before the call. For tests that cause failures meanwhile.

pub mod changes;
pub mod imported_keys;
pub mod ledger;
pub mod load;
pub mod propagation;

use std::sync::Arc;
use std::time::Duration;

use latchkey::clock::{Clock as _, SystemClock};
use latchkey::proto::v1 as proto;

use crate::calls::Client;
use crate::oracle::{Checker, History};
use crate::support::eventually_async;
use crate::support::process::{Builder, LatchkeyProcess};
use ledger::Ledger;

/// Bound for servers to recover on a busy machine.
pub const RECOVERY: Duration = Duration::from_secs(40);

/// Returns the time of a monotonic clock.
#[must_use]
pub fn now() -> Duration {
    SystemClock.monotonic()
}

/// A server and its client.
#[derive(Debug)]
pub struct Member {
    /// The process.
    pub server: LatchkeyProcess,
    /// Client with the first operator's token.
    pub client: Client,
    /// Its replica id.
    pub replica: String,
}

/// The servers.
#[derive(Debug)]
pub struct Fleet {
    /// Members in the order of their start.
    pub members: Vec<Member>,
    /// The token of the first operator.
    pub token: String,
    /// The ledger that checks decisions.
    pub ledger: Arc<Ledger>,
}

/// Returns a builder with the time settings that these tests need.
#[must_use]
pub fn server(url: &str, max_staleness: Duration) -> Builder {
    LatchkeyProcess::builder()
        .database(url)
        .env("LATCHKEY_MAX_STALENESS", format!("{}s", max_staleness.as_secs()))
        .env("LATCHKEY_LOG", "warn")
}

impl Fleet {
    /// Starts a server for each builder, all on one empty database, and adds the test data.
    ///
    /// # Panics
    ///
    /// When one does not become ready.
    pub async fn start(builders: Vec<Builder>, max_staleness: Duration) -> Self {
        let mut servers: Vec<_> = builders.into_iter().map(Builder::spawn).collect();
        for server in &mut servers {
            server.wait_ready();
        }
        let first = servers.iter().find(|server| server.data().join("admin.token").exists());
        let token = first.expect("one of the servers made the first operator").admin_token();
        let mut members = Vec::new();
        for server in servers {
            members.push(Member::connect(server, &token).await);
        }
        members[0].client.create_test_data().await;
        Self { members, token, ledger: Arc::new(Ledger::new(max_staleness)) }
    }

    /// Adds a server.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub async fn join(&mut self, builder: Builder) {
        let member = Member::connect(builder.start(), &self.token).await;
        self.members.push(member);
    }

    /// Updates the address of a server after it was started again.
    pub async fn reconnect(&mut self, at: usize) {
        let member = self.members.remove(at);
        let member = Member::connect(member.server, &self.token).await;
        self.members.insert(at, member);
    }

    /// Returns the clients of all servers.
    #[must_use]
    pub fn clients(&self) -> Vec<Client> {
        self.members.iter().map(|member| member.client.clone()).collect()
    }

    /// Waits until every server reports that it is ready.
    ///
    /// # Panics
    ///
    /// When one does not within [`RECOVERY`].
    pub async fn wait_all_ready(&self) {
        for member in &self.members {
            eventually_async("every server is ready, without a restart", RECOVERY, async || {
                member.is_ready().then_some(())
            })
            .await;
        }
    }

    /// Waits until every server decides as the ledger requires, for every key of the ledger: nothing acknowledged was
    /// lost. Then the oracle replays all recorded decisions.
    ///
    /// # Panics
    ///
    /// When one does not within [`RECOVERY`]: the message names the keys. When the oracle complains.
    pub async fn assert_agrees_with_ledger(&self) {
        self.assert_agrees_after(None).await;
    }

    /// Does the same as [`Fleet::assert_agrees_with_ledger`] after storage has switched to a different history.
    ///
    /// # Panics
    ///
    /// As there.
    pub async fn assert_agrees_after(&self, before: Option<(History, Duration)>) {
        for member in &self.members {
            let mut last = Vec::new();
            let agreed =
                eventually_async("every acknowledged write is applied by every server", RECOVERY, async || {
                    last = member.disagreements(&self.ledger).await;
                    (last.is_empty() || self.ledger.has_wrong_decision()).then_some(())
                });
            agreed.await;
        }
        self.ledger.assert_clean();
        let client = &self.members[0].client;
        let history = History::fetch(async |request| {
            let answer = client.audit().list_changes(request).await;
            answer.map(tonic::Response::into_inner)
        });
        let (history, max_staleness) = (history.await, self.ledger.max_staleness());
        let checker = match before {
            None => Checker::new(history, max_staleness),
            Some((earlier, until)) => Checker::new(earlier, max_staleness).then(until, history),
        };
        // A test sets the clock of the database, and no key recorded here is about to expire.
        let report = checker.slack(Duration::from_hours(3)).check(&self.ledger.recorder.records());
        // The caller knows the minimum number of calls.
        report.assert_clean(1);
    }
}

impl Member {
    async fn connect(server: LatchkeyProcess, token: &str) -> Self {
        let client = Client::new(server.addresses(), token);
        let listed = eventually_async("a server tells which replica it is", RECOVERY, async || {
            client.replicas().list_replicas(proto::ListReplicasRequest {}).await.ok()
        });
        let replica = listed.await.into_inner().answered_by;
        Self { server, client, replica }
    }

    /// Returns whether it reports that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let answer = crate::support::http::get(self.server.addresses().ops, "/readyz");
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Returns a metric from /metrics, summed over labels; 0 if it is missing.
    ///
    /// # Panics
    ///
    /// When the operations port does not respond.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        let page = crate::support::http::get(self.server.addresses().ops, "/metrics").expect("metrics are told").body;
        let of_name = page
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{')));
        of_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until it has loaded all state once more after its start, as it does when storage has another history. It is
    /// ready before that: the former state decides meanwhile.
    pub async fn reloaded(&self) {
        eventually_async("all is loaded again", RECOVERY, async || {
            (self.metric("latchkey_reloads_total") >= 2.0).then_some(())
        })
        .await;
    }

    async fn disagreements(&self, ledger: &Ledger) -> Vec<String> {
        let mut wrong = Vec::new();
        for (token, allowed) in ledger.expected_decisions() {
            let answer = ledger.authorize(&self.client, &self.replica, &token).await;
            if answer.ok().map(|decision| decision.allowed) != Some(allowed) {
                wrong.push(ledger.describe(&token));
            }
        }
        wrong
    }
}
