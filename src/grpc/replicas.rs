//! ReplicaService: parse, call, convert.

use std::time::Duration;

use tonic::{Request, Response, Status};

use super::convert;
use super::permissions::caller;
use super::status::to_status;
use crate::model::id::ReplicaId;
use crate::model::operator::Permission::View;
use crate::proto::v1 as pb;
use crate::proto::v1::replica_service_server::{ReplicaService, ReplicaServiceServer};
use crate::registry::Registry;

/// Tells how far the replicas have come by asking the registry.
#[derive(Debug)]
pub(super) struct Replicas {
    registry: Registry,
    this: ReplicaId,
    max_staleness: Duration,
    live_bound: Duration,
}

impl Replicas {
    /// The service over `registry`, of the replica `this`, which goes on allowing for `max_staleness` without proof of
    /// freshness. A replica that reported within `live_bound` counts as live.
    pub(super) fn service(
        registry: Registry,
        this: ReplicaId,
        max_staleness: Duration,
        live_bound: Duration,
    ) -> ReplicaServiceServer<Self> {
        ReplicaServiceServer::new(Self { registry, this, max_staleness, live_bound })
    }
}

#[tonic::async_trait]
impl ReplicaService for Replicas {
    async fn list_replicas(
        &self,
        request: Request<pb::ListReplicasRequest>,
    ) -> Result<Response<pb::ListReplicasResponse>, Status> {
        caller(&request, View)?;
        let (replicas, head) = self.registry.replicas().await.map_err(to_status)?;
        let replicas = replicas.into_iter().map(|replica| convert::replica(replica, self.live_bound));
        Ok(Response::new(pb::ListReplicasResponse {
            replicas: replicas.collect(),
            head_revision: head.0,
            answered_by: self.this.to_string(),
            // A setting of seconds, at most hours.
            max_staleness: prost_types::Duration::try_from(self.max_staleness).ok(),
        }))
    }
}
