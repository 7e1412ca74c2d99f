//! gRPC calls to a running server, for tests that break things around it: a client for every service as one operator, a
//! small set of stores and methods, and calls with short results.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use proto::audit_service_client::AuditServiceClient;
use proto::authorization_service_client::AuthorizationServiceClient;
use proto::key_service_client::KeyServiceClient;
use proto::method_service_client::MethodServiceClient;
use proto::operator_service_client::OperatorServiceClient;
use proto::replica_service_client::ReplicaServiceClient;
use proto::store_service_client::StoreServiceClient;
use proto::usage_service_client::UsageServiceClient;
use tokio::task::JoinHandle;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt as _;

use crate::support::process::{Addresses, LatchkeyProcess};

/// Bound for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bound for a call: more than its own timeouts allow, but finite.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);

/// Codes of the test stores.
pub const STORES: [&str; 3] = ["berlin", "madrid", "warsaw"];

/// Test methods, as `VERB pattern`.
pub const METHODS: [&str; 3] = ["GET /api/v*/orders", "GET /api/v*/orders/statuses", "POST /api/v*/orders/create"];

/// A call of the second test method.
pub const STATUSES: &str = "GET /api/v5/orders/statuses";

/// Adds an operator's token to every call.
#[derive(Debug, Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection that authenticates as an operator.
pub type BearerChannel = InterceptedService<Channel, Bearer>;

/// Clients of a server's services, authenticated as one operator.
#[derive(Debug, Clone)]
pub struct Client {
    decision: Channel,
    admin: Channel,
    bearer: Bearer,
}

impl Client {
    /// Creates a client for the server at `addresses` with an operator's token. Connects with the first call.
    ///
    /// # Panics
    ///
    /// When the token cannot be a header.
    #[must_use]
    pub fn new(addresses: Addresses, token: &str) -> Self {
        let bearer = format!("Bearer {token}").parse().expect("a token is ASCII");
        Self { decision: channel(addresses.decision), admin: channel(addresses.admin), bearer: Bearer(bearer) }
    }

    /// Creates a client for `server` as the operator created by its first start.
    #[must_use]
    pub fn for_admin(server: &LatchkeyProcess) -> Self {
        Self::new(server.addresses(), &server.admin_token())
    }

    /// Returns the client for decisions.
    #[must_use]
    pub fn authorization(&self) -> AuthorizationServiceClient<BearerChannel> {
        AuthorizationServiceClient::with_interceptor(self.decision.clone(), self.bearer.clone())
    }

    /// Returns the client for keys.
    #[must_use]
    pub fn keys(&self) -> KeyServiceClient<BearerChannel> {
        KeyServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Returns the client for stores.
    #[must_use]
    pub fn stores(&self) -> StoreServiceClient<BearerChannel> {
        StoreServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Returns the client for the reference book.
    #[must_use]
    pub fn methods(&self) -> MethodServiceClient<BearerChannel> {
        MethodServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Returns the client for operators.
    #[must_use]
    pub fn operators(&self) -> OperatorServiceClient<BearerChannel> {
        OperatorServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Returns the client for the audit trail.
    #[must_use]
    pub fn audit(&self) -> AuditServiceClient<BearerChannel> {
        AuditServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Returns the client for usage.
    #[must_use]
    pub fn usage(&self) -> UsageServiceClient<BearerChannel> {
        UsageServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Returns the client for replicas.
    #[must_use]
    pub fn replicas(&self) -> ReplicaServiceClient<BearerChannel> {
        ReplicaServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Requests a decision whether `token` may call `method` on `store` (empty: no store is named).
    ///
    /// # Errors
    ///
    /// The server made no decision.
    ///
    /// # Panics
    ///
    /// When the response has no decision.
    pub async fn authorize(&self, token: &str, method: &str, store: &str) -> Result<proto::Decision, Status> {
        let request = proto::AuthorizeRequest {
            key: token.to_owned(),
            method: method.to_owned(),
            store: store.to_owned(),
            ..Default::default()
        };
        let answer = self.authorization().authorize(request).await?.into_inner();
        Ok(answer.decision.expect("an answer has a decision"))
    }

    /// Returns the overall status of both ports' health services, which must agree.
    ///
    /// # Panics
    ///
    /// When a call fails, or the ports disagree twice in a row.
    pub async fn health(&self) -> ServingStatus {
        crate::support::eventually_async("both ports tell the same health", Duration::from_secs(10), async || {
            let (decision, admin) = (health(&self.decision).await, health(&self.admin).await);
            (decision == admin).then_some(decision)
        })
        .await
    }

    /// Returns the status of the administration port's health service.
    pub async fn admin_health(&self) -> ServingStatus {
        health(&self.admin).await
    }

    /// Returns whether the decision port's health service reports that it serves.
    pub async fn is_serving(&self) -> bool {
        let answer = HealthClient::new(self.decision.clone()).check(HealthCheckRequest::default()).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }

    /// Watches the overall status of the decision port's health service.
    ///
    /// # Panics
    ///
    /// When the call fails.
    pub async fn watch_health(&self) -> tonic::Streaming<HealthCheckResponse> {
        let answer = HealthClient::new(self.decision.clone()).watch(HealthCheckRequest::default()).await;
        answer.expect("health is told without credentials").into_inner()
    }

    /// Creates the test stores and methods.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn create_test_data(&self) {
        for code in STORES {
            self.create_store(code).await.expect("a store is made");
        }
        for (position, method) in METHODS.iter().enumerate() {
            let method = proto::Method {
                method: (*method).to_owned(),
                block: "Orders".to_owned(),
                summary: format!("What {method} does"),
                store_use: proto::StoreUse::Optional.into(),
                position: i32::try_from(position).expect("a small number"),
                ..Default::default()
            };
            let request = proto::CreateMethodRequest { method: Some(method), options: None };
            self.methods().create_method(request).await.expect("a method is made");
        }
    }

    /// Creates a store.
    ///
    /// # Errors
    ///
    /// The server refused.
    ///
    /// # Panics
    ///
    /// When the answer has no store.
    pub async fn create_store(&self, code: &str) -> Result<proto::Store, Status> {
        let store = proto::Store {
            code: code.to_owned(),
            name: format!("Store {code}"),
            kind: proto::StoreKind::OnlineStore.into(),
            platform: "bitrix".to_owned(),
            ..Default::default()
        };
        let request = proto::CreateStoreRequest { store: Some(store), options: None };
        Ok(self.stores().create_store(request).await?.into_inner().store.expect("an answer has a store"))
    }

    /// Creates a key and returns it with its token.
    ///
    /// # Errors
    ///
    /// The server refused.
    ///
    /// # Panics
    ///
    /// When the answer has no key.
    pub async fn create_key(&self, key: proto::Key) -> Result<(proto::Key, String), Status> {
        let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
        let answer = self.keys().create_key(request).await?.into_inner();
        Ok((answer.key.expect("an answer has a key"), answer.token))
    }
}

/// Returns a key for `stores` and `methods` that is not created yet.
#[must_use]
pub fn key_with_access(name: &str, stores: &[&str], methods: &[&str]) -> proto::Key {
    proto::Key {
        name: name.to_owned(),
        owner: name.to_owned(),
        store_access: proto::Access::Selected.into(),
        stores: stores.iter().map(ToString::to_string).collect(),
        method_access: proto::Access::Selected.into(),
        methods: methods.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

/// Spawns `task`; the test awaits it later.
#[expect(clippy::disallowed_methods, reason = "a test awaits what it spawns, and so hears of its panic")]
pub fn spawn_task<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn(task)
}

/// Returns the stable reason of a refusal; empty if it has none.
#[must_use]
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn channel(address: std::net::SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
    endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT).connect_lazy()
}

async fn health(channel: &Channel) -> ServingStatus {
    let answer = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    answer.expect("health is told without credentials").into_inner().status()
}
