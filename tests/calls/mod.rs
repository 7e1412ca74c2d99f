//! gRPC calls to a running server, for tests that break things around it: a client of every service as one operator, a
//! small house of stores and methods, and questions whose answers are short.

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

/// For connecting.
const CONNECT: Duration = Duration::from_secs(5);

/// For a call: more than any call may take by its own bounds, and still an end.
const CALL: Duration = Duration::from_secs(40);

/// Stores of the house, by code.
pub const STORES: [&str; 3] = ["berlin", "madrid", "warsaw"];

/// Methods of the house, as `VERB pattern`.
pub const METHODS: [&str; 3] = ["GET /api/v*/orders", "GET /api/v*/orders/statuses", "POST /api/v*/orders/create"];

/// A call of the second method of the house.
pub const STATUSES: &str = "GET /api/v5/orders/statuses";

/// Presents an operator's token.
#[derive(Debug, Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection on which an operator calls.
pub type Line = InterceptedService<Channel, Bearer>;

/// A server's services, called as one operator.
#[derive(Debug, Clone)]
pub struct Client {
    decision: Channel,
    admin: Channel,
    bearer: Bearer,
}

impl Client {
    /// Calls the server at `addresses` with an operator's token. Connects with the first call.
    ///
    /// # Panics
    ///
    /// When the token cannot be a header.
    #[must_use]
    pub fn new(addresses: Addresses, token: &str) -> Self {
        let bearer = format!("Bearer {token}").parse().expect("a token is ASCII");
        Self { decision: channel(addresses.decision), admin: channel(addresses.admin), bearer: Bearer(bearer) }
    }

    /// Calls `server` as the operator that its first start made.
    #[must_use]
    pub fn admin_of(server: &LatchkeyProcess) -> Self {
        Self::new(server.addresses(), &server.admin_token())
    }

    /// Decides.
    #[must_use]
    pub fn authorization(&self) -> AuthorizationServiceClient<Line> {
        AuthorizationServiceClient::with_interceptor(self.decision.clone(), self.bearer.clone())
    }

    /// Manages keys.
    #[must_use]
    pub fn keys(&self) -> KeyServiceClient<Line> {
        KeyServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Manages stores.
    #[must_use]
    pub fn stores(&self) -> StoreServiceClient<Line> {
        StoreServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Manages the reference book.
    #[must_use]
    pub fn methods(&self) -> MethodServiceClient<Line> {
        MethodServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Manages operators.
    #[must_use]
    pub fn operators(&self) -> OperatorServiceClient<Line> {
        OperatorServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Tells what was changed.
    #[must_use]
    pub fn audit(&self) -> AuditServiceClient<Line> {
        AuditServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Tells what was used.
    #[must_use]
    pub fn usage(&self) -> UsageServiceClient<Line> {
        UsageServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Tells of the replicas.
    #[must_use]
    pub fn replicas(&self) -> ReplicaServiceClient<Line> {
        ReplicaServiceClient::with_interceptor(self.admin.clone(), self.bearer.clone())
    }

    /// Asks whether `token` may call `method` on `store` (empty: none is named).
    ///
    /// # Errors
    ///
    /// Nothing was decided.
    ///
    /// # Panics
    ///
    /// When the answer has no decision.
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

    /// What the health service of both ports says of the whole; the ports must agree.
    ///
    /// # Panics
    ///
    /// When it cannot be asked, or the ports disagree for longer than it takes to ask again.
    pub async fn health(&self) -> ServingStatus {
        crate::support::eventually_async("both ports tell the same health", Duration::from_secs(10), async || {
            let (decision, admin) = (health(&self.decision).await, health(&self.admin).await);
            (decision == admin).then_some(decision)
        })
        .await
    }

    /// What the administration port's health service says.
    pub async fn admin_health(&self) -> ServingStatus {
        health(&self.admin).await
    }

    /// Whether the decision port's health service can be asked and says that it serves.
    pub async fn serves(&self) -> bool {
        let answer = HealthClient::new(self.decision.clone()).check(HealthCheckRequest::default()).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }

    /// What the health service of the decision port says of the whole, as it changes.
    ///
    /// # Panics
    ///
    /// When it cannot be asked.
    pub async fn watch_health(&self) -> tonic::Streaming<HealthCheckResponse> {
        let answer = HealthClient::new(self.decision.clone()).watch(HealthCheckRequest::default()).await;
        answer.expect("health is told without credentials").into_inner()
    }

    /// Makes the stores and methods of the house.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn furnish(&self) {
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

    /// Makes a store.
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

    /// Makes a key and answers it with its token.
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

/// A key for `stores` and `methods`, not made yet.
#[must_use]
pub fn selected(name: &str, stores: &[&str], methods: &[&str]) -> proto::Key {
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

/// Runs `task` beside the test, which awaits it later.
#[expect(clippy::disallowed_methods, reason = "a test awaits what it spawns, and so hears of its panic")]
pub fn beside<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn(task)
}

/// The stable reason that a refusal of ours carries; empty when it carries none.
#[must_use]
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn channel(address: std::net::SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
    endpoint.connect_timeout(CONNECT).timeout(CALL).connect_lazy()
}

async fn health(channel: &Channel) -> ServingStatus {
    let answer = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    answer.expect("health is told without credentials").into_inner().status()
}
