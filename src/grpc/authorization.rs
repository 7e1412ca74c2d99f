//! AuthorizationService: parse, decide, convert.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt as _};
use prost::Message;
use tokio::sync::broadcast::error::RecvError;
use tonic::{Code, Request, Response, Status};

use super::decide::{authorize, batch_authorize, no_decision};
use super::request::{BorrowedRequest, parse_revision};
use super::wire::{Framed, to_reason};
use crate::authority::{AppliedRevision, Authority, Introspection};
use crate::lifecycle::Tasks;
use crate::model::violations::Violations;
use crate::proto::v1 as pb;
use crate::proto::v1::authorization_service_server::AuthorizationService;
use crate::status::{self, Reply};

/// Serves decisions of an authority.
#[derive(Debug)]
pub(super) struct AuthorizationApi {
    pub(super) authority: Authority,
    /// Streams end when these stop.
    pub(super) tasks: Tasks,
}

type ChangeStream = Pin<Box<dyn Stream<Item = Result<pb::WatchChangesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl AuthorizationService for AuthorizationApi {
    async fn authorize(&self, request: Request<pb::AuthorizeRequest>) -> Reply<pb::AuthorizeResponse> {
        let request = request.into_inner();
        decode_response(&authorize(&self.authority, &BorrowedRequest::from(&request)).await?)
    }

    async fn batch_authorize(&self, request: Request<pb::BatchAuthorizeRequest>) -> Reply<pb::BatchAuthorizeResponse> {
        let request = request.into_inner();
        let requests: Vec<BorrowedRequest<'_>> = request.requests.iter().map(BorrowedRequest::from).collect();
        decode_response(&batch_authorize(&self.authority, &requests).await?)
    }

    async fn introspect_key(&self, request: Request<pb::IntrospectKeyRequest>) -> Reply<pb::IntrospectKeyResponse> {
        let request = request.into_inner();
        let mut violations = Violations::new();
        if request.key.is_empty() {
            violations.add("key", "must not be empty");
        }
        let min_revision = parse_revision(&request.min_revision, "min_revision", &mut violations);
        status::check(&violations)?;
        let introspection = self.authority.introspect(&request.key, min_revision).await.map_err(no_decision)?;
        Ok(Response::new(to_introspection(introspection)))
    }

    type WatchChangesStream = ChangeStream;

    async fn watch_changes(&self, request: Request<pb::WatchChangesRequest>) -> Reply<Self::WatchChangesStream> {
        let mut violations = Violations::new();
        let after = parse_revision(&request.into_inner().after_revision, "after_revision", &mut violations);
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
fn decode_response<T: Message + Default>(framed: &Framed) -> Reply<T> {
    let read = T::decode(framed.message());
    read.map(Response::new)
        .map_err(|error| status::new(Code::Internal, format!("the response could not be encoded correctly: {error}")))
}

fn fallen_behind() -> Status {
    let message = "this replica no longer remembers that revision: read the state again and watch from now on";
    status::with_reason(Code::OutOfRange, "REVISION_FORGOTTEN", message)
}

// === model → proto ===

fn to_introspection(introspection: Introspection) -> pb::IntrospectKeyResponse {
    let revision = introspection.revision.0;
    let Some(reach) = introspection.access else {
        let reason = introspection.refused.map_or(pb::Reason::Unspecified, to_reason);
        return pb::IntrospectKeyResponse { reason: reason.into(), revision, ..Default::default() };
    };
    let access = |all| if all { pb::Access::All } else { pb::Access::Selected }.into();
    let time = |time: crate::model::time::Timestamp| {
        let (seconds, nanos) = time.as_seconds();
        prost_types::Timestamp { seconds, nanos }
    };
    pb::IntrospectKeyResponse {
        usable: true,
        reason: pb::Reason::Allowed.into(),
        key_id: reach.key.to_string(),
        name: reach.name,
        store_access: access(reach.all_stores),
        stores: reach.stores.into_iter().map(|(code, name)| pb::IntrospectedStore { code, name }).collect(),
        method_access: access(reach.all_methods),
        methods: reach.methods,
        expire_time: reach.expires.map(time),
        secret_expire_time: reach.secret_expires.map(time),
        revision,
        scopes: reach.scopes,
    }
}

fn to_change(applied: &Arc<AppliedRevision>) -> pb::WatchChangesResponse {
    let subjects = applied.subjects.iter().map(|subject| pb::ChangedSubject {
        kind: subject.kind.clone(),
        id: subject.id.clone(),
        action: subject.action.clone(),
    });
    pb::WatchChangesResponse {
        revision: applied.cursor.to_string(),
        number: applied.cursor.revision.0,
        subjects: subjects.collect(),
    }
}
