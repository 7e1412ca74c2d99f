//! Caller authentication: the service before all others that identifies operators by token and checks roles.
//!
//! Refusals are sent before the body is read. An admitted caller is in the request's extensions.

use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, Either, FutureExt as _};
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use super::decide::no_decision;
use super::permissions::{needs_caller, permission};
use super::status::no_caller;
use crate::authority::Authority;
use crate::model::operator::{Operator, Permission};
use crate::registry::Caller;
use crate::status;

/// Whether callers must authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerAuth {
    /// Callers must authenticate.
    Required,
    /// Any client that reaches the port may request decisions.
    OffForDecisions,
}

/// Passes a call to `S` if its caller may make it.
#[derive(Debug, Clone)]
pub struct CallerAuthService<S> {
    inner: S,
    authority: Authority,
    auth: CallerAuth,
}

/// Outcome of the permission check, as far as it is known without waiting.
enum Admission {
    Admitted(Option<Caller>),
    Refused(Status),
    Lookup(Vec<u8>, Permission),
}

impl<S> CallerAuthService<S> {
    /// Creates the service in front of `inner`; it identifies callers through `authority`.
    pub const fn new(inner: S, authority: Authority, auth: CallerAuth) -> Self {
        Self { inner, authority, auth }
    }

    fn check_caller(&self, path: &str, headers: &HeaderMap) -> Admission {
        // Health, reflection and paths without a service need no credentials.
        let Some(needed) = permission(path) else {
            return Admission::Admitted(None);
        };
        if needed == Permission::Authorize && self.auth == CallerAuth::OffForDecisions {
            return Admission::Admitted(None);
        }
        let token = match bearer_token(headers) {
            Ok(token) => token,
            Err(status) => return Admission::Refused(status),
        };
        let admit = |operator: &Operator| {
            admit(Some(operator), needed).map(|operator| needs_caller(path).then(|| caller(operator)))
        };
        match self.authority.operator_now(token, admit) {
            Some(admitted) => admitted.map_or_else(Admission::Refused, Admission::Admitted),
            None => Admission::Lookup(token.to_vec(), needed),
        }
    }
}

impl<S> Service<Request<Body>> for CallerAuthService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Send, Future: Send> + Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<Self::Response, Self::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.check_caller(request.uri().path(), request.headers()) {
            Admission::Admitted(caller) => {
                attach_caller(&mut request, caller);
                Either::Left(self.inner.call(request))
            }
            Admission::Refused(status) => Either::Right(std::future::ready(Ok(status.into_http())).boxed()),
            Admission::Lookup(token, needed) => {
                let authority = self.authority.clone();
                let clone = self.inner.clone();
                // The clone was not polled for readiness; the original was, and must make the call.
                let mut inner = std::mem::replace(&mut self.inner, clone);
                let call = async move {
                    let operator = authority.operator(&token).await.map_err(no_decision);
                    match operator.and_then(|operator| admit(operator.as_ref(), needed).map(caller)) {
                        Ok(caller) => {
                            attach_caller(&mut request, Some(caller));
                            inner.call(request).await
                        }
                        Err(status) => Ok(status.into_http()),
                    }
                };
                Either::Right(call.boxed())
            }
        }
    }
}

/// Returns the token of `authorization: Bearer …`.
fn bearer_token(headers: &HeaderMap) -> Result<&[u8], Status> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(no_caller());
    };
    let value = value.as_bytes();
    match value.split_first_chunk::<7>() {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") && values.next().is_none() => Ok(token),
        _ => {
            let message = "the credentials must have the form `authorization: Bearer lko_…`";
            Err(status::with_reason(Code::Unauthenticated, "CREDENTIALS_MALFORMED", message))
        }
    }
}

fn caller(operator: &Operator) -> Caller {
    Caller { id: operator.id, name: operator.name.clone(), role: operator.role }
}

fn admit(operator: Option<&Operator>, needed: Permission) -> Result<&Operator, Status> {
    match operator {
        None => {
            let message = "the operator token is unknown, expired or revoked";
            Err(status::with_reason(Code::Unauthenticated, "OPERATOR_TOKEN_INVALID", message))
        }
        Some(operator) if operator.role.may(needed) => Ok(operator),
        Some(operator) => {
            let message = format!("the role {} does not allow this call", operator.role.as_str());
            Err(status::with_reason(Code::PermissionDenied, "ROLE_REFUSED", message))
        }
    }
}

fn attach_caller(request: &mut Request<Body>, caller: Option<Caller>) {
    if let Some(caller) = caller {
        tracing::trace!(rpc = request.uri().path(), operator = %caller.id, "allowed");
        request.extensions_mut().insert(caller);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_one_bearer_token_counts() {
        let mut headers = HeaderMap::new();
        assert!(bearer_token(&headers).is_err());
        headers.insert("authorization", HeaderValue::from_static("bearer abc"));
        assert_eq!(bearer_token(&headers).unwrap(), b"abc");
        headers.append("authorization", HeaderValue::from_static("Bearer def"));
        assert!(bearer_token(&headers).is_err());
        headers.insert("authorization", HeaderValue::from_static("Basic abc"));
        assert!(bearer_token(&headers).is_err());
    }
}
