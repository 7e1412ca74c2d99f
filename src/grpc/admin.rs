//! What the services of the administration port share: the state, the caller's permission, and the form of a response.

use tonic::{Request, Response, Status};

use super::status::no_caller;
use crate::authority::Authority;
use crate::model::operator::Permission;
use crate::registry::{Caller, Error, Registry};
use crate::status::Reply;

/// Serves management from the registry; each service is implemented in its own file.
#[derive(Debug, Clone)]
pub(super) struct AdminApi {
    pub(super) registry: Registry,
    pub(super) authority: Authority,
}

/// Returns the response of a successful call.
#[expect(clippy::unnecessary_wraps, reason = "what a call returns")]
pub(super) fn reply<T>(message: T) -> Reply<T> {
    Ok(Response::new(message))
}

/// Returns the authenticated caller and the message if the caller's role has `permission`. Every service calls this
/// itself, so that a service ever served without the layer in front refuses calls instead of trusting them.
pub(super) fn admit<T>(mut request: Request<T>, permission: Permission) -> Result<(Caller, T), Status> {
    let caller = request.extensions_mut().remove::<Caller>().ok_or_else(no_caller)?;
    if !caller.role.may(permission) {
        return Err(Error::CallerRefused(permission).into());
    }
    Ok((caller, request.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::OperatorId;
    use crate::model::operator::Role;
    use crate::model::time::Timestamp;

    #[test]
    fn a_service_refuses_whom_the_layer_did_not_bring_or_should_not_have() {
        assert_eq!(admit(Request::new(()), Permission::Authorize).unwrap_err().code(), tonic::Code::Unauthenticated);
        let viewer =
            Caller { id: OperatorId::new(Timestamp::EPOCH, [1; 10]), name: "v".to_owned(), role: Role::Viewer };
        let request = || {
            let mut request = Request::new(());
            request.extensions_mut().insert(viewer.clone());
            request
        };
        assert_eq!(admit(request(), Permission::View).unwrap().0, viewer);
        assert_eq!(admit(request(), Permission::Edit).unwrap_err().code(), tonic::Code::PermissionDenied);
    }
}
