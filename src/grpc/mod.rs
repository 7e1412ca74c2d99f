//! The gRPC entrances: parse, call, convert.
//!
//! Each service is a file; `convert` is the only place that names both the contract's types and the model's, `status`
//! the only one that turns errors into statuses, `permissions` the only one that says what a call needs.

mod answer;
mod audit;
pub mod auth;
mod authorization;
mod convert;
mod direct;
pub mod health;
mod keys;
mod methods;
mod operators;
mod permissions;
mod question;
mod replicas;
mod status;
mod stores;
mod usage;
mod wire;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tonic::Status;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::ServiceExt as _;

use self::audit::Audit;
use self::authorization::Authorization;
pub use self::direct::{Direct, DirectLayer};
use self::keys::Keys;
use self::methods::Methods;
use self::operators::Operators;
use self::replicas::Replicas;
use self::stores::Stores;
use self::usage::Usage;
use crate::authority::Authority;
use crate::lifecycle::Tasks;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::registry::Registry;

/// Largest message that an administration call may be: an import of 100 000 keys.
const ADMIN_MESSAGE: usize = 64 * 1024 * 1024;
/// Largest message that a call for decisions may be: a batch of 1 000 with long paths.
const DECISION_MESSAGE: usize = 1024 * 1024;

/// The calls of `routes`, and beside them, for whatever is no gRPC, `pages`.
pub fn with_pages(routes: Routes, pages: axum::Router) -> Routes {
    let pages = move |request: axum::extract::Request| {
        let pages = pages.clone();
        async move {
            if is_grpc(request.headers()) {
                return Status::unimplemented("there is no such call").into_http();
            }
            match pages.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    Routes::from(routes.into_axum_router().fallback(pages))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// What the decision port serves.
pub fn decision_routes(authority: &Authority, tasks: &Tasks, health: HealthServer<impl Health>) -> Routes {
    let authorization = Authorization::service(authority.clone(), tasks.clone());
    Routes::new(authorization.max_decoding_message_size(DECISION_MESSAGE)).add_service(health)
}

/// What the administration port serves.
///
/// # Errors
/// The description of the contract, which was compiled in, cannot be read.
pub fn admin_routes(
    registry: &Registry,
    authority: &Authority,
    health: HealthServer<impl Health>,
) -> Result<Routes, tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(Routes::new(health)
        .add_service(reflection)
        .add_service(Keys::service(registry.clone()).max_decoding_message_size(ADMIN_MESSAGE))
        .add_service(Stores::service(registry.clone()).max_decoding_message_size(ADMIN_MESSAGE))
        .add_service(Methods::service(registry.clone()).max_decoding_message_size(ADMIN_MESSAGE))
        .add_service(Operators::service(registry.clone()))
        .add_service(Audit::service(registry.clone()))
        .add_service(Usage::service(registry.clone(), authority.clone()))
        .add_service(Replicas::service(registry.clone(), authority.clone())))
}
