//! AuditService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::model::operator::Permission::View;
use crate::proto::v1 as pb;
use crate::proto::v1::audit_service_server::{AuditService, AuditServiceServer};
use crate::registry::Registry;

/// Serves the audit trail from the registry.
#[derive(Debug)]
pub(super) struct AuditApi {
    registry: Registry,
}

impl AuditApi {
    /// Creates the service over `registry`.
    pub(super) fn service(registry: Registry) -> AuditServiceServer<Self> {
        AuditServiceServer::new(Self { registry })
    }
}

#[tonic::async_trait]
impl AuditService for AuditApi {
    async fn list_changes(
        &self,
        request: Request<pb::ListChangesRequest>,
    ) -> Result<Response<pb::ListChangesResponse>, Status> {
        caller(&request, View)?;
        let listed = self.registry.changes(&convert::list_changes(request.into_inner())).await.map_err(to_status)?;
        Ok(Response::new(pb::ListChangesResponse {
            changes: listed.items.into_iter().map(convert::change).collect(),
            next_page_token: listed.next,
        }))
    }
}
