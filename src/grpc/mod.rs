//! The gRPC services: parse, call, convert.
//!
//! `admin` has what the services of the administration port share. `convert` is the only place that names both the
//! contract's types and the model's, `status` the only one that turns errors of the registry into statuses, `permissions`
//! the only one that defines which permission a call needs.

mod admin;
pub mod auth;
mod authorization;
mod convert;
mod decide;
mod fast_path;
pub mod health;
mod keys;
mod long_calls;
mod methods;
mod observe;
mod operators;
mod permissions;
mod request;
mod status;
mod stores;
mod wire;

use tonic::Code;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::ServiceExt as _;

use self::admin::AdminApi;
use self::auth::{CallerAuth, CallerAuthService};
use self::authorization::AuthorizationApi;
pub use self::fast_path::FastPath;
pub use self::long_calls::{LONG_CALL, LongCalls};
use crate::authority::Authority;
use crate::lifecycle::Tasks;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::proto::v1::audit_service_server::AuditServiceServer;
use crate::proto::v1::authorization_service_server::AuthorizationServiceServer;
use crate::proto::v1::key_service_server::KeyServiceServer;
use crate::proto::v1::method_service_server::MethodServiceServer;
use crate::proto::v1::operator_service_server::OperatorServiceServer;
use crate::proto::v1::replica_service_server::ReplicaServiceServer;
use crate::proto::v1::store_service_server::StoreServiceServer;
use crate::proto::v1::usage_service_server::UsageServiceServer;
use crate::registry::Registry;

/// Largest message of an administration call: an import of 100,000 keys.
pub const MAX_ADMIN_MESSAGE: usize = 64 * 1024 * 1024;
/// Largest message of a decision call: a batch of 1,000 with long paths.
pub const MAX_DECISION_MESSAGE: usize = 1024 * 1024;

/// Combines `routes` with `pages`, which receives all requests other than gRPC.
pub fn with_pages(routes: Routes, pages: axum::Router) -> Routes {
    let pages = move |request: axum::extract::Request| {
        let pages = pages.clone();
        async move {
            if long_calls::is_grpc(request.headers()) {
                return crate::status::new(Code::Unimplemented, "unknown method").into_http();
            }
            match pages.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    Routes::from(routes.into_axum_router().fallback(pages))
}

/// Returns whether a call is refused before its body is read unless its caller is known.
pub fn checks_caller(head: &http::request::Parts) -> bool {
    permissions::permission(head.uri.path()).is_some()
}

/// Builds the decision port: authentication, then the calls handled directly on HTTP, and `routes` for the rest.
pub fn decision_service<S>(authority: Authority, auth: CallerAuth, routes: S) -> CallerAuthService<FastPath<S>> {
    CallerAuthService::new(FastPath::new(routes, authority.clone()), authority, auth)
}

/// Returns the services of the decision port.
pub fn decision_routes(authority: &Authority, tasks: &Tasks, health: HealthServer<impl Health>) -> Routes {
    let authorization = AuthorizationApi { authority: authority.clone(), tasks: tasks.clone() };
    let authorization = AuthorizationServiceServer::new(authorization);
    Routes::new(authorization.max_decoding_message_size(MAX_DECISION_MESSAGE)).add_service(health)
}

/// Returns the services of the administration port.
///
/// # Errors
/// The compiled-in description of the contract cannot be read.
pub fn admin_routes(
    registry: &Registry,
    authority: &Authority,
    health: HealthServer<impl Health>,
) -> Result<Routes, tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let api = AdminApi { registry: registry.clone(), authority: authority.clone() };
    Ok(Routes::new(health)
        .add_service(reflection)
        .add_service(KeyServiceServer::new(api.clone()).max_decoding_message_size(MAX_ADMIN_MESSAGE))
        .add_service(StoreServiceServer::new(api.clone()).max_decoding_message_size(MAX_ADMIN_MESSAGE))
        .add_service(MethodServiceServer::new(api.clone()).max_decoding_message_size(MAX_ADMIN_MESSAGE))
        .add_service(OperatorServiceServer::new(api.clone()))
        .add_service(AuditServiceServer::new(api.clone()))
        .add_service(UsageServiceServer::new(api.clone()))
        .add_service(ReplicaServiceServer::new(api)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use prost::Message as _;
    use tonic::Status;
    use tonic::body::Body;

    use super::*;
    use crate::authority::Settings;
    use crate::clock::{SharedClock, SystemClock};
    use crate::model::id::ReplicaId;
    use crate::model::time::Timestamp;
    use crate::proto::v1 as pb;
    use crate::storage;
    use crate::telemetry::metrics::Metrics;

    /// Creates a decision port without routes.
    async fn without_routes(folder: &std::path::Path) -> CallerAuthService<FastPath<Routes>> {
        let url = format!("sqlite:{}", folder.join("latchkey.db").display());
        let storage = storage::open(storage::Options::new(url.parse().unwrap())).await.unwrap();
        let settings = Settings {
            replica: ReplicaId::new(Timestamp::EPOCH, [0; 10]),
            host: "here".to_owned(),
            cache_capacity: 10,
            poll_interval: Duration::from_millis(50),
            max_staleness: Duration::from_mins(10),
            read_wait: Duration::from_millis(500),
            usage: false,
            hash_key: [5; 16],
        };
        let clock: SharedClock = Arc::new(SystemClock);
        let authority = Authority::start(storage, settings, &clock, &Tasks::new(), Arc::new(Metrics::new()));
        decision_service(authority.for_worker(), CallerAuth::OffForDecisions, Routes::default())
    }

    fn framed(message: &impl prost::Message) -> Vec<u8> {
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0][..], &length, &message].concat()
    }

    #[tokio::test]
    async fn the_decision_port_decides_usual_calls_without_its_routes() {
        let folder = tempfile::tempdir().unwrap();
        let port = without_routes(folder.path()).await;
        let ask = async |call: &str, content: &str, body: Vec<u8>| {
            let request = http::Request::post(format!("/latchkey.v1.AuthorizationService/{call}"));
            let request = request.header("content-type", content).body(Body::new(http_body_util::Full::from(body)));
            let (head, body) = port.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
            let status = Status::from_header_map(&head.headers).map(|status| status.code());
            (status, body.collect().await.unwrap().to_bytes())
        };
        let message = pb::AuthorizeRequest::default();
        let missing = i32::from(pb::Reason::KeyMissing);

        let (status, body) = ask("Authorize", "application/grpc", framed(&message)).await;
        let answer = pb::AuthorizeResponse::decode(&body[5..]).unwrap();
        assert_eq!((status, answer.decision.unwrap().reason), (None, missing));

        let batch = pb::BatchAuthorizeRequest { requests: vec![message.clone()] };
        let (status, body) = ask("BatchAuthorize", "application/grpc", framed(&batch)).await;
        let answer = pb::BatchAuthorizeResponse::decode(&body[5..]).unwrap();
        let [pb::BatchAuthorizeResult { result: Some(pb::batch_authorize_result::Result::Decision(decision)) }] =
            answer.results.as_slice()
        else {
            panic!("{answer:?}")
        };
        assert_eq!((status, decision.reason), (None, missing));

        // Unusual calls go to the routes, and here there are none.
        let (status, _) = ask("Authorize", "application/grpc-web", framed(&message)).await;
        assert_eq!(status, Some(Code::Unimplemented));
    }
}
