//! Real proxies in front of a shop, started from the files in deploy/: permitted requests of clients, requests that the
//! shop receives, and requests while Latchkey is down.

pub mod agreement;
pub mod balancers;
pub mod bodies;
pub mod bounds;
pub mod envoy;
pub mod forward_auth;
pub mod http2;
pub mod locations;
pub mod oddities;
pub mod proxy;
pub mod restarts;
pub mod scope;
pub mod shop;
pub mod vectors;

use helpers::calls::{Client, METHODS, key_with_access};
use helpers::support::machine::free_port;
use helpers::support::process::{Builder, LatchkeyProcess};
use helpers::support::workspace::Workspace;
use latchkey::proto::v1 as proto;
use proxy::Upstreams;
use shop::Shop;

/// A Latchkey for proxies, a shop behind them, and a key with access to one store of three.
#[derive(Debug)]
pub struct Fixture {
    /// The server; its decision and operations ports stay the same after a restart.
    pub server: LatchkeyProcess,
    /// The shop.
    pub shop: Shop,
    /// The token of the proxy's operator.
    pub operator: String,
    /// A key for the store berlin and all test methods but the last.
    pub key: proto::Key,
    /// Its token.
    pub token: String,
    // Contains the configuration file of the server.
    _workspace: Workspace,
}

/// Creates an operator with the role authorizer.
pub async fn create_operator(client: &Client, name: &str) -> String {
    let operator =
        proto::Operator { name: name.to_owned(), role: proto::Role::Authorizer.into(), ..Default::default() };
    let request = proto::CreateOperatorRequest { operator: Some(operator), options: None };
    client.operators().create_operator(request).await.expect("an operator is made").into_inner().token
}

/// The method for requests with bodies: PHP reads forms of POST alone.
pub const POST_ORDERS: &str = "POST /api/v*/orders";

/// Adds [`POST_ORDERS`] to the reference book.
pub async fn add_post_orders(client: &Client) {
    let method = proto::Method {
        method: POST_ORDERS.to_owned(),
        block: "Orders".to_owned(),
        summary: "Takes orders".to_owned(),
        store_use: proto::StoreUse::Optional.into(),
        ..Default::default()
    };
    let request = proto::CreateMethodRequest { method: Some(method), options: None };
    client.methods().create_method(request).await.expect("a method is made");
}

/// Returns a server for proxies of this machine, with a profile `shop` for the paths below /api.
#[must_use]
pub fn configured(profile: &str, workspace: &Workspace) -> Builder {
    let file = workspace.path().join("latchkey.toml");
    let text = format!("trusted_proxies = \"127.0.0.0/8\"\n[profiles.shop]\nprefix = \"/api\"\n{profile}");
    std::fs::write(&file, text).expect("the configuration can be written");
    LatchkeyProcess::builder()
        .env("LATCHKEY_CONFIG", file)
        .env("LATCHKEY_DECISION_ADDR", format!("127.0.0.1:{}", free_port()))
        .env("LATCHKEY_OPS_ADDR", format!("127.0.0.1:{}", free_port()))
}

impl Fixture {
    /// Starts the setup with test data and this profile for the paths below /api.
    pub async fn start(profile: &str) -> Self {
        Self::start_with(profile, &[]).await
    }

    /// Does the same with further variables for the server.
    pub async fn start_with(profile: &str, variables: &[(&str, &str)]) -> Self {
        let fixture = Self::start_empty_with(profile, variables).await;
        let client = Client::for_admin(&fixture.server);
        client.create_test_data().await;
        let (key, token) =
            client.create_key(key_with_access("partner", &["berlin"], &METHODS[..2])).await.expect("a key is made");
        Self { key, token, ..fixture }
    }

    /// Starts the setup without stores, methods and keys.
    pub async fn start_empty(profile: &str) -> Self {
        Self::start_empty_with(profile, &[]).await
    }

    async fn start_empty_with(profile: &str, variables: &[(&str, &str)]) -> Self {
        let workspace = Workspace::new("config");
        let builder = configured(profile, &workspace);
        let server = variables.iter().fold(builder, |builder, (name, value)| builder.env(name, value)).start();
        let operator = create_operator(&Client::for_admin(&server), "proxy").await;
        let (key, token) = (proto::Key::default(), String::new());
        Self { server, shop: Shop::open(), operator, key, token, _workspace: workspace }
    }

    /// Starts a proxy in front of the shop.
    pub fn start_proxy<P>(&self, start: impl FnOnce(Upstreams<'_>) -> P) -> P {
        let addresses = self.server.addresses();
        start(Upstreams {
            latchkey: &[addresses.decision.port()],
            ops: addresses.ops.port(),
            shop: self.shop.port(),
            token: &self.operator,
        })
    }

    /// Returns the request that the shop received: exactly one.
    #[track_caller]
    #[must_use]
    pub fn received_request(&self) -> shop::Message {
        let mut sent = self.shop.take();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }
}
