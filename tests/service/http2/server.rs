//! A server with one key, its memory, and another client that uses it meanwhile.

use prost::Message as _;
use std::net::SocketAddr;

use latchkey::proto::v1 as proto;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::support::process::{Builder, LatchkeyProcess};

/// Path of Authorize.
pub(crate) const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";

/// Maximum memory growth during any attack: 96 MiB.
const BOUND: usize = 96 << 20;

pub(crate) struct TestServer {
    pub(crate) process: LatchkeyProcess,
    pub(crate) client: Client,
    pub(crate) admin: String,
    pub(crate) token: String,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(LatchkeyProcess::builder()).await
    }

    pub(crate) async fn start_with(builder: Builder) -> Self {
        let process = builder.start();
        let client = Client::for_admin(&process);
        client.create_test_data().await;
        let (_, token) =
            client.create_key(key_with_access("used", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
        let admin = process.admin_token();
        Self { process, client, admin, token }
    }

    pub(crate) fn decisions(&self) -> SocketAddr {
        self.process.addresses().decision
    }

    /// Returns the memory of the server in bytes.
    pub(crate) fn memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.process.pid());
        let text = std::fs::read_to_string(&path).expect("the server runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a running process has memory");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
    }

    /// Makes a call as a client that is not part of an attack.
    pub(crate) async fn assert_served(&self) {
        let decision = self.client.authorize(&self.token, STATUSES, "").await.expect("others are answered");
        assert!(decision.allowed, "{decision:?}");
    }

    /// Returns an encoded Authorize request for the key.
    pub(crate) fn authorize_message(&self) -> Vec<u8> {
        let request =
            proto::AuthorizeRequest { key: self.token.clone(), method: STATUSES.to_owned(), ..Default::default() };
        request.encode_to_vec()
    }

    /// Runs `attack` against the decision port, makes calls as another client meanwhile, and checks the bound of the
    /// server's memory. Returns the result of the attack.
    pub(crate) async fn during_attack<T: Send + 'static>(
        &self,
        attack: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        self.during_attack_at(self.decisions(), attack).await
    }

    /// Does the same with another port.
    pub(crate) async fn during_attack_at<T: Send + 'static>(
        &self,
        address: SocketAddr,
        attack: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        self.assert_served().await;
        let before = self.memory();
        let attack = tokio::task::spawn_blocking(move || attack(address));
        loop {
            // Read before the call, so that at least one call is made after the attack has ended.
            let over = attack.is_finished();
            self.assert_served().await;
            let grown = self.memory().saturating_sub(before);
            assert!(grown < BOUND, "the server has grown by {} MiB", grown >> 20);
            if over {
                return attack.await.expect("the attack is carried out");
            }
        }
    }
}
