//! AuditService, UsageService and ReplicaService: parse, call, convert.

use tonic::Request;

use super::admin::{AdminApi, admit, reply};
use super::convert::{all, duration, replica};
use crate::model::operator::Permission::View;
use crate::proto::v1 as pb;
use crate::proto::v1::audit_service_server::AuditService;
use crate::proto::v1::replica_service_server::ReplicaService;
use crate::proto::v1::usage_service_server::UsageService;
use crate::status::Reply;

#[tonic::async_trait]
impl AuditService for AdminApi {
    async fn list_changes(&self, request: Request<pb::ListChangesRequest>) -> Reply<pb::ListChangesResponse> {
        let (_, request) = admit(request, View)?;
        let listed = self.registry.changes(&request.into()).await?;
        reply(pb::ListChangesResponse { changes: all(listed.items), next_page_token: listed.next })
    }
}

#[tonic::async_trait]
impl UsageService for AdminApi {
    async fn get_key_usage(&self, request: Request<pb::GetKeyUsageRequest>) -> Reply<pb::GetKeyUsageResponse> {
        let (_, request) = admit(request, View)?;
        let usage = self.registry.usage(&request.into(), self.authority.now()).await?;
        reply(pb::GetKeyUsageResponse { counts: all(usage.counts), truncated: usage.truncated })
    }
}

#[tonic::async_trait]
impl ReplicaService for AdminApi {
    async fn list_replicas(&self, request: Request<pb::ListReplicasRequest>) -> Reply<pb::ListReplicasResponse> {
        admit(request, View)?;
        let (replicas, head) = self.registry.replicas().await?;
        let settings = self.authority.settings();
        let replicas = replicas.into_iter().map(|reported| {
            let reported = self.authority.with_own_view(reported);
            let live = self.authority.is_live(&reported);
            replica(reported, live)
        });
        reply(pb::ListReplicasResponse {
            replicas: replicas.collect(),
            head_revision: head.0,
            answered_by: settings.replica.to_string(),
            max_staleness: Some(duration(settings.max_staleness)),
        })
    }

    async fn list_lost_changes(
        &self,
        request: Request<pb::ListLostChangesRequest>,
    ) -> Reply<pb::ListLostChangesResponse> {
        admit(request, View)?;
        reply(pb::ListLostChangesResponse { changes: all(self.registry.lost_changes().await?) })
    }
}
