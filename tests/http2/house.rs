//! A server with one key, its memory, and another client that uses it meanwhile.

use prost::Message as _;
use std::net::SocketAddr;

use latchkey::proto::v1 as proto;

use crate::calls::{Client, METHODS, STATUSES, STORES, selected};
use crate::support::process::{Builder, LatchkeyProcess};

/// Path of Authorize.
pub(crate) const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";

/// Maximum memory growth during any attack: 96 MiB.
const BOUND: usize = 96 << 20;

pub(crate) struct House {
    pub(crate) server: LatchkeyProcess,
    pub(crate) client: Client,
    pub(crate) admin: String,
    pub(crate) token: String,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::of(LatchkeyProcess::builder()).await
    }

    pub(crate) async fn of(builder: Builder) -> Self {
        let server = builder.start();
        let client = Client::admin_of(&server);
        client.furnish().await;
        let (_, token) =
            client.create_key(selected("used", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
        let admin = server.admin_token();
        Self { server, client, admin, token }
    }

    pub(crate) fn decisions(&self) -> SocketAddr {
        self.server.addresses().decision
    }

    /// Returns the memory of the server in bytes.
    pub(crate) fn memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.server.pid());
        let text = std::fs::read_to_string(&path).expect("the server runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a running process has memory");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
    }

    /// Makes a call as a client that is not part of an attack.
    pub(crate) async fn is_served(&self) {
        let decision = self.client.authorize(&self.token, STATUSES, "").await.expect("others are answered");
        assert!(decision.allowed, "{decision:?}");
    }

    /// Returns an encoded Authorize request for the key.
    pub(crate) fn question(&self) -> Vec<u8> {
        let request =
            proto::AuthorizeRequest { key: self.token.clone(), method: STATUSES.to_owned(), ..Default::default() };
        request.encode_to_vec()
    }

    /// Runs `attack` against the decision port, makes calls as another client meanwhile, and checks the bound of the
    /// server's memory. Returns the result of the attack.
    pub(crate) async fn under<T: Send + 'static>(&self, attack: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
        self.under_at(self.decisions(), attack).await
    }

    /// Does the same with another port.
    pub(crate) async fn under_at<T: Send + 'static>(
        &self,
        address: SocketAddr,
        attack: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        self.is_served().await;
        let before = self.memory();
        let attack = tokio::task::spawn_blocking(move || attack(address));
        loop {
            // Read before the call, so that at least one call is made after the attack has ended.
            let over = attack.is_finished();
            self.is_served().await;
            let grown = self.memory().saturating_sub(before);
            assert!(grown < BOUND, "the server has grown by {} MiB", grown >> 20);
            if over {
                return attack.await.expect("the attack is carried out");
            }
        }
    }
}
