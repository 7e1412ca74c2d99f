//! UsageService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::authority::Authority;
use crate::model::operator::Permission::View;
use crate::proto::v1 as pb;
use crate::proto::v1::usage_service_server::{UsageService, UsageServiceServer};
use crate::registry::Registry;

/// Serves the usage of keys from the registry.
#[derive(Debug)]
pub(super) struct UsageApi {
    registry: Registry,
    authority: Authority,
}

impl UsageApi {
    /// Creates the service over `registry`, with the time of `authority`.
    pub(super) fn service(registry: Registry, authority: Authority) -> UsageServiceServer<Self> {
        UsageServiceServer::new(Self { registry, authority })
    }
}

#[tonic::async_trait]
impl UsageService for UsageApi {
    async fn get_key_usage(
        &self,
        request: Request<pb::GetKeyUsageRequest>,
    ) -> Result<Response<pb::GetKeyUsageResponse>, Status> {
        caller(&request, View)?;
        let request = convert::get_usage(request.into_inner());
        let usage = self.registry.usage(&request, self.authority.now()).await.map_err(to_status)?;
        Ok(Response::new(pb::GetKeyUsageResponse {
            counts: usage.counts.into_iter().map(convert::usage_count).collect(),
            truncated: usage.truncated,
        }))
    }
}
