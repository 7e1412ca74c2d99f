//! AuthorizationService: parse, decide, convert.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt as _};
use prost::Message;
use tokio::sync::broadcast::error::RecvError;
use tonic::{Code, Request, Response, Status};

use super::answer::{authorize, batch_authorize};
use super::no_decision::no_decision;
use super::question::{Asked, read_revision};
use super::wire::{Framed, to_reason};
use crate::authority::{AppliedRevision, Authority, Introspection};
use crate::lifecycle::Tasks;
use crate::model::violations::Violations;
use crate::proto::v1 as proto;
use crate::proto::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use crate::status;

/// Serves decisions of an authority.
#[derive(Debug)]
pub(super) struct Authorization {
    authority: Authority,
    tasks: Tasks,
}

type Watch = Pin<Box<dyn Stream<Item = Result<proto::WatchChangesResponse, Status>> + Send>>;

impl Authorization {
    /// Creates the service over `authority`; its streams end when `tasks` stop.
    pub(super) fn service(authority: Authority, tasks: Tasks) -> AuthorizationServiceServer<Self> {
        AuthorizationServiceServer::new(Self { authority, tasks })
    }
}

#[tonic::async_trait]
impl AuthorizationService for Authorization {
    async fn authorize(
        &self,
        request: Request<proto::AuthorizeRequest>,
    ) -> Result<Response<proto::AuthorizeResponse>, Status> {
        let request = request.into_inner();
        told(&authorize(&self.authority, &Asked::from(&request)).await?)
    }

    async fn batch_authorize(
        &self,
        request: Request<proto::BatchAuthorizeRequest>,
    ) -> Result<Response<proto::BatchAuthorizeResponse>, Status> {
        let request = request.into_inner();
        let asked: Vec<Asked<'_>> = request.requests.iter().map(Asked::from).collect();
        told(&batch_authorize(&self.authority, &asked).await?)
    }

    async fn introspect_key(
        &self,
        request: Request<proto::IntrospectKeyRequest>,
    ) -> Result<Response<proto::IntrospectKeyResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::new();
        if request.key.is_empty() {
            violations.add("key", "must not be empty");
        }
        let min_revision = read_revision(&request.min_revision, "min_revision", &mut violations);
        status::check(&violations)?;
        let told = self.authority.introspect(&request.key, min_revision).await.map_err(no_decision)?;
        Ok(Response::new(to_introspection(told)))
    }

    type WatchChangesStream = Watch;

    async fn watch_changes(
        &self,
        request: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let mut violations = Violations::new();
        let after = read_revision(&request.into_inner().after_revision, "after_revision", &mut violations);
        status::check(&violations)?;
        let subscription = self.authority.subscribe(after).ok_or_else(fallen_behind)?;
        let backlog = stream::iter(subscription.backlog).map(|applied| Ok(to_change(&applied)));
        let live = stream::unfold(Some(subscription.live), |live| async move {
            let mut live = live?;
            match live.recv().await {
                Ok(applied) => Some((Ok(to_change(&applied)), Some(live))),
                Err(RecvError::Lagged(_) | RecvError::Closed) => Some((Err(fallen_behind()), None)),
            }
        });
        let tasks = self.tasks.clone();
        let stopping = async move { tasks.stopping().await };
        Ok(Response::new(Box::pin(backlog.chain(live).take_until(Box::pin(stopping)))))
    }
}

/// Decodes an encoded response. There is one encoder, shared with calls that bypass tonic.
fn told<T: Message + Default>(answer: &Framed) -> Result<Response<T>, Status> {
    let read = T::decode(answer.message());
    read.map(Response::new)
        .map_err(|error| status::new(Code::Internal, format!("the response could not be encoded correctly: {error}")))
}

fn fallen_behind() -> Status {
    let message = "this replica no longer remembers that revision: read the state again and watch from now on";
    status::with_reason(Code::OutOfRange, "REVISION_FORGOTTEN", message)
}

// === model → proto ===

fn to_introspection(told: Introspection) -> proto::IntrospectKeyResponse {
    let revision = told.revision.0;
    let Some(reach) = told.access else {
        let reason = told.refused.map_or(proto::Reason::Unspecified, to_reason);
        return proto::IntrospectKeyResponse { reason: reason.into(), revision, ..Default::default() };
    };
    let access = |all| if all { proto::Access::All } else { proto::Access::Selected }.into();
    let time = |time: crate::model::time::Timestamp| {
        let (seconds, nanos) = time.as_seconds();
        prost_types::Timestamp { seconds, nanos }
    };
    proto::IntrospectKeyResponse {
        usable: true,
        reason: proto::Reason::Allowed.into(),
        key_id: reach.key.to_string(),
        name: reach.name,
        store_access: access(reach.all_stores),
        stores: reach.stores.into_iter().map(|(code, name)| proto::IntrospectedStore { code, name }).collect(),
        method_access: access(reach.all_methods),
        methods: reach.methods,
        expire_time: reach.expires.map(time),
        secret_expire_time: reach.secret_expires.map(time),
        revision,
        scopes: reach.scopes,
    }
}

fn to_change(applied: &Arc<AppliedRevision>) -> proto::WatchChangesResponse {
    let subjects = applied.subjects.iter().map(|subject| proto::ChangedSubject {
        kind: subject.kind.clone(),
        id: subject.id.clone(),
        action: subject.action.clone(),
    });
    proto::WatchChangesResponse {
        revision: applied.cursor.to_string(),
        number: applied.cursor.revision.0,
        subjects: subjects.collect(),
    }
}
