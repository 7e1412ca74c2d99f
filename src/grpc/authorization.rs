//! AuthorizationService: parse, decide, convert.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{self, Stream, StreamExt as _};
use prost::Message as _;
use tokio::sync::broadcast::error::RecvError;
use tonic::{Request, Response, Status};

use super::auth::undecided_status;
use super::status::to_status;
use crate::authority::{Applied, Authority, Introspection, LONG_CALL, Query};
use crate::lifecycle::Tasks;
use crate::model::change::{Cursor, CursorError};
use crate::model::decision::{self, Decision, Reason, Scope};
use crate::proto::v1 as proto;
use crate::proto::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use crate::proto::v1::batch_authorize_result::Result as Answer;
use crate::registry::Violations;

/// Most questions in a batch.
const MAX_BATCH: usize = 1_000;
/// Most stores that one call names.
const MAX_STORES: usize = 1_000;
/// Longest method, in bytes.
const MAX_METHOD: usize = 8_192;

/// Answers questions by asking an authority.
#[derive(Debug)]
pub(super) struct Authorization {
    authority: Authority,
    tasks: Tasks,
}

type Watch = Pin<Box<dyn Stream<Item = Result<proto::WatchChangesResponse, Status>> + Send>>;

/// A question, read.
struct Question<'a> {
    query: Query<'a>,
}

impl Authorization {
    /// The service over `authority`, whose streams end when `tasks` are to stop.
    pub(super) fn service(authority: Authority, tasks: Tasks) -> AuthorizationServiceServer<Self> {
        AuthorizationServiceServer::new(Self { authority, tasks })
    }

    async fn answer(&self, query: &Query<'_>) -> Result<proto::Decision, Status> {
        match self.authority.decide_now(query, to_decision) {
            Some(decision) => Ok(decision),
            None => self.authority.decide(query, to_decision).await.map_err(undecided_status),
        }
    }
}

#[tonic::async_trait]
impl AuthorizationService for Authorization {
    async fn authorize(
        &self,
        request: Request<proto::AuthorizeRequest>,
    ) -> Result<Response<proto::AuthorizeResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::new();
        let Some(question) = Question::read(&request, &mut violations) else {
            return Err(to_status(violations.into()));
        };
        let decision = self.answer(&question.query).await?;
        Ok(Response::new(proto::AuthorizeResponse { decision: Some(decision) }))
    }

    async fn batch_authorize(
        &self,
        request: Request<proto::BatchAuthorizeRequest>,
    ) -> Result<Response<proto::BatchAuthorizeResponse>, Status> {
        let request = request.into_inner();
        let long = request.encoded_len() > LONG_CALL;
        let requests = request.requests;
        if requests.is_empty() || requests.len() > MAX_BATCH {
            let what = format!("has {} questions; 1 to {MAX_BATCH} can be asked at once", requests.len());
            return Err(to_status(Violations::one("requests", what).into()));
        }
        let results = if long {
            let handed = self.authority.hand_over(|authority| async move { answer_all(&authority, &requests).await });
            handed.await.map_err(|error| Status::internal(format!("the batch was not decided: {error}")))??
        } else {
            answer_all(&self.authority, &requests).await?
        };
        Ok(Response::new(proto::BatchAuthorizeResponse { results }))
    }

    async fn introspect_key(
        &self,
        request: Request<proto::IntrospectKeyRequest>,
    ) -> Result<Response<proto::IntrospectKeyResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::new();
        if request.key.is_empty() {
            violations.add("key", "must be the token to tell about");
        }
        let min_revision = read_revision(&request.min_revision, "min_revision", &mut violations);
        check(violations)?;
        let told = self.authority.introspect(&request.key, min_revision).await.map_err(undecided_status)?;
        Ok(Response::new(to_introspection(told)))
    }

    type WatchChangesStream = Watch;

    async fn watch_changes(
        &self,
        request: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let mut violations = Violations::new();
        let after = read_revision(&request.into_inner().after_revision, "after_revision", &mut violations);
        check(violations)?;
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

/// Answers a batch: what is at hand at once; the rest is waited for together.
async fn answer_all(
    authority: &Authority,
    requests: &[proto::AuthorizeRequest],
) -> Result<Vec<proto::BatchAuthorizeResult>, Status> {
    let mut violations = Violations::new();
    let questions: Vec<_> = requests
        .iter()
        .enumerate()
        .filter_map(|(at, request)| {
            violations.within(format_args!("requests[{at}]"), |violations| Question::read(request, violations))
        })
        .collect();
    check(violations)?;
    let at_once = |question: &Question<'_>| authority.decide_now(&question.query, to_decision);
    let mut results: Vec<_> = questions
        .iter()
        .map(|question| proto::BatchAuthorizeResult { result: at_once(question).map(Answer::Decision) })
        .collect();
    let rest = results.iter_mut().zip(&questions).filter(|(result, _)| result.result.is_none());
    join_all(rest.map(|(result, question)| async {
        result.result = Some(match authority.decide(&question.query, to_decision).await {
            Ok(decision) => Answer::Decision(decision),
            Err(undecided) => Answer::Undecided(proto::Undecided { message: undecided.to_string() }),
        });
    }))
    .await;
    Ok(results)
}

impl<'a> Question<'a> {
    fn read(request: &'a proto::AuthorizeRequest, violations: &mut Violations) -> Option<Self> {
        let before = violations.total();
        if request.method.len() > MAX_METHOD {
            violations.add("method", format_args!("is longer than {MAX_METHOD} bytes"));
        }
        if request.stores.len() > MAX_STORES {
            violations.add("stores", format_args!("names more than {MAX_STORES} stores"));
        }
        if let Some(at) = request.stores.iter().position(String::is_empty) {
            violations.add(format_args!("stores[{at}]"), "is empty; leave it out, or name a store");
        }
        let client = match request.client_address.parse::<IpAddr>() {
            Ok(address) => Some(address),
            Err(_) if request.client_address.is_empty() => None,
            Err(_) => {
                let what = "is no IP address; send it without a port, such as `192.0.2.7` or `2001:db8::7`";
                violations.add("client_address", what);
                None
            }
        };
        let min_revision = read_revision(&request.min_revision, "min_revision", violations);
        (violations.total() == before).then(|| Question {
            query: Query {
                token: &request.key,
                request: decision::Request {
                    method: &request.method,
                    store: &request.store,
                    stores: &request.stores,
                    client,
                    stores_from: decision::StoresFrom::Service,
                },
                min_revision,
            },
        })
    }
}

fn read_revision(text: &str, field: &str, violations: &mut Violations) -> Option<Cursor> {
    if text.is_empty() {
        return None;
    }
    text.parse().map_err(|error: CursorError| violations.add(field, error)).ok()
}

/// Refuses a call with violations.
fn check(violations: Violations) -> Result<(), Status> {
    if violations.is_empty() { Ok(()) } else { Err(to_status(violations.into())) }
}

fn fallen_behind() -> Status {
    Status::out_of_range("that revision is no longer remembered here: read the state anew and watch from now on")
}

// === model → proto ===

fn to_decision(decision: &Decision<'_>) -> proto::Decision {
    let failed_checks: Vec<i32> = decision.failed.iter().map(|reason| to_reason(reason).into()).collect();
    let (key_id, secret_id) = decision.key.map(|(key, secret)| (key.to_text(), secret.to_text())).unwrap_or_default();
    proto::Decision {
        allowed: decision.allowed(),
        reason: failed_checks.first().copied().unwrap_or(proto::Reason::Allowed.into()),
        failed_checks,
        key_id,
        store: decision.store.unwrap_or_default().to_owned(),
        scope: decision.scope.as_ref().map(to_scope),
        denied_stores: decision.denied_stores.iter().map(ToString::to_string).collect(),
        methods: decision.methods.iter().map(|entry| entry.identity.to_text()).collect(),
        revision: decision.revision.0,
        secret_id,
    }
}

fn to_scope(scope: &Scope<'_>) -> proto::Scope {
    let (kind, stores) = match scope {
        Scope::All => (proto::ScopeKind::All, Vec::new()),
        Scope::Listed(codes) => (proto::ScopeKind::Listed, codes.iter().map(ToString::to_string).collect()),
        Scope::Large => (proto::ScopeKind::Large, Vec::new()),
    };
    proto::Scope { kind: kind.into(), stores }
}

pub(super) const fn to_reason(reason: Reason) -> proto::Reason {
    match reason {
        Reason::KeyMissing => proto::Reason::KeyMissing,
        Reason::KeyMalformed => proto::Reason::KeyMalformed,
        Reason::KeyUnknown => proto::Reason::KeyUnknown,
        Reason::KeyRevoked => proto::Reason::KeyRevoked,
        Reason::KeyInactive => proto::Reason::KeyInactive,
        Reason::KeyNotYetValid => proto::Reason::KeyNotYetValid,
        Reason::KeyExpired => proto::Reason::KeyExpired,
        Reason::SecretExpired => proto::Reason::SecretExpired,
        Reason::NetworkDenied => proto::Reason::NetworkDenied,
        Reason::MethodRequired => proto::Reason::MethodRequired,
        Reason::PathAmbiguous => proto::Reason::PathAmbiguous,
        Reason::MethodUnknown => proto::Reason::MethodUnknown,
        Reason::MethodDenied => proto::Reason::MethodDenied,
        Reason::StoreRequired => proto::Reason::StoreRequired,
        Reason::StoreUnknown => proto::Reason::StoreUnknown,
        Reason::StoreInactive => proto::Reason::StoreInactive,
        Reason::StoreDenied => proto::Reason::StoreDenied,
    }
}

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

fn to_change(applied: &Arc<Applied>) -> proto::WatchChangesResponse {
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
