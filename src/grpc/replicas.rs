//! ReplicaService: parse, call, convert.

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::authority::Authority;
use crate::model::operator::Permission::View;
use crate::proto::v1 as pb;
use crate::proto::v1::replica_service_server::{ReplicaService, ReplicaServiceServer};
use crate::registry::Registry;

/// Serves the progress of the replicas from the registry.
#[derive(Debug)]
pub(super) struct ReplicaApi {
    registry: Registry,
    authority: Authority,
}

impl ReplicaApi {
    /// Creates the service over `registry`, for the replica of `authority`.
    pub(super) fn service(registry: Registry, authority: Authority) -> ReplicaServiceServer<Self> {
        ReplicaServiceServer::new(Self { registry, authority })
    }
}

#[tonic::async_trait]
impl ReplicaService for ReplicaApi {
    async fn list_replicas(
        &self,
        request: Request<pb::ListReplicasRequest>,
    ) -> Result<Response<pb::ListReplicasResponse>, Status> {
        caller(&request, View)?;
        let (replicas, head) = self.registry.replicas().await.map_err(to_status)?;
        let settings = self.authority.settings();
        let replicas = replicas.into_iter().map(|replica| {
            let replica = self.authority.with_own_view(replica);
            let live = self.authority.is_live(&replica);
            convert::replica(replica, live)
        });
        Ok(Response::new(pb::ListReplicasResponse {
            replicas: replicas.collect(),
            head_revision: head.0,
            answered_by: settings.replica.to_string(),
            max_staleness: Some(convert::duration(settings.max_staleness)),
        }))
    }

    async fn list_lost_changes(
        &self,
        request: Request<pb::ListLostChangesRequest>,
    ) -> Result<Response<pb::ListLostChangesResponse>, Status> {
        caller(&request, View)?;
        let changes = self.registry.lost_changes().await.map_err(to_status)?;
        let changes = changes.into_iter().map(convert::lost_change).collect();
        Ok(Response::new(pb::ListLostChangesResponse { changes }))
    }
}
