//! The permission that each call needs. Checked before a call's body is read; writes check again in storage.

use tonic::{Request, Status};

use super::status::{no_caller, to_status};
use crate::model::operator::Permission;
use crate::registry::{Caller, Error};

/// Returns the permission needed for the call of this path (`/package.Service/Method`); `None` if it is not part of the
/// contract, such as health and reflection, which need no credentials.
pub(super) fn permission(path: &str) -> Option<Permission> {
    if path == "/envoy.service.auth.v3.Authorization/Check" {
        return Some(Permission::Authorize);
    }
    let (service, method) = path.strip_prefix("/latchkey.v1.")?.split_once('/')?;
    match service {
        "AuthorizationService" => authorization(method),
        "KeyService" => keys(method),
        "StoreService" => stores(method),
        "MethodService" => methods(method),
        "OperatorService" => operators(method),
        "AuditService" => (method == "ListChanges").then_some(Permission::View),
        "UsageService" => (method == "GetKeyUsage").then_some(Permission::View),
        "ReplicaService" => matches!(method, "ListReplicas" | "ListLostChanges").then_some(Permission::View),
        _ => None,
    }
}

/// Returns whether the call's result depends on its caller: a decision is the same for every caller.
pub(super) fn needs_caller(path: &str) -> bool {
    !path.starts_with("/latchkey.v1.AuthorizationService/") && !path.starts_with("/envoy.")
}

fn authorization(method: &str) -> Option<Permission> {
    match method {
        "Authorize" | "BatchAuthorize" | "IntrospectKey" | "WatchChanges" => Some(Permission::Authorize),
        _ => None,
    }
}

fn keys(method: &str) -> Option<Permission> {
    match method {
        "GetKey" | "ListKeys" | "FindKey" => Some(Permission::View),
        "CreateKey" | "UpdateKey" | "RotateKey" | "RevokeSecret" | "RevokeKey" | "DeleteKey" | "ImportKeys" => {
            Some(Permission::Edit)
        }
        _ => None,
    }
}

fn stores(method: &str) -> Option<Permission> {
    match method {
        "GetStore" | "ListStores" => Some(Permission::View),
        "CreateStore" | "UpdateStore" | "DeleteStore" => Some(Permission::Edit),
        _ => None,
    }
}

fn methods(method: &str) -> Option<Permission> {
    match method {
        "GetMethod" | "ListMethods" => Some(Permission::View),
        "CreateMethod" | "UpdateMethod" | "DeleteMethod" | "ImportMethods" => Some(Permission::Edit),
        _ => None,
    }
}

fn operators(method: &str) -> Option<Permission> {
    match method {
        "GetCurrentOperator" => Some(Permission::Authorize),
        "CreateOperator" | "GetOperator" | "ListOperators" | "UpdateOperator" | "RotateOperator" | "RevokeOperator" => {
            Some(Permission::Administer)
        }
        _ => None,
    }
}

/// Returns the authenticated caller if its role has `permission`. Every service calls this itself, so that a service
/// ever served without the layer in front refuses calls instead of trusting them.
pub(super) fn caller<T>(request: &Request<T>, permission: Permission) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().ok_or_else(no_caller)?;
    if !caller.role.may(permission) {
        return Err(to_status(Error::CallerRefused(permission)));
    }
    Ok(caller.clone())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::model::id::OperatorId;
    use crate::model::operator::Role;
    use crate::model::time::Timestamp;

    /// Returns the path of every call of the contract.
    fn paths() -> Vec<String> {
        let set = FileDescriptorSet::decode(crate::proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut paths = Vec::new();
        for file in set.file.iter().filter(|file| file.package() == "latchkey.v1") {
            for service in &file.service {
                for method in &service.method {
                    paths.push(format!("/latchkey.v1.{}/{}", service.name(), method.name()));
                }
            }
        }
        paths
    }

    #[test]
    fn every_call_of_the_contract_needs_something() {
        let paths = paths();
        assert_eq!(paths.len(), 36);
        for path in &paths {
            assert!(permission(path).is_some(), "{path}");
        }
    }

    #[test]
    fn what_only_reads_needs_no_right_to_change_and_what_changes_does() {
        for path in paths() {
            let (service, method) = path.rsplit_once('/').unwrap();
            let expected = match service.strip_prefix("/latchkey.v1.").unwrap() {
                "AuthorizationService" => Permission::Authorize,
                "OperatorService" if method == "GetCurrentOperator" => Permission::Authorize,
                "OperatorService" => Permission::Administer,
                _ if ["Get", "List", "Find"].iter().any(|verb| method.starts_with(verb)) => Permission::View,
                _ => Permission::Edit,
            };
            assert_eq!(permission(&path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_of_the_contract_is_not_known() {
        for path in [
            "",
            "/",
            "/grpc.health.v1.Health/Check",
            "/latchkey.v1.KeyService",
            "/latchkey.v1.KeyService/",
            "/latchkey.v1.KeyService/getKey",
            "/latchkey.v1.KeyService/GetKey/",
            "/latchkey.v2.KeyService/GetKey",
        ] {
            assert_eq!(permission(path), None, "{path}");
        }
    }

    #[test]
    fn a_service_refuses_whom_the_layer_did_not_bring_or_should_not_have() {
        let mut request = Request::new(());
        assert_eq!(caller(&request, Permission::Authorize).unwrap_err().code(), tonic::Code::Unauthenticated);
        let viewer =
            Caller { id: OperatorId::new(Timestamp::EPOCH, [1; 10]), name: "v".to_owned(), role: Role::Viewer };
        request.extensions_mut().insert(viewer.clone());
        assert_eq!(caller(&request, Permission::View).unwrap(), viewer);
        assert_eq!(caller(&request, Permission::Edit).unwrap_err().code(), tonic::Code::PermissionDenied);
    }
}
